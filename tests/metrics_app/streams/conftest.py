"""Fixtures of the streams: points in the window, somebody who may read them, servers."""

import asyncio
import time

import numpy as np
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.db import connections
from django.test import Client

from metrics_app import bus, conf, live
from metrics_app.collector import collect_all
from metrics_app.connection import get_redis
from metrics_app.services.keys import create_key
from metrics_app.streams.hub import get_hub
from tests.metrics_app.streams.servers import Server


@pytest.fixture
def emit_now(transactional_db):
    """``emit_now(topic, values, ts=None)``: on the bus, in the window and announced when it returns."""

    def emit_now(topic, values, ts=None):
        now = int(time.time() * 1000)
        ts = np.full(len(values), now) if ts is None else ts
        bus.publish({topic: (np.array(ts, np.int64), np.array(values, np.float64))})
        collect_all()

    return emit_now


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """No collector runs beside these tests: however long one takes, what it collected is not behind."""
    for bound in ("BEHIND_AFTER", "GRACE"):
        monkeypatch.setattr(f"metrics_app.queries.clock.{bound}", 3_600_000)


@pytest.fixture
def read_key(transactional_db):
    """A raw key that may read everything that is not restricted."""
    return create_key(name="reader", scopes=["read"])[1]


@pytest.fixture
def start_server(transactional_db):
    """``start_server(kind, **environment)``: a server of its own process; all end with the test."""
    servers = []

    def start(kind, **environment):
        servers.append(Server(kind, **environment))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(params=["daphne", "uvicorn"])
def server(request, start_server):
    """Each of the two servers that streams are promised on."""
    return start_server(request.param)


@pytest.fixture
def in_thread():
    """``await in_thread(function, …)``: blocking code beside the test's event loop."""

    async def in_thread(function, *args, **kwargs):
        return await asyncio.to_thread(run_and_close, function, *args, **kwargs)

    return in_thread


def run_and_close(function, *args, **kwargs):
    """The thread's database connection would outlive the test's database."""
    try:
        return function(*args, **kwargs)
    finally:
        connections.close_all()


@pytest.fixture(autouse=True)
async def close_connections():
    """Django's async queries run in a thread of their own, whose connection would stay open."""
    yield
    await sync_to_async(connections.close_all)()


@pytest.fixture
async def hub():
    """The hub of the test's event loop, ended with the test."""
    hub = get_hub()
    yield hub
    await hub.stop()


@pytest.fixture
def credentials(read_key):
    """Headers of a key that may read."""
    return {"X-API-Key": read_key}


@pytest.fixture
def lose_doorbell(monkeypatch):
    """What is emitted from now on is in the window, but nobody rings."""
    monkeypatch.setattr(live, "publish_turn", lambda updates: None)
    monkeypatch.setattr(live, "announce_states", lambda changes: None)


@pytest.fixture
def flush_redis():
    """``flush_redis()``: everything under this test's prefix is lost, as after a restart without a disk."""

    def flush():
        redis = get_redis()
        # In one command: no reader may see a half.
        if keys := list(redis.scan_iter("{" + conf.get("REDIS_PREFIX") + ":*")):
            redis.delete(*keys)

    return flush


@pytest.fixture
def user(transactional_db):
    """A person."""
    return get_user_model().objects.create_user("ann", password="pass")


@pytest.fixture
def login(user):
    """The cookie of that person's session."""
    return open_session(user)


@pytest.fixture
def log_in(transactional_db):
    """``log_in(name)``: the session cookie of a new person."""
    return lambda name: open_session(get_user_model().objects.create_user(name, password="pass"))


def open_session(user):
    """The cookie of a new session."""
    client = Client()
    client.force_login(user)
    name = django_settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}"
