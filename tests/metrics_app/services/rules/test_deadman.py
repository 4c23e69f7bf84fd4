"""A KPI that falls silent says so, and nothing else does."""

import time

import pytest

from metrics_app.collector import collect_all
from metrics_app.exceptions import BadInput
from metrics_app.models import Breach, Kpi, Threshold, ThresholdState
from metrics_app.pages.tiles import list_tiles
from metrics_app.services.explain import describe, explain
from metrics_app.services.rules.deadman import list_silent, save_expectation
from metrics_app.services.watch.announce import announce
from metrics_app.services.watch.evaluate import evaluate
from metrics_app.services.watch.states import read_states
from tests.metrics_app.watching import TOPIC, events_of, send

pytestmark = pytest.mark.django_db
MINUTE = 60_000


@pytest.fixture
def kpi(db):
    return Kpi.objects.create(topic=TOPIC, unit="seconds", expected_interval=300)


def expect_points(kpi, now, **fields):
    for name, value in fields.items():
        setattr(kpi, name, value)
    kpi.save()
    return save_expectation(kpi, by=None, now=now)


def test_a_kpi_that_falls_silent_opens_a_data_breach_and_the_next_point_closes_it(kpi, base):
    send((base - MINUTE, 5.0), (base + 20 * MINUTE, 5.0))
    expect_points(kpi, base)
    evaluate(now=base + 3 * MINUTE)
    assert not Breach.objects.exists(), "a point came four minutes ago, five are allowed"
    evaluate(now=base + 6 * MINUTE)
    breach = Breach.objects.get()
    assert (breach.kind, breach.recovered_at) == ("data", None)
    assert breach.timeline.get().text == "No points for 5 min."
    # The window [s - 5 min, s) is empty from the slot just after 4 minutes on.
    assert 4 * MINUTE < breach.fired_at - base <= 4 * MINUTE + 30_000
    evaluate(now=base + 21 * MINUTE)
    breach.refresh_from_db()
    assert 0 < breach.recovered_at - (base + 20 * MINUTE) <= 30_000
    assert events_of(breach) == ["data_opened", "data_closed"]


def test_it_proposes_nothing_and_shows_on_the_tile(kpi):
    now = int(time.time() * 1000)
    send((now - 20 * MINUTE, 5.0))
    expect_points(kpi, now)
    collect_all()
    evaluate()
    announce()
    assert "no proposal: points are missing" in Breach.objects.get().outcome
    [tile] = list_tiles([kpi])
    assert tile["state_text"].startswith("Silent since ")
    assert tile["state_text"].endswith(", a point was expected every 5 min") and tile["css"] == "silent"
    assert tile["footer"] == "no limit is set, only silence is watched" and list(list_silent([TOPIC])) == [
        TOPIC
    ]


def test_a_kpi_that_never_had_a_point_is_silent_from_the_start(kpi):
    collect_all()
    expect_points(kpi, int(time.time() * 1000) - 1000)
    evaluate()
    [tile] = list_tiles([kpi])
    assert tile["state_text"] == "No data yet, a point was expected every 5 min"


def test_a_collector_that_stands_still_is_behind_and_never_silence(kpi, base):
    send((base - MINUTE, 5.0))
    threshold = expect_points(kpi, base)
    # Nothing is collected beyond this mark: whatever the clock says, nobody knows what came.
    evaluate(now=base + 2 * MINUTE)
    late = int(time.time() * 1000) + 3600 * 1000
    assert read_states([threshold], now=late)[threshold.pk].data == "behind"
    assert not Breach.objects.exists()


def test_huge_values_are_points_like_others(kpi, base):
    send((base - MINUTE, 1.7e308), (base - MINUTE, -1.7e308))
    threshold = expect_points(kpi, base)
    evaluate(now=base + MINUTE)
    assert ThresholdState.objects.get(threshold=threshold).state == "ok" and not Breach.objects.exists()


def test_an_interval_that_is_taken_back_closes_what_it_had_opened(kpi, base):
    send((base - 9 * MINUTE, 5.0))
    threshold = expect_points(kpi, base)
    evaluate(now=base + MINUTE)
    assert Breach.objects.get().recovered_at is None
    expect_points(kpi, base + 2 * MINUTE, expected_interval=None)
    breach, threshold = Breach.objects.get(), Threshold.objects.get(pk=threshold.pk)
    assert breach.recovered_at == base + 2 * MINUTE and not threshold.enabled
    assert "no longer expected" in breach.timeline.last().text and list_silent([TOPIC]) == {}
    expect_points(kpi, base + 3 * MINUTE, expected_interval=600)
    evaluate(now=base + 4 * MINUTE)
    assert Threshold.objects.get().window == 600 and Breach.objects.count() == 2


def test_it_says_in_words_what_it_expects_and_why_it_fired(kpi, base):
    send((base - 9 * MINUTE, 5.0))
    threshold = expect_points(kpi, base)
    evaluate(now=base + MINUTE)
    assert str(threshold) == f"{TOPIC}: no point for 5 min"
    Threshold.objects.update(created_at="2020-01-01T00:00Z")
    threshold.refresh_from_db()
    reason = describe(explain(threshold, base + MINUTE), threshold)["reason"]
    assert reason.startswith("No point came for 5 min, and one is expected at least so often")


@pytest.mark.parametrize("seconds", [0, 9, 31 * 86_400 + 1])
def test_an_interval_that_nobody_can_watch_is_refused(kpi, base, seconds):
    with pytest.raises(BadInput, match="expected 10 s to 31 d"):
        expect_points(kpi, base, expected_interval=seconds)
    assert not Threshold.objects.exists()
