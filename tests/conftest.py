"""Shared by all tests: a real Redis for the session, a prefix of its own for each test."""

import uuid
from pathlib import Path

import pytest
from django.db import connections

from hms_gov.embedded import start_redis

SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


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


@pytest.fixture(scope="session")
def boston_cases():
    """The file of real complaints that stands beside the project, where it does."""
    path = SHARED_DATA / "boston311" / "cases.csv"
    if not path.exists():
        pytest.skip(f"the real complaints are not here: {path.name} is not part of the project")
    return path
