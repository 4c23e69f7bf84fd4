"""What stands beside a state reaches people: on the tile, the KPI's page, in the admin and the API."""

import time

import pytest
from django.contrib.auth.models import User

from metrics_app import queries
from metrics_app.models import Breach, ThresholdState
from metrics_app.services.rules.thresholds import save_threshold
from tests.metrics_app.watching import TOPIC, let_all_work, make_threshold, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def threshold(client):
    client.force_login(User.objects.create_superuser("ann"))
    now = int(time.time() * 1000)
    send((now - 1000, 10.0))
    found = make_threshold(now=now, delay=90)
    judged = {"last_slot": now, "slot_class": "thin", "data": "thin", "data_since": now - 60_000}
    ThresholdState.objects.filter(threshold=found).update(**judged, flapping=True, missed=7, due_at=2**62)
    return found


def read(client, path):
    return client.get(path).content.decode()


def test_flapping_is_told_wherever_the_state_is(client, threshold):
    assert "· flapping" in read(client, "/")
    assert "Flapping: its state changes too often to be relied on" in read(client, f"/kpis/{TOPIC}/")
    assert "Within limit, flapping" in read(client, "/admin/metrics_app/threshold/")
    assert client.get(f"/api/v1/thresholds/{threshold.pk}/").json()["flapping"] is True


def test_missed_slots_and_the_delay_are_told(client, threshold):
    page = read(client, f"/kpis/{TOPIC}/")
    assert "7 evaluations missed" in page and "Judged 1 min 30 s later, so that late points count" in page
    assert client.get(f"/api/v1/thresholds/{threshold.pk}/").json()["missed"] == 7
    assert "Slots missed" in read(client, f"/admin/metrics_app/threshold/{threshold.pk}/change/")


def test_the_health_of_the_data_is_told_with_its_beginning(client, threshold):
    assert "Too few points to judge since" in read(client, f"/kpis/{TOPIC}/")
    answer = client.get(f"/api/v1/thresholds/{threshold.pk}/").json()
    assert answer["data"] == "thin" and answer["data_since"] > 0
    ThresholdState.objects.update(data="error")
    assert "Its window cannot be read since" in read(client, f"/kpis/{TOPIC}/")


def test_a_running_breach_says_which_version_fired_and_goes_on_under_the_next(client, threshold):
    now = int(time.time() * 1000)
    breach = Breach.objects.create(threshold=threshold, version=1, since=now, fired_at=now)
    ThresholdState.objects.update(state="firing", since=now)
    threshold.limit = 50.0
    save_threshold(threshold, by=None, now=now)
    assert ThresholdState.objects.get().state == "firing"
    assert breach.timeline.get(kind="edited").text.endswith(
        "fired by version 1; from here on version 2 judges it."
    )
    assert "which is version 2 now" in read(client, f"/kpis/{TOPIC}/")
    assert "is open, fired by version 1" in read(
        client, f"/admin/metrics_app/threshold/{threshold.pk}/change/"
    )


@pytest.mark.parametrize(
    ("rule", "data", "said"),
    [
        ({"aggregate": "mean_change_week"}, "incomparable", "nothing to compare with"),
        (
            {"aggregate": "time_until_above", "aggregate_value": 9.0},
            "incomparable",
            "too few minutes for a trend",
        ),
        ({"aggregate": "count"}, "thin", "its window is known in part"),
    ],
)
def test_points_that_prove_nothing_are_green_at_no_door(client, threshold, monkeypatch, rule, data, said):
    # However long the pages take: the collector has just counted.
    for name in ("GRACE", "BEHIND_AFTER"):
        monkeypatch.setattr(queries.clock, name, 3_600_000)
    for name, value in rule.items():
        setattr(threshold, name, value)
    save_threshold(threshold, by=None, judge=False)
    now = int(time.time() * 1000)
    ThresholdState.objects.update(data=data, slot_class=data, last_slot=now, due_at=2**62, flapping=False)
    let_all_work()
    first = f"{said[0].upper()}{said[1:]} since"
    tile, page = read(client, "/"), read(client, f"/kpis/{TOPIC}/")
    assert first in tile and first in page
    # Behind the choices of the filter.
    shown = tile.partition('id="shown"')[2]
    assert said[1:] in shown and "Within limit" not in shown and "state kept" not in shown
    assert "The one watched KPI has nothing to judge by" in tile
    admin = read(client, "/admin/metrics_app/threshold/")
    assert f"○ {said.capitalize()}" in admin and f"{said} since" in admin
    assert client.get(f"/api/v1/thresholds/{threshold.pk}/").json()["data"] == data
    kpi = client.get(f"/api/v1/kpis/{TOPIC}/").json()
    assert kpi["condition"] == "silent" and kpi["no_data"] is True
    exposed = read(client, "/metrics")
    [unjudged] = [line for line in exposed.splitlines() if 'state="unjudged"' in line]
    [fine] = [line for line in exposed.splitlines() if "hms_threshold_state" in line and 'state="ok"' in line]
    assert unjudged.endswith(" 1.0") and fine.endswith(" 0.0")
