"""Shared by all tests: a real Redis for the session, a prefix of its own for each test, what runs where."""

import uuid
from pathlib import Path

import pytest
from django.db import connections
from hypothesis import settings as hypothesis_settings
from xdist.scheduler import LoadFileScheduling

from hms_gov.embedded import start_redis
from metrics_app.connection import get_redis
from metrics_app.queries.worked import EVALUATOR, name_hash

BROWSER = "tests/browser/"
FAR_OFF = 10**15  # ms, in the year 33658
# An example may take as long as a busy machine makes it.
hypothesis_settings.register_profile("patient", deadline=None)
hypothesis_settings.load_profile("patient")
OF_THE_DATABASE = {"db", "transactional_db", "django_db_setup", "live_server"}
# What shows, asks or offers what lies beneath, whose tests run on each database.
DOORS = {"api", "admin", "pages", "cards", "test_views.py", "test_admin.py", "test_decided.py"}
TESTS = Path(__file__).resolve().parent
SHARED_DATA = TESTS.parent.parent / "shared" / "data"


def pytest_collection_modifyitems(items):
    """Marks what touches the database, for the run on another one; the slow files come first."""
    for item in items:
        touches = item.get_closest_marker("django_db") or OF_THE_DATABASE & set(item.fixturenames)
        if touches and not item.get_closest_marker("any_database"):
            item.add_marker(pytest.mark.database)
            if is_door(item, touches):
                item.add_marker(pytest.mark.door)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def is_door(item, touches):
    """Whether a test asks at a door; one that commits, of races or of what is written, is of the database."""
    commits = "transactional_db" in item.fixturenames or getattr(touches, "kwargs", {}).get("transaction")
    path = item.path.relative_to(TESTS)
    return not commits and (len(path.parts) == 1 or not DOORS.isdisjoint(path.parts))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Whole files to each worker, the slowest first; None where another distribution was asked for."""
    if config.getoption("dist") != "loadfile":
        return None
    # By itself it begins with the files of most tests: those of few, long ones would come last.
    config.option.loadscopereorder = False
    scheduler = LoadFileScheduling(config, log)
    of_file = scheduler._split_scope
    # The browser's share one demo and one Chromium.
    scheduler._split_scope = lambda nodeid: BROWSER if nodeid.startswith(BROWSER) else of_file(nodeid)
    return scheduler


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory):
    """The address of a private redis-server that lives as long as the session."""
    process, url = start_redis(tmp_path_factory.mktemp("redis"))
    yield url
    process.kill()
    process.wait()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix, tmp_path_factory):
    """SQLite in a file, not in memory: threads that race for a lock need one database between them."""
    database = connections["default"]
    if database.vendor == "sqlite":
        database.settings_dict["TEST"]["NAME"] = str(tmp_path_factory.mktemp("sqlite") / "test.sqlite3")


@pytest.fixture(autouse=True)
def metrics_settings(settings, redis_url):
    """Points every test at the private Redis, under a prefix nobody else uses."""
    prefix = f"t{uuid.uuid4().hex[:10]}"
    settings.METRICS_APP = {**settings.METRICS_APP, "REDIS_URL": redis_url, "REDIS_PREFIX": prefix}
    # A real hash takes a second of work for each log-in.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [redis_url], "prefix": f"{prefix}:asgi"},
        }
    }
    return settings


@pytest.fixture(autouse=True)
def evaluator_works(metrics_settings, monkeypatch):
    """Somebody judges, at whatever moment a test chooses as now: else no light would show its state."""
    # No collector runs beside a test, and a busy machine takes its time between two of its lines.
    monkeypatch.setattr("metrics_app.queries.clock.GRACE", 10_000)
    get_redis().hset(name_hash(), EVALUATOR, FAR_OFF)


@pytest.fixture(scope="session")
def boston_cases():
    """The file of real complaints that stands beside the project, where it does."""
    path = SHARED_DATA / "boston311" / "cases.csv"
    if not path.exists():
        pytest.skip(f"the real complaints are not here: {path.name} is not part of the project")
    return path
