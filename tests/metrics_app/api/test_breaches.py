"""Incidents over HTTP."""

import pytest
from django.contrib.auth.models import Group

from metrics_app import registry
from metrics_app.models import Breach, BreachEvent, Kpi, Threshold

pytestmark = pytest.mark.django_db
URL = "/api/v1/breaches/"


@pytest.fixture
def breaches(db):
    """An open breach of one KPI, a closed one of another."""
    rows = []
    for topic, recovered_at in (("er.wait", None), ("complaint.latency", 2_000_000)):
        kpi = Kpi.objects.create(topic=topic)
        threshold = Threshold.objects.create(kpi=kpi, limit=10)
        rows.append(
            Breach.objects.create(
                threshold=threshold,
                version=1,
                since=1_000_000,
                fired_at=1_060_000 if recovered_at else 1_120_000,
                recovered_at=recovered_at,
                value=12,
                n=3,
                peak=15,
            )
        )
        BreachEvent.objects.create(breach=rows[-1], at=1_060_000, kind="fired", text="Fired: mean 12.")
    return rows


def test_it_lists_incidents_with_their_timeline_newest_first(client, person, breaches):
    body = client.get(URL).json()
    assert body["count"] == 2
    assert body["results"][0] == {
        "id": breaches[0].pk,
        "threshold": breaches[0].threshold_id,
        "topic": "er.wait",
        "kind": "limit",
        "version": 1,
        "severity": "warning",
        "since": 1_000_000,
        "fired_at": 1_120_000,
        "recovered_at": None,
        "value": 12,
        "n": 3,
        "peak": 15,
        "reopened": 0,
        "caught_up": False,
        "outcome": "",
        "timeline": [{"at": 1_060_000, "kind": "fired", "text": "Fired: mean 12."}],
    }
    assert client.get(f"{URL}{breaches[1].pk}/").json()["topic"] == "complaint.latency"


@pytest.mark.parametrize(
    ("query", "topics"),
    [
        ({"open": "true"}, ["er.wait"]),
        ({"open": "false"}, ["complaint.latency"]),
        ({"topic": "complaint.latency"}, ["complaint.latency"]),
        ({"topic": "nowhere"}, []),
        ({"threshold": "999999"}, []),
    ],
)
def test_it_filters(client, person, breaches, query, topics):
    assert [row["topic"] for row in client.get(URL, query).json()["results"]] == topics


@pytest.mark.parametrize(
    "query",
    [
        {"open": "yes"},
        {"topic": "no topic"},
        {"threshold": "x"},
        {"threshold": "9" * 30},
        {"limit": "x"},
        {"state": "nope"},
    ],
)
def test_it_refuses_a_filter_by_name(client, person, query):
    response = client.get(URL, query)
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == next(iter(query))


def test_it_says_that_there_is_no_such_breach(client, person):
    response = client.get(f"{URL}12/")
    assert response.status_code == 404
    assert response.json()["errors"][0]["message"] == "There is no breach 12, or you may not see it."


def test_it_is_read_only(client, person, breaches):
    assert client.post(URL, {}, content_type="application/json").status_code == 405
    assert client.delete(f"{URL}{breaches[0].pk}/").status_code == 405


def test_outsiders_see_nothing_of_a_restricted_kpi(client, person, bearer, breaches):
    owners = Group.objects.create(name="owners")
    Kpi.objects.filter(topic="er.wait").update(restricted=True, owner=owners)
    registry.forget()
    assert client.get(URL).json()["count"] == 1
    assert client.get(f"{URL}{breaches[0].pk}/").status_code == 404
    assert client.get(URL, headers=bearer("read", group=owners)).json()["count"] == 2
    assert client.get(URL, headers=bearer("propose")).status_code == 403
