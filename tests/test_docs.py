"""The documents say what the code does."""

import json
import re
import shlex
import time
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands
from django.urls import Resolver404, resolve

from handbook.commands import make_parser
from handbook.pages import GENERATED, LINK, TEXTS
from metrics_app import conf as metrics_conf
from metrics_app.client import flush
from metrics_app.collector import collect_all
from metrics_app.core.webhooks import parse_secrets, sign
from metrics_app.models import Breach, Kpi, Notice, Threshold
from metrics_app.queries import list_topics
from metrics_app.routing import http_urlpatterns, websocket_urlpatterns
from metrics_app.services.notices.facts import describe_breach
from pipelines_app import conf as pipelines_conf

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "exercises").rglob("*.md")])
MAKEFILE = (ROOT / "Makefile").read_text()
# The changelog speaks of what has gone, too.
PRESENT = [page for page in PAGES if page.name != "CHANGELOG.md"]
VARIABLES = set(re.findall(r'env\.\w+\(\s*"(\w+)"', (ROOT / "hms_gov/settings.py").read_text()))
# Not ours, of senders, or names of the code.
FOREIGN = {
    "BUILT_IN", "CELERY_SKIP_CHECKS", "DJANGO_SUPERUSER_PASSWORD", "DJANGO_SUPERUSER_USERNAME", "HMS_KEY",
    "HMS_PICTURES", "HMS_URL", "HOUR_MS", "HOUR_S", "REMOTE_ADDR", "SSL_CERT_FILE",
}  # fmt: skip
KNOWN = {*metrics_conf.DEFAULTS, *pipelines_conf.DEFAULTS, *VARIABLES, *FOREIGN}
LIVE = [*http_urlpatterns, *websocket_urlpatterns]
# Of the reader's own site, and the ends of addresses that stand in the same row.
OTHERS = {"/metrics-ticket", "/reject/", "/mkt/"}

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
each_present_page = pytest.mark.parametrize("page", PRESENT, ids=lambda page: str(page.relative_to(ROOT)))


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
    assert set(read_table("Environment of the project")) == VARIABLES


def read_blocks(text, language):
    """The blocks of code of a language in a page."""
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)


def list_anchors(path):
    """What a link may lead to within a page: its headings, as GitHub and MkDocs spell them."""
    text = re.sub(r"^ *```.*?^ *```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def is_address(path):
    """Whether the site answers at an address: over HTTP, or as a stream or WebSocket."""
    path = re.sub(r"\{\w+\}", "1", path.partition("?")[0])
    try:
        resolve(path)
    except Resolver404:
        return any(route.pattern.match(path.removeprefix("/")) for route in LIVE)
    return True


@each_page
def test_it_names_only_commands_and_options_that_exist(page):
    text = page.read_text()
    for name, rest in re.findall(r"manage\.py ([a-z_]+)([^`\n|;&#]*)", text):
        assert name in get_commands(), name
        options = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", rest))
        taken = set(make_parser(name)._option_string_actions)
        assert options <= taken, f"manage.py {name} takes no {options - taken}"
    for name in re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE):
        assert re.search(rf"^{name}:", MAKEFILE, re.MULTILINE), name


@each_page
def test_its_commands_are_taken_as_they_stand(page):
    for block in read_blocks(page.read_text(), "sh"):
        for name, rest in re.findall(r"manage\.py ([a-z_]+)([^\n|;&#]*)", block):
            make_parser(name).parse_args(shlex.split(rest))


@each_page
def test_it_links_to_files_and_headings_that_exist(page):
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text()):
        path = page.parent / target if target else page
        assert path.exists(), target
        assert not anchor or anchor in list_anchors(path), f"{target}#{anchor}"


def list_sources():
    """The files of the project whose comments may name a page."""
    for folder in ("metrics_app", "pipelines_app", "hms_gov", "handbook", "release", "deploy"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".js", ".html", ".css", ".service"} and "vendor" not in path.parts:
                yield path
    yield from (ROOT / name for name in ("compose.yaml", "Dockerfile", "Makefile", "mkdocs.yml", "Procfile"))


def test_comments_name_only_pages_and_headings_that_exist():
    for source in list_sources():
        for page, anchor in re.findall(r"\b(docs/[\w-]+\.md)(?:#([\w-]+))?", source.read_text()):
            assert (ROOT / page).exists(), f"{source}: {page}"
            assert not anchor or anchor in list_anchors(ROOT / page), f"{source}: {page}#{anchor}"


@each_present_page
def test_it_names_only_settings_that_exist(page):
    text = page.read_text()
    named = set(re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`", text))
    named |= set(re.findall(r"_APP\[\"(\w+)\"\]", text))
    assert named - KNOWN - set(dir(settings)) == set()


@each_present_page
def test_it_names_only_addresses_that_exist(page):
    named = re.findall(r"`(?:[A-Z]+ )?(/(?!etc/)[a-z][^`\s…]*)`", page.read_text())
    assert [path for path in named if path not in OTHERS and not is_address(path)] == []


def list_leaves(entry):
    """The pages of a part of the navigation."""
    if isinstance(entry, str):
        return [entry]
    return [
        leaf for one in (entry.values() if isinstance(entry, dict) else entry) for leaf in list_leaves(one)
    ]


def test_each_page_stands_once_in_the_navigation_and_in_the_list_of_pages():
    pages = [path.name for path in (ROOT / "docs").glob("*.md")]
    navigation = list_leaves(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    assert sorted(navigation) == sorted([*pages, *TEXTS, *GENERATED])
    listed = {target for target, _ in LINK.findall((ROOT / "docs/index.md").read_text())}
    assert {*pages, *(f"../{path}" for path in TEXTS.values())} - {"index.md"} == listed


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
