"""The two apps and what joins them as one distribution, in the project of a stranger."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("metrics_app", "pipelines_app", "hms_gov", "pyproject.toml", "README.md", "LICENSE")
pytestmark = pytest.mark.slow

SETTINGS = """
SECRET_KEY = "a stranger's"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.sessions", "django.contrib.messages", "rest_framework",
    "metrics_app", "pipelines_app", "hms_gov.joins",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
METRICS_APP = {"REDIS_URL": "redis://127.0.0.1:6379/0"}
import metrics_app.schedule, pipelines_app.schedule
CELERY_BEAT_SCHEDULE = metrics_app.schedule.SCHEDULE | pipelines_app.schedule.SCHEDULE
"""


def run(command, directory, **environment):
    """What a command prints; fails with that when it fails."""
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy of what it is made of."""
    source = tmp_path_factory.mktemp("source")
    for part in PARTS:
        origin = ROOT / part
        copy = shutil.copytree if origin.is_dir() else shutil.copy
        copy(origin, source / part)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "."]
    run(command, source, PATH="/usr/bin:/bin")
    return next(source.glob("*.whl"))


@pytest.fixture(scope="module")
def project(wheel, tmp_path_factory):
    """A stranger's project with the wheel unpacked beside its settings."""
    directory = tmp_path_factory.mktemp("project")
    zipfile.ZipFile(wheel).extractall(directory)
    (directory / "settings.py").write_text(SETTINGS)
    return directory


def test_it_carries_everything_that_is_not_python(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for app in ("metrics_app", "pipelines_app", "hms_gov/joins"):
        for path in (ROOT / app).rglob("*"):
            if path.is_file() and path.suffix in {".html", ".lua", ".js", ".css", ".woff2", ".svg", ".txt"}:
                assert str(path.relative_to(ROOT)) in names
    assert "metrics_app/static/metrics_app/metrics.js" in names
    assert "metrics_app/lua/apply.lua" in names


def test_it_carries_neither_the_project_nor_the_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    folders = {name.split("/")[0] for name in names}
    assert {folder for folder in folders if not folder.endswith(".dist-info")} == {
        "metrics_app",
        "pipelines_app",
        "hms_gov",
    }
    assert all(name.startswith("hms_gov/joins/") for name in names if name.startswith("hms_gov/"))


def test_a_stranger_s_project_checks_and_migrates(project):
    environment = {"DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": str(project)}
    assert "no issues" in run([sys.executable, "-m", "django", "check"], project, **environment)
    run([sys.executable, "-m", "django", "migrate", "-v", "0"], project, **environment)


def test_it_asks_for_what_a_stranger_cannot_do_without_and_leaves_the_rest_to_them(wheel):
    archive = zipfile.ZipFile(wheel)
    name = next(name for name in archive.namelist() if name.endswith("METADATA"))
    wanted = re.findall(r"^Requires-Dist: (.+)$", archive.read(name).decode(), re.MULTILINE)
    needed = {text for text in wanted if "extra ==" not in text}
    assert "Django>=5.2" in needed, "no upper pin: the newest Django is taken"
    assert "celery[redis]>=5.4" in needed
    extras = {Requirement(text).name for text in wanted} - {Requirement(text).name for text in needed}
    assert extras == {"django-celery-beat", "psycopg", "pyarrow"}


def test_emit_needs_no_django(project):
    code = (
        "import sys; from metrics_app import emit; emit('complaint.received');"
        "assert 'django' not in sys.modules and 'numpy' not in sys.modules"
    )
    environment = {"HMS_URL": "http://127.0.0.1:1", "HMS_KEY": "k", "PYTHONPATH": str(project)}
    run([sys.executable, "-c", code], project, **environment)
