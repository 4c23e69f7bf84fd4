"""The two apps and what joins them as one distribution, in the project of a stranger."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from release.check_release import find_faults, read_wheel

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("metrics_app", "pipelines_app", "hms_gov", "release", "pyproject.toml")
PARTS += ("MANIFEST.in", "README.md", "CHANGELOG.md", "LICENSE")
pytestmark = pytest.mark.slow


def run(command, directory, **environment):
    """What a command prints; fails with that when it fails."""
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def copy_source(directory):
    """What the distribution is made of, as a fresh clone has it after `make install`."""
    directory.mkdir(exist_ok=True)
    for part in PARTS:
        origin = ROOT / part
        copy = shutil.copytree if origin.is_dir() else shutil.copy
        copy(origin, directory / part)
    # setuptools takes tests into an sdist by itself.
    (directory / "tests").mkdir()
    (directory / "tests/test_one.py").touch()
    return directory


def build(source, target, *kinds):
    """Wheel and sdist of a source, as `make dist` builds them."""
    for kind in kinds:
        run([sys.executable, "release/backend.py", kind, str(target)], source, PATH="/usr/bin:/bin")
    return target


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return copy_source(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def dist(source, tmp_path_factory):
    """Wheel and sdist, built from a copy of what they are made of."""
    return build(source, tmp_path_factory.mktemp("dist"), "sdist", "wheel")


@pytest.fixture(scope="module")
def wheel(dist):
    return next(dist.glob("*.whl"))


@pytest.fixture(scope="module")
def unpacked(wheel, tmp_path_factory):
    """What the wheel brings, as installed."""
    directory = tmp_path_factory.mktemp("unpacked")
    zipfile.ZipFile(wheel).extractall(directory)
    return directory


def test_wheel_and_sdist_are_complete_and_carry_nothing_else(dist):
    assert find_faults(dist) == []


def test_what_is_missing_or_more_is_said_by_name(dist, tmp_path):
    broken = shutil.copytree(dist, tmp_path / "dist")
    [path] = broken.glob("*.whl")
    lacking = read_wheel(path)
    del lacking["metrics_app/lua/apply.lua"]
    lacking["tests/test_one.py"] = b'root = "/home/ada"'
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in lacking.items():
            archive.writestr(name, content)
    assert find_faults(broken) == [
        "the wheel lacks metrics_app/lua/apply.lua",
        "the wheel has tests/test_one.py",
        "the wheel names a folder of a machine in tests/test_one.py",
    ]


def test_it_says_of_two_wheels_that_they_are_two(dist, tmp_path):
    shutil.copy(next(dist.glob("*.whl")), tmp_path / "b-1-py3-none-any.whl")
    assert find_faults(tmp_path) == [f"{tmp_path} has 1 wheels and 0 sdists: expected one of each"]


def test_equal_trees_give_equal_bytes(dist, source, tmp_path):
    # Rights and dates are those of whoever cloned it.
    (source / "metrics_app/apps.py").chmod(0o600)
    os.utime(source / "metrics_app/apps.py", (0, 0))
    shutil.rmtree(source / "build")
    build(source, tmp_path, "sdist", "wheel")
    for path in dist.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()


def test_nothing_is_built_without_the_front_end(source):
    front, away = source / "metrics_app/static/vendor", source / "away"
    front.rename(away)
    try:
        command = [sys.executable, "release/backend.py", "wheel", "dist"]
        done = subprocess.run(command, cwd=source, capture_output=True, text=True)
    finally:
        away.rename(front)
    assert done.returncode == 1
    assert "lacks uplot/uPlot.esm.js" in done.stderr and "build_assets" in done.stderr


def test_it_asks_for_what_a_stranger_cannot_do_without_and_leaves_the_rest_to_them(wheel):
    archive = zipfile.ZipFile(wheel)
    name = next(name for name in archive.namelist() if name.endswith("METADATA"))
    wanted = re.findall(r"^Requires-Dist: (.+)$", archive.read(name).decode(), re.MULTILINE)
    needed = {text for text in wanted if "extra ==" not in text}
    assert "Django>=5.2" in needed, "no upper pin: the newest Django is taken"
    assert "celery[redis]>=5.4" in needed
    extras = {Requirement(text).name for text in wanted} - {Requirement(text).name for text in needed}
    assert extras == {"django-celery-beat", "psycopg", "pyarrow", "uvicorn", "websockets", "httptools"}


def test_emit_needs_no_django(unpacked):
    code = (
        "import sys; from metrics_app import emit; emit('complaint.received');"
        "assert 'django' not in sys.modules and 'numpy' not in sys.modules"
    )
    environment = {"HMS_URL": "http://127.0.0.1:1", "HMS_KEY": "k", "PYTHONPATH": str(unpacked)}
    run([sys.executable, "-c", code], unpacked, **environment)
