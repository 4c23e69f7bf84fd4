"""The pages of docs/ as the site has them: nothing but links and empty lines differs."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from handbook.pages import GENERATED, ROOT, TEXTS, list_files, move_links, place, space_out


@pytest.mark.parametrize(
    ("target", "link", "moved"),
    [
        ("api.md", "history.md#open-data", "history.md#open-data"),
        ("upgrading.md", "../CHANGELOG.md", "changelog.md"),
        ("index.md", "../exercises/12/README.md", "tutorial.md"),
        ("changelog.md", "docs/proxy.md#x", "proxy.md#x"),
        ("tutorial.md", "../../docs/pictures/kpi.png", "pictures/kpi.png"),
        ("agents.md", "../metrics_app/a.js", "source/metrics_app/a.js"),
        ("api.md", "https://example.org/a.md", "https://example.org/a.md"),
        ("api.md", "#live", "#live"),
    ],
)
def test_a_link_leads_to_the_same_page_in_the_site(target, link, moved):
    assert move_links(f"see [it]({link}).", target) == f"see [it]({moved})."


def test_a_link_that_is_called_by_its_file_is_called_by_the_title_of_the_page():
    text = "see [watch.md](watch.md#slots), [docs/api.md](api.md), [the rest](api.md)"
    assert (
        move_links(text, "notices.md") == "see [The watch](watch.md#slots), [API](api.md), [the rest](api.md)"
    )


def test_code_is_left_as_it_stands():
    code = "```python\ncall = actions[name](order.md)\n- no list\n| no table\n```"
    assert move_links(code, "agents.md") == space_out(code) == code


def test_lists_and_tables_begin_behind_an_empty_line():
    text = "These:\n- one\n- two\n\n| a |\n|---|\n| b |\nThose:\n1. three\n   - inner\n2. four"
    spaced = "These:\n\n- one\n- two\n\n| a |\n|---|\n| b |\nThose:\n\n1. three\n   - inner\n2. four"
    assert space_out(text) == spaced


def test_files_that_pages_lead_to_are_there():
    files = list_files()
    assert "metrics_app/static/metrics_app/metrics.js" in files
    assert all((ROOT / path).is_file() and place(path) == f"source/{path}" for path in files)


def build(directory, *options):
    """Builds the site as `make docs` does, and says what came of it."""
    pytest.importorskip("mkdocs", reason="`make docs` installs MkDocs")
    [command] = re.findall(r"\$\(BIN\)/python (-m mkdocs .*)", (ROOT / "Makefile").read_text())
    return subprocess.run(
        [sys.executable, *command.split(), *options, "--site-dir", str(directory)],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.long
def test_the_site_is_built_with_nothing_from_elsewhere(tmp_path):
    done = build(tmp_path)
    assert done.returncode == 0, done.stderr
    for page in (*GENERATED, *TEXTS, "index.md"):
        text = (tmp_path / page.replace(".md", ".html")).read_text()
        assert 'src="http' not in text and "unpkg.com" not in text


@pytest.mark.long
@pytest.mark.parametrize("link", ["watch.md#no-such-heading", "no-such-page.md", "pictures/no.png"])
def test_the_build_fails_at_a_link_that_leads_nowhere_and_names_it(tmp_path, link):
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    with (tmp_path / "docs/scaling.md").open("a") as page:
        page.write(f"\nSee [this]({link}).\n")
    config = {"INHERIT": str(ROOT / "mkdocs.yml"), "docs_dir": str(tmp_path / "docs")}
    config["hooks"] = [str(ROOT / "handbook/hook.py")]
    (tmp_path / "mkdocs.yml").write_text(yaml.safe_dump(config))
    done = build(tmp_path / "site", "--config-file", str(tmp_path / "mkdocs.yml"))
    assert done.returncode == 1 and link in done.stderr
