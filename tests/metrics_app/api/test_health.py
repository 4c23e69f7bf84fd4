"""Liveness and readiness, open to all."""

import re
from unittest.mock import Mock

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from metrics_app import queries
from metrics_app.connection import get_redis
from metrics_app.models import Notice
from metrics_app.queries.worked import name_hash
from metrics_app.services.health import read_server
from tests.metrics_app.telling import happen, later, make_receiver, open_breach
from tests.metrics_app.watching import PARTS, let_all_work

pytestmark = pytest.mark.django_db


def let_age(part, seconds):
    """The part last worked so long ago; never, where that is None."""
    if seconds is None:
        get_redis().hdel(name_hash(), part)
    else:
        get_redis().hset(name_hash(), part, queries.redis_now() - seconds * 1000)


def test_it_is_alive_to_everybody(client):
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("url", ["/healthz", "/readyz", "/readyz/emit"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_it_is_only_read_and_says_so(url, method):
    response = Client(enforce_csrf_checks=True).generic(method, url)
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")
    assert response.json()["errors"][0]["message"] == f"{method} is not allowed here: use GET."


def test_it_is_ready_once_each_part_has_worked(client):
    let_age("evaluator", None)
    response = client.get("/readyz")
    assert response.status_code == 503
    parts = response.json()["parts"]
    assert parts["collector"]["message"] == "has never run"
    never = {name for name, part in parts.items() if "has never worked: see" in part.get("message", "")}
    assert never == set(PARTS)
    let_all_work()
    response = client.get("/readyz")
    assert response.status_code == 200
    parts = response.json()["parts"]
    assert parts["database"]["ok"]
    assert re.fullmatch(r"(Redis|Valkey) \d+\.\d+\.\d+", parts["redis"].pop("server"))
    assert parts["redis"] == {"ok": True, "appendfsync": "always"}
    assert parts["collector"]["ok"] and parts["collector"]["behind_seconds"] < 30
    assert all(0 <= parts[name]["age_seconds"] < 30 for name in PARTS)


@pytest.mark.parametrize(
    ("part", "bound"), [("evaluator", 30), ("archiver", 180), ("notices", 180), ("errands", 180)]
)
def test_a_part_that_did_not_work_for_long_makes_it_unready_with_its_age(client, part, bound, settings):
    let_all_work()
    let_age(part, bound - 20)
    assert client.get("/readyz").status_code == 200
    call_command("check_ready", part)
    let_age(part, bound + 5)
    response = client.get("/readyz")
    found = response.json()["parts"]
    assert response.status_code == 503 and bound + 5 <= found[part]["age_seconds"] < bound + 25
    words = rf"worked \d+ s ago, which may be {bound} s at most: see whether beat"
    assert re.match(words, found[part]["message"])
    assert [name for name, one in found.items() if not one["ok"]] == [part]
    with pytest.raises(CommandError, match=f"{part}: {words}"):
        call_command("check_ready", part)
    for most in (3600, None):
        settings.METRICS_APP = settings.METRICS_APP | {"MAX_AGES": {part: most}}
        assert client.get("/readyz").status_code == 200


def test_health_checks_name_the_parts_there_are_and_fail_while_nobody_can_say(settings):
    let_all_work()
    with pytest.raises(CommandError, match="There is no part watch: expected archiver, audit"):
        call_command("check_ready", "watch")
    settings.METRICS_APP = settings.METRICS_APP | {"REDIS_URL": "redis://127.0.0.1:1"}
    with pytest.raises(CommandError, match="redis: does not answer"):
        call_command("check_ready", "evaluator")


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"redis_version": "6.2.14"}, "Redis 6.2.14"),
        ({"redis_version": "8.0.2"}, "Redis 8.0.2"),
        ({"redis_version": "7.2.4", "server_name": "valkey", "valkey_version": "9.1.2"}, "Valkey 9.1.2"),
        ({}, "unknown"),
    ],
)
def test_it_names_the_server_that_answers_as_redis(facts, name, monkeypatch):
    client = Mock(info=Mock(return_value=facts))
    monkeypatch.setattr("metrics_app.services.health.get_redis", lambda: client)
    assert read_server() == name


def test_it_names_the_worst_shard_when_the_collector_is_behind(client, monkeypatch):
    let_all_work()
    marks = {0: 1_732_000_100_000, 1: 1_732_000_000_000}
    monkeypatch.setattr("metrics_app.services.health.queries.collected_through", lambda: marks)
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


def test_it_tells_nobody_how_many_of_anything_there_are(client):
    let_all_work()
    for name, part in client.get("/readyz").json()["parts"].items():
        counts = [
            key
            for key, value in part.items()
            if type(value) in (int, float) and key != "shard" and not key.endswith("_seconds")
        ]
        assert counts == [], name


def ask_notices(client):
    """What it says of notices, without their age."""
    part = client.get("/readyz").json()["parts"]["notices"]
    return {name: value for name, value in part.items() if name != "age_seconds"}


def test_it_warns_of_notices_that_were_given_up_or_wait_and_stays_ready(client, base):
    let_all_work()
    assert ask_notices(client) == {"ok": True}
    make_receiver()
    happen(open_breach(fired_at=base))
    Notice.objects.update(created_at=later(minutes=-6))
    happen(open_breach("er.wait", fired_at=base))
    Notice.objects.filter(breach__threshold__kpi__topic="er.wait").update(outcome="failed", done_at=later())
    response = client.get("/readyz")
    assert response.status_code == 200
    notices = response.json()["parts"]["notices"]
    assert "notices wait" in notices["warning"] and "some were given up in the last" in notices["warning"]


def test_a_test_notice_that_failed_warns_nobody(client, base):
    let_all_work()
    receiver = make_receiver()
    moment = later()
    Notice.objects.create(
        receiver=receiver, event="test", at=base, text="A test.", outcome="failed", done_at=moment
    )
    assert ask_notices(client) == {"ok": True}


def tell_parts():
    return {"audit": {"ok": True, "head": "abc"}, "queue": {"ok": False, "message": "full"}}


def fall_over():
    raise RuntimeError("secret")


def test_it_tells_the_parts_a_project_adds_and_is_ready_only_with_them(client, settings):
    let_all_work()
    settings.METRICS_APP = settings.METRICS_APP | {"READINESS": [f"{__name__}.tell_parts"]}
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["parts"]["audit"] == {"ok": True, "head": "abc"}
    assert response.json()["parts"]["queue"] == {"ok": False, "message": "full"}


def test_an_added_part_that_falls_over_is_not_well_and_tells_no_secret(client, settings):
    let_all_work()
    settings.METRICS_APP = settings.METRICS_APP | {"READINESS": [f"{__name__}.fall_over"]}
    response = client.get("/readyz")
    assert response.status_code == 503 and "secret" not in response.content.decode()
    assert response.json()["parts"]["fall_over"] == {"ok": False, "message": "could not be asked"}
    assert response.json()["parts"]["database"]["ok"]
