"""The documents say what the code does."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from metrics_app import conf as metrics_conf
from metrics_app.client import flush
from metrics_app.collector import collect_all
from metrics_app.queries import list_topics
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
    for name in re.findall(r"(?:`|^)make ([a-z]+)", text, re.MULTILINE):
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


def test_the_changelog_knows_the_version():
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    assert re.search(
        rf"^## (Unreleased|{re.escape(version)})", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
