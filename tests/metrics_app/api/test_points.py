"""The door for points: what is answered, and that the counts follow from it."""

import json
import time

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client

from metrics_app import bus, registry
from metrics_app.collector import collect_all
from metrics_app.exceptions import BadInput
from metrics_app.models import Kpi
from metrics_app.queries import list_topics, stats
from metrics_app.services.keys import create_key, revoke_key

pytestmark = pytest.mark.django_db

URL = "/api/v1/points/"


@pytest.fixture
def post(client, bearer):
    """Posts a body (JSON unless it is bytes) with a key of scope ``emit``."""
    key = bearer("emit")

    def post(body, *, url=URL, content_type="application/json", **headers):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return client.post(url, body, content_type=content_type, headers=key | headers)

    return post


def now():
    return time.time_ns() // 1_000_000


def count(topic):
    """Points of a topic once everything has been collected."""
    collect_all()
    return stats(topic, 3600)["count"]


@pytest.mark.parametrize("url", ["/api/v1/points/", "/api/v1/points"])
def test_it_takes_a_point_with_and_without_the_final_slash(post, url):
    response = post({"topic": "er.wait", "value": 7}, url=url)
    assert (response.status_code, response.json()) == (202, {"accepted": 1})
    assert count("er.wait") == 1


def test_it_takes_lists_and_columns(post):
    assert post([{"topic": "a"}, {"topic": "b"}]).json() == {"accepted": 2}
    assert post({"topic": "a", "ts": [now(), now()], "values": [1, 2]}).json() == {"accepted": 2}
    assert (count("a"), count("b")) == (3, 1)


def test_ten_thousand_identical_points_count_ten_thousand(post):
    assert post([{"topic": "complaint.received", "ts": now()}] * 10_000).json() == {"accepted": 10_000}
    assert count("complaint.received") == 10_000


def test_it_makes_a_kpi_of_an_unknown_topic(post):
    post({"topic": "er.wait"})
    collect_all()
    assert Kpi.objects.filter(topic="er.wait").exists()


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "application/json; charset=UTF-8", ""]
)
def test_it_takes_json_however_it_is_announced(post, content_type):
    assert post({"topic": "a"}, content_type=content_type).status_code == 202


def test_a_retry_with_the_same_idempotency_key_changes_nothing(post):
    body = [{"topic": "a"}, {"topic": "b"}]
    for _ in range(3):
        response = post(body, **{"Idempotency-Key": "one"})
        assert (response.status_code, response.json()) == (202, {"accepted": 2})
    assert (count("a"), count("b")) == (1, 1)


def test_idempotency_keys_of_two_api_keys_do_not_meet(post, client, bearer):
    post({"topic": "a"}, **{"Idempotency-Key": "one"})
    other = bearer("emit") | {"Idempotency-Key": "one"}
    response = client.post(URL, b'{"topic":"a","value":2}', content_type="application/json", headers=other)
    assert response.status_code == 202
    assert count("a") == 2


def test_it_asks_no_database_while_its_caches_are_warm(post, django_assert_num_queries):
    Kpi.objects.create(topic="a")
    post({"topic": "a"})
    with django_assert_num_queries(0):
        assert post([{"topic": "a"}] * 100).status_code == 202


TOO_LONG = b'{"topic":"' + b"x" * 101 + b'"}'
BAD_INPUT = {
    "not JSON": (b"topic=er.wait", 400, "the body is not JSON"),
    "an empty list": (b"[]", 400, "there are no points"),
    "a list of 10,001": (b"[" + b",".join([b'{"topic":"good"}'] * 10_001) + b"]", 413, "10001 points"),
    "NaN": (b'[{"topic":"good"},{"topic":"good","value":NaN}]', 400, "NaN is not a finite number"),
    "1e400": (b'{"topic":"good","value":1e400}', 400, "1e400 is not a finite number"),
    "a string": (b'{"topic":"good","value":"5"}', 400, "'5' is not a number"),
    "a topic with a space": (b'[{"topic":"good"},{"topic":"er wait"}]', 400, "'er wait' is not a topic"),
    "101 characters": (TOO_LONG, 400, "topic has 101 characters"),
    "the far future": (b'{"topic":"good","ts":9999999999999}', 400, "in the future"),
    "seconds": (b'{"topic":"good","ts":1732390000}', 400, "looks like seconds, expected milliseconds"),
    "an unknown field": (b'{"topic":"good","tag":"x"}', 400, "unknown field 'tag'"),
    "a 20 MB body": (b'{"topic":"good","value":' + b" " * 20_000_000 + b"1}", 413, "over 5000000 bytes"),
}


@pytest.mark.parametrize("fault", BAD_INPUT)
def test_bad_input_is_refused_whole_and_the_counts_stay(post, fault):
    body, status, message = BAD_INPUT[fault]
    assert post({"topic": "good"}).status_code == 202
    response = post(body)
    assert response.status_code == status
    (error,) = response.json()["errors"]
    assert message in error["message"]
    assert "Traceback" not in response.content.decode()
    assert count("good") == 1
    assert list(list_topics()) == ["good"]


def test_another_body_under_the_same_idempotency_key_is_a_conflict(post):
    assert post({"topic": "good"}, **{"Idempotency-Key": "one"}).status_code == 202
    response = post({"topic": "good", "value": 2}, **{"Idempotency-Key": "one"})
    assert response.status_code == 409
    assert "another body" in response.json()["errors"][0]["message"]
    assert count("good") == 1


def test_without_a_valid_key_nothing_is_taken(client, person):
    key, raw = create_key(name="old", scopes=["emit"])
    revoke_key(key)
    # ``client`` is logged in: a session emits nothing either.
    for headers in ({}, {"Authorization": f"Bearer {raw}"}, {"X-API-Key": "hms_" + "x" * 43}):
        response = client.post(URL, b'{"topic":"good"}', content_type="application/json", headers=headers)
        assert response.status_code == 401
        assert response["WWW-Authenticate"].startswith("Bearer")
        assert response.json()["errors"][0]["message"]
    assert count("good") == 0


def test_it_names_index_and_field(post):
    errors = post(b'[{"topic":"a"},{"topic":"a","value":NaN},{"topic":"A"}]').json()["errors"]
    assert [(error["index"], error["field"]) for error in errors] == [(1, "value"), (2, "topic")]


@pytest.mark.parametrize("key", ["", "x" * 201, "a b", "ä"])
def test_it_refuses_an_idempotency_key_that_is_none(post, key):
    response = post({"topic": "a"}, **{"Idempotency-Key": key})
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize("scopes", [("read",), ("propose",), ("partner",)])
def test_a_key_of_another_scope_is_refused(client, bearer, scopes):
    response = client.post(URL, b'{"topic":"a"}', content_type="application/json", headers=bearer(*scopes))
    assert response.status_code == 403
    assert count("a") == 0


def test_a_key_emits_only_its_topics(client, bearer):
    headers = bearer("emit", topics=["er.*"])
    body = b'[{"topic":"er.wait"},{"topic":"fire.alarm"}]'
    response = client.post(URL, body, content_type="application/json", headers=headers)
    assert response.status_code == 403
    assert "'fire.alarm'" in response.json()["errors"][0]["message"]
    assert count("er.wait") == 0
    assert (
        client.post(URL, b'{"topic":"er.wait"}', content_type="application/json", headers=headers).status_code
        == 202
    )


@pytest.mark.parametrize(
    ("content_type", "headers"),
    [
        ("text/csv", {}),
        ("application/x-www-form-urlencoded", {}),
        ("application/json; charset=latin-1", {}),
        ("application/json", {"Content-Encoding": "gzip"}),
    ],
)
def test_it_refuses_what_is_not_json_in_utf8(post, content_type, headers):
    response = post({"topic": "a"}, content_type=content_type, **headers)
    assert response.status_code == 415
    assert "expected application/json in UTF-8" in response.json()["errors"][0]["message"]


def read_nothing(body, *, now, max_points, max_future):
    """A format of a project: whatever the body says, there is no point in it."""
    raise BadInput(f"{body.decode()!r} at {now > 0}, {max_points}, {max_future}", field="line")


def test_it_takes_a_format_that_the_settings_name_and_says_so_when_it_refuses_another(post, settings):
    formats = {"text/x-nothing": f"{__name__}.read_nothing"}
    settings.METRICS_APP = settings.METRICS_APP | {"WIRE_FORMATS": formats, "MAX_POINTS": 7}
    response = post(b"word", content_type="Text/X-Nothing; charset=utf-8")
    error = {"field": "line", "message": "'word' at True, 7, 5"}
    assert (response.status_code, response.json()["errors"]) == (400, [error])
    refused = post(b"word", content_type="text/csv").json()["errors"][0]["message"]
    assert "expected application/json, text/x-nothing in UTF-8" in refused


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_it_takes_posts_only(client, bearer, method):
    response = getattr(client, method)(URL, headers=bearer("emit"))
    assert response.status_code == 405
    assert "POST" in response["Allow"]
    assert response.json()["errors"]


def test_it_refuses_unknown_topics_where_none_are_created(post, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"AUTO_CREATE_KPIS": False}
    Kpi.objects.create(topic="known")
    response = post([{"topic": "known"}, {"topic": "unknown"}])
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert error["field"] == "topic" and "'unknown'" in error["message"]
    assert count("known") == 0
    assert post({"topic": "known"}).status_code == 202


def test_a_key_brings_a_limited_number_of_new_kpis(post, client, bearer, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"AUTO_CREATE_LIMIT": 3}
    assert post([{"topic": "a"}, {"topic": "b"}]).status_code == 202
    assert post([{"topic": "b"}, {"topic": "a"}]).status_code == 202
    response = post([{"topic": "a"}, {"topic": "c"}, {"topic": "d"}])
    assert response.status_code == 429
    assert 86_000 < int(response["Retry-After"]) <= 86_400
    assert post({"topic": "c"}).status_code == 202
    assert post({"topic": "d"}).status_code == 429
    # What is known by now is no longer new, and another key has a limit of its own.
    collect_all()
    assert post([{"topic": "a"}, {"topic": "b"}, {"topic": "c"}]).status_code == 202
    other = client.post(URL, b'{"topic":"d"}', content_type="application/json", headers=bearer("emit"))
    assert other.status_code == 202


def test_it_says_what_a_503_means(post, settings):
    registry.load_kpis()
    Kpi.objects.create(topic="a")
    settings.METRICS_APP = settings.METRICS_APP | {"REDIS_URL": "redis://:secret@127.0.0.1:1/0"}
    response = post({"topic": "a"})
    assert response.status_code == 503
    assert int(response["Retry-After"]) >= 1
    message = response.json()["errors"][0]["message"]
    assert message.startswith("Redis does not answer.") and "127.0.0.1" not in message
    assert "unknown" in message
    message = post({"topic": "a"}, **{"Idempotency-Key": "one"}).json()["errors"][0]["message"]
    assert "harmless" in message and "unknown" not in message


def test_it_says_503_when_the_bus_is_full(post, settings, monkeypatch):
    settings.METRICS_APP = settings.METRICS_APP | {"BUS_BYTES": 0}
    bus.looks.clear()
    bus.publish({"a": (np.array([now()]), np.array([1.0]))})
    bus.looks.clear()
    assert post({"topic": "a"}).status_code == 503


def test_no_cross_site_token_is_needed_with_a_key(bearer):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.create_user("bob"))
    response = strict.post(URL, b'{"topic":"a"}', content_type="application/json", headers=bearer("emit"))
    assert response.status_code == 202
