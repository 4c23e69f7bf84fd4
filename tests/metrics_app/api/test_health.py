"""Liveness and readiness, open to all."""

import pytest
from django.test import Client

from metrics_app.collector import collect_all

pytestmark = pytest.mark.django_db


def test_it_is_alive_to_everybody(client):
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("url", ["/healthz", "/readyz"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_it_is_only_read_and_says_so(url, method):
    response = Client(enforce_csrf_checks=True).generic(method, url)
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")
    assert response.json()["errors"][0]["message"] == f"{method} is not allowed here: use GET."


def test_it_is_ready_once_the_collector_ran(client):
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["parts"]["collector"]["message"] == "has never run"
    collect_all()
    response = client.get("/readyz")
    assert response.status_code == 200
    parts = response.json()["parts"]
    assert parts["database"]["ok"]
    assert parts["redis"] == {"ok": True, "appendfsync": "always"}
    assert parts["collector"]["ok"] and parts["collector"]["behind_seconds"] < 30


def test_it_names_the_worst_shard_when_the_collector_is_behind(client, monkeypatch):
    collect_all()
    marks = {0: 1_732_000_100_000, 1: 1_732_000_000_000}
    monkeypatch.setattr("metrics_app.api.health.queries.collected_through", lambda: marks)
    response = client.get("/readyz")
    assert response.status_code == 503
    collector = response.json()["parts"]["collector"]
    assert collector["shard"] == 1 and collector["behind_seconds"] > 30 and not collector["ok"]


def test_it_names_redis_when_it_is_away_and_tells_no_secret(client, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"REDIS_URL": "redis://:secret@127.0.0.1:1/0"}
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["parts"]["redis"] == {"ok": False, "message": "does not answer"}
    assert "secret" not in response.content.decode()
