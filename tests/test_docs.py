"""The documents say what the code does."""

import json
import re
import time
from pathlib import Path

import pytest
from django.core.management import get_commands

from metrics_app import conf as metrics_conf
from metrics_app.client import flush
from metrics_app.collector import collect_all
from metrics_app.core.webhooks import parse_secrets, sign
from metrics_app.models import Breach, Kpi, Notice, Threshold
from metrics_app.queries import list_topics
from metrics_app.services.notices.facts import describe_breach
from pipelines_app import conf as pipelines_conf

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "exercises").rglob("*.md")])
MAKEFILE = (ROOT / "Makefile").read_text()


def read_table(heading):
    """The rows of the table under a heading of docs/settings.md: key → default."""
    text = (ROOT / "docs/settings.md").read_text()
    section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", section, re.MULTILINE))


@pytest.mark.parametrize(
    ("heading", "conf"), [("`METRICS_APP`", metrics_conf), ("`PIPELINES_APP`", pipelines_conf)]
)
def test_it_lists_every_setting_with_its_default(heading, conf):
    assert read_table(heading) == {key: f"`{default!r}`" for key, default in conf.DEFAULTS.items()}


def test_it_lists_every_variable_of_the_environment():
    settings = (ROOT / "hms_gov/settings.py").read_text()
    assert set(read_table("Environment of the project")) == set(re.findall(r'env\.\w+\(\s*"(\w+)"', settings))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_it_names_only_commands_that_exist(page):
    text = page.read_text()
    for name in re.findall(r"manage\.py ([a-z_]+)", text):
        assert name in get_commands(), name
    for name in re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE):
        assert re.search(rf"^{name}:", MAKEFILE, re.MULTILINE), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_it_links_to_files_that_exist(page):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.django_db
def test_the_readme_shows_code_that_runs():
    for code in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL):
        exec(compile(code, "README.md", "exec"), {})
    assert flush(5)
    collect_all()
    assert set(list_topics()) == {"complaint.received", "complaint.latency"}


def test_the_page_of_notices_shows_how_to_verify_one():
    text = (ROOT / "docs/notices.md").read_text()
    names = {}
    exec(compile(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], "notices.md", "exec"), names)
    secret, body = re.search(r'"(whsec_[^"]+)"', text)[1], b'{"type": "metrics.test"}'
    headers = sign(parse_secrets(secret), "msg_1", int(time.time()), body)
    assert names["is_genuine"](headers, body, secret)
    assert not names["is_genuine"](headers, body + b" ", secret)
    old = sign(parse_secrets(secret), "msg_1", int(time.time()) - 3600, body)
    assert not names["is_genuine"](old, body, secret)


def test_the_page_of_notices_shows_every_field_of_the_payload_and_every_event():
    text = (ROOT / "docs/notices.md").read_text()
    shown = json.loads(re.search(r"```json\n(.*?)```", text, re.DOTALL)[1])
    breach = Breach(threshold=Threshold(kpi=Kpi(topic="complaint.latency"), limit=1), outcome="")
    row = Notice(event="firing", at=1, breach=breach)
    assert set(shown["data"]["notices"][0]) == set(describe_breach(row, [], breach.threshold))
    for event in set(Notice.Event.values) - {"test"}:
        assert f"`{event}`" in text


def test_the_changelog_knows_the_version():
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    assert re.search(
        rf"^## (Unreleased|{re.escape(version)})", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
