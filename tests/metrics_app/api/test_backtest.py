"""What a threshold would have done, over HTTP."""

import time

import pytest
from django.contrib.auth.models import Permission, User

from metrics_app.models import Kpi, Threshold
from tests.metrics_app.watching import HOUR, make_threshold, send

pytestmark = pytest.mark.django_db
URL = "/api/v1/thresholds/"
DRAFT = {"topic": "complaint.latency", "aggregate": "mean", "window": 600, "operator": "gt", "limit": 172800}


@pytest.fixture
def history(base):
    """Ten minutes beyond 48 h, then a quick answer."""
    Kpi.objects.create(topic="complaint.latency", unit="seconds")
    send((base, 50 * HOUR), (base + 1, 60 * HOUR), (base + 600_000, HOUR))
    return base


@pytest.fixture
def analyst(client):
    user = User.objects.create_user("analyst")
    user.user_permissions.set(Permission.objects.filter(codename="add_threshold"))
    client.force_login(user)


def test_it_says_what_a_threshold_would_have_done(client, person, history):
    threshold = make_threshold(now=int(time.time() * 1000), window=600)
    found = client.get(
        f"{URL}{threshold.pk}/backtest/", {"from": history - 60_000, "to": history + 1_200_000}
    )
    assert found.status_code == 200, found.content
    found = found.json()
    assert (found["ticks"], found["ticks_in_breach"], found["step"]) == (21, 10, 60)
    begin, end = history + 60_000, history + 660_000
    assert found["breaches"] == [{"start": begin, "end": end, "peak": 55 * HOUR}]
    assert (found["red_seconds"], found["pipelines"], found["breach_count"]) == (600, 1, 1)
    assert found["chart"]["limit"] == 172800 and 55 * HOUR in found["chart"]["values"]
    assert found["sentence"] == (
        "Over 21 min: 1 breach, 10 min red, 1 proposal. The window usually holds about 1 point. "
        "Judged every 1 min."
    )


def test_it_judges_the_last_30_days_unless_asked_otherwise(client, person, history):
    threshold = make_threshold(now=int(time.time() * 1000), window=600)
    found = client.get(f"{URL}{threshold.pk}/backtest/").json()
    assert found["to"] - found["from"] == 30 * 86_400_000
    assert found["step"] == 300 and found["breach_count"] == 1


def test_a_draft_is_judged_and_not_stored(client, analyst, history):
    address = f"{URL}backtest/?from={history - 60_000}&to={history + 1_200_000}"
    found = client.post(address, DRAFT | {"min_count": 5}, content_type="application/json").json()
    assert found["breach_count"] == 0 and not Threshold.objects.exists()
    assert found["warning"] == "It would never fire: it asks for 5 points, and no window held more than 2."
    titled = client.post(address, DRAFT | {"title": "Too slow"}, content_type="application/json").json()
    assert (titled["pipelines"], titled["warning"]) == (1, "")


def test_percentiles_are_judged_at_fewer_slots(client, analyst, history):
    address = f"{URL}backtest/?from={history - 60_000}&to={history + 1_200_000}"
    found = client.post(address, DRAFT | {"aggregate": "p90"}, content_type="application/json").json()
    assert (found["step"], found["ticks_in_breach"]) == (60, 10)
    assert found["breaches"][0]["peak"] == pytest.approx(59 * HOUR, rel=0.01)


def test_a_window_of_no_whole_minutes_is_judged_longer_and_says_so(client, analyst, history):
    address = f"{URL}backtest/?from={history - 60_000}&step=600"
    found = client.post(address, DRAFT | {"window": 700}, content_type="application/json").json()
    assert found["window"] == 720
    assert "Judged over 12 min instead of 700 s: history keeps minutes." in found["sentence"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("from=soon", "'soon' is not a time"),
        ("from=-60&to=-120", "is not after the start"),
        ("foo=1", "unknown parameter: expected from, to, step"),
        ("step=0", "'0' is not a whole number from 60"),
        ("step=61", "expected a multiple of 60"),
        ("step=60", "slots are too many: take a larger step"),
        ("from=2026-01-01T00:00:01Z&to=2026-01-01T00:00:11Z", "no slot in a span shorter"),
    ],
)
def test_it_refuses_by_name(client, person, history, query, message):
    threshold = make_threshold(now=int(time.time() * 1000))
    response = client.get(f"{URL}{threshold.pk}/backtest/?{query}")
    assert response.status_code == 400 and message in response.json()["errors"][0]["message"]


def test_only_those_who_may_write_thresholds_try_drafts(client, person, history, bearer):
    assert client.post(f"{URL}backtest/", DRAFT, content_type="application/json").status_code == 403
    client.logout()
    assert client.get(f"{URL}1/backtest/").status_code == 401
    assert client.get(f"{URL}404/backtest/", headers=bearer("read")).status_code == 404
