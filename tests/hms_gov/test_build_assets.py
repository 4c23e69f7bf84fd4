"""The front-end parts: what the pages ask for is there, and nothing of it is committed."""

import json
import posixpath
import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import CommandError, call_command

from hms_gov.management.commands import build_assets

ROOT = Path(settings.BASE_DIR)
VENDOR = ROOT / "metrics_app/static/vendor"
PAGES = [*ROOT.glob("templates/**/*.html"), *ROOT.glob("*_app/templates/**/*.html")]


@pytest.fixture(scope="module", autouse=True)
def built():
    """Built once; at once where it is up to date."""
    call_command("build_assets", verbosity=0)


def test_every_static_file_a_page_names_is_there():
    names = {name for page in PAGES for name in re.findall(r"{% static '([^']+)' %}", page.read_text())}
    assert len(names) > 5
    assert [name for name in sorted(names) if not finders.find(name)] == []


def test_every_import_of_a_module_leads_somewhere():
    modules = [path for path in ROOT.glob("*/static/*/*.js") if path.parent.name != "vendor"]
    assert len(modules) > 5
    for module in modules:
        for name in re.findall(r'^import .*? from "(\.[^"]+)";', module.read_text(), re.MULTILINE):
            # As the browser resolves it: below /static/, whichever app the file is in.
            url = posixpath.normpath(f"{module.parent.name}/{name}")
            assert finders.find(url), f"{module.name} imports {name}"


def test_the_style_sheet_finds_its_fonts_and_images():
    css = (VENDOR / "uswds/css/uswds.min.css").read_text()
    wanted = set(build_assets.URL.findall(css))
    assert any("sourcesanspro-bold" in name for name in wanted)
    assert [name for name in sorted(wanted) if not (VENDOR / "uswds" / name).exists()] == []


def test_what_is_left_out_is_not_named():
    css = '@font-face{src:url(../fonts/roboto-mono/a.woff2)}.a{background:url("../img/hero.jpg?1") top}'
    kept = "@font-face{src:url(../fonts/source-sans-pro/a.woff2)}.b{background:url(../img/b.svg)}"
    assert build_assets.leave_out_unused(css + kept) == ".a{background:none top}" + kept


def test_large_texts_are_served_compressed(client):
    response = client.get("/static/vendor/uswds/css/uswds.min.css", headers={"Accept-Encoding": "gzip"})
    assert response["Content-Encoding"] == "gzip"
    assert int(response["Content-Length"]) < 100_000


def test_what_is_up_to_date_is_not_built_again(capsys):
    call_command("build_assets")
    assert "up to date" in capsys.readouterr().out


def test_the_lock_file_names_no_registry():
    lock = json.loads((ROOT / "package-lock.json").read_text())
    assert all("resolved" not in package for package in lock["packages"].values())


def test_no_third_party_file_is_committed():
    try:
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a git checkout")
    assert [name for name in listed.stdout.splitlines() if "vendor/" in name or "node_modules" in name] == []


def test_npm_of_the_path_is_taken_and_nothing_is_fetched(monkeypatch):
    monkeypatch.setattr(build_assets.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(build_assets, "fetch_node", None)
    with build_assets.reach_npm(ROOT) as npm:
        assert npm == ["/usr/bin/npm"]


def test_the_wheel_of_node_serves_where_no_npm_is_on_the_path_and_is_gone_afterwards(monkeypatch):
    fetched = []
    monkeypatch.setattr(build_assets.shutil, "which", lambda name: None)
    monkeypatch.setattr(build_assets.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(
        build_assets, "fetch_node", lambda pins, directory: fetched.append((pins.name, directory))
    )
    with build_assets.reach_npm(ROOT) as (node, npm):
        [(pins, directory)] = fetched
        assert pins == "requirements-node.txt" and Path(directory).exists()
        assert node.startswith(directory) and npm.endswith("npm-cli.js")
    assert not Path(directory).exists()


def test_the_packages_are_gone_after_a_build_for_the_pages_and_are_only_those_they_need(monkeypatch):
    asked = []
    monkeypatch.setattr(build_assets, "install_packages", lambda root, *, dev: asked.append((root, dev)))
    with build_assets.unpack_packages(ROOT, dev=False) as modules:
        assert asked == [(modules.parent, False)] and modules.parent != ROOT
        assert (modules.parent / "package-lock.json").exists()
    assert not modules.parent.exists()


def test_a_node_that_cannot_be_had_is_said_with_what_to_do(tmp_path):
    (tmp_path / "pins.txt").write_text("--no-index\nno-such-package==1\n")
    with pytest.raises(CommandError, match="install Node.js"):
        build_assets.fetch_node(tmp_path / "pins.txt", str(tmp_path / "target"))
