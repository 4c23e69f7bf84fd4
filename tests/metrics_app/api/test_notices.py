"""Who was told, over HTTP."""

import pytest
from django.contrib.auth.models import Group

from metrics_app import registry
from metrics_app.models import Kpi, Notice
from metrics_app.services.notices import send_notices, send_test
from tests.metrics_app.telling import happen, make_receiver, open_breach

pytestmark = pytest.mark.django_db
URL = "/api/v1/notices/"


@pytest.fixture
def notices(base):
    """One that was sent, and one that waits."""
    receiver = make_receiver()
    sent = open_breach("er.wait", fired_at=base)
    happen(sent)
    send_notices()
    waiting = open_breach(fired_at=base)
    happen(waiting)
    return receiver, [sent, waiting]


def test_it_tells_what_came_of_each_newest_first(client, person, notices):
    _, (first, second) = notices
    body = client.get(URL).json()
    assert [(row["breach"], row["outcome"]) for row in body["results"]] == [
        (second.pk, "waiting"),
        (first.pk, "sent"),
    ]
    row, notice = body["results"][1], Notice.objects.get(breach=first)
    assert row == {
        "id": notice.pk,
        "receiver": "Duty officers",
        "breach": first.pk,
        "topic": "er.wait",
        "event": "firing",
        "at": first.fired_at,
        "value": 190_800,
        "text": "It has fired.",
        "created_at": row["created_at"],
        "attempts": 1,
        "outcome": "sent",
        "done_at": row["done_at"],
        "reason": "",
        "message": str(notice.message),
    }
    timeline = client.get(f"/api/v1/breaches/{first.pk}/").json()["timeline"]
    assert [line["text"] for line in timeline if line["kind"] == "notice"] == [
        "Duty officers told by mail: beyond limit"
    ]


@pytest.mark.parametrize(
    ("query", "topics"),
    [
        ({"topic": "er.wait"}, ["er.wait"]),
        ({"outcome": "waiting"}, ["complaint.latency"]),
        ({"outcome": "failed"}, []),
        ({"breach": "999999"}, []),
    ],
)
def test_it_filters(client, person, notices, query, topics):
    assert [row["topic"] for row in client.get(URL, query).json()["results"]] == topics


@pytest.mark.parametrize(
    "query", [{"outcome": "lost"}, {"topic": "no topic"}, {"breach": "x"}, {"state": "x"}]
)
def test_it_refuses_a_filter_by_name(client, person, query):
    response = client.get(URL, query)
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == next(iter(query))


def test_outsiders_see_nothing_of_a_restricted_kpi_and_nobody_an_address(client, person, bearer, notices):
    owners = Group.objects.create(name="owners")
    Kpi.objects.filter(topic="er.wait").update(restricted=True, owner=owners)
    registry.forget()
    assert client.get(URL).json()["count"] == 1
    response = client.get(URL, headers=bearer("read", group=owners))
    assert response.json()["count"] == 2 and "@" not in response.content.decode()
    assert client.get(URL, headers=bearer("emit")).status_code == 403
    assert client.post(URL, {}, content_type="application/json").status_code == 405


def test_tests_are_not_listed(client, person, notices):
    send_test(notices[0], by=person)
    assert client.get(URL).json()["count"] == 2


@pytest.mark.parametrize(
    ("error", "attempts", "reason"),
    [
        ("answered 410: duty.example.org has moved", 1, "given up after 1 attempt: answered 410 (gone)"),
        ("answered 500", 8, "given up after 8 attempts: answered 500"),
        ("duty.example.org cannot be found", 8, "given up after 8 attempts: why stands in the admin"),
    ],
)
def test_a_failed_notice_says_why_and_names_no_host(client, person, notices, error, attempts, reason):
    failed = {"outcome": "failed", "error": error, "attempts": attempts}
    Notice.objects.exclude(outcome="").update(**failed)
    row = client.get(URL, {"outcome": "failed"}).json()["results"][0]
    assert row["reason"] == reason
