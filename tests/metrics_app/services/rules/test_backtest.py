"""A backtest and a suggestion judge the very window of the rule, or say that they do not."""

import time

import numpy as np
import pytest

from metrics_app.bus import publish
from metrics_app.collector import collect_all
from metrics_app.exceptions import BadInput
from metrics_app.models import Kpi, ShardHistory, Threshold
from metrics_app.queries import shard_for
from metrics_app.services.rules.backtest import (
    backtest_history,
    backtest_last,
    backtest_points,
    describe,
    make_rule,
)
from metrics_app.services.rules.suggest import Past, suggest
from tests.metrics_app.watching import HOUR, RULE, TOPIC

pytestmark = pytest.mark.django_db
MINUTE, DAY = 60_000, 86_400_000


@pytest.fixture
def end(base):
    """A whole minute just over (ms): the hour before it is hot."""
    return base + 39 * MINUTE


@pytest.fixture
def kpi(end):
    """An hour with a point every five minutes: a window of 30 min holds six."""
    ts = np.arange(end - 50 * MINUTE, end, 5 * MINUTE)
    publish({TOPIC: (ts, np.linspace(HOUR, 60 * HOUR, len(ts)))})
    collect_all()
    return name_kpi(TOPIC, "seconds")


def name_kpi(topic, unit):
    """The KPI that came with its first point, with a unit."""
    return Kpi.objects.update_or_create(topic=topic, defaults={"unit": unit, "direction": "lower"})[0]


def make(kpi, **rule):
    return Threshold(kpi=kpi, **(RULE | rule))


SHARE = {"aggregate": "share_above", "aggregate_value": 48.0 * HOUR, "limit": 10}


@pytest.mark.parametrize("rule", [{"aggregate": "p95"}, SHARE, {"aggregate": "mean"}])
@pytest.mark.parametrize("step", [None, 3600, 21_600])
def test_the_windows_are_those_of_the_rule_whatever_the_step(kpi, end, rule, step):
    threshold = make(kpi, **rule, min_count=50)
    found = backtest_history(TOPIC, make_rule(threshold), end - 3 * DAY, end + HOUR * 1000, step=step)
    assert (found.window, found.asked) == (1800, 1800) and found.most_n <= 7
    said = describe(found, threshold, kpi)
    assert "instead of" not in said["sentence"]
    assert ("a sample: only 30 min each time" in said["sentence"]) == (
        found.step > 1800 and found.usual_n > 0
    )
    if found.usual_n:
        assert "fire: it asks for 50 points" in said["warning"]


def test_a_window_that_steps_do_not_divide_holds_its_own_points(end):
    ts = np.arange(end - 40 * MINUTE, end, MINUTE)
    publish({TOPIC: (ts, np.ones(len(ts)))})
    collect_all()
    rule = make_rule(make(name_kpi(TOPIC, "seconds"), window=420))
    found = backtest_history(TOPIC, rule, end - DAY, end + DAY, step=300)
    assert (found.window, found.usual_n, found.most_n) == (420, 7, 7)


@pytest.mark.parametrize("aggregate", ["mean", "p95"])
def test_a_window_of_seconds_is_judged_over_a_minute_and_says_so(kpi, end, aggregate):
    threshold = make(kpi, aggregate=aggregate, window=10)
    found = backtest_last(threshold, TOPIC, now=end, span=DAY)
    said = describe(found, threshold, kpi)
    assert found.window == 60
    if found.usual_n:
        assert said["sentence"].endswith("Judged over 1 min instead of 10 s: history keeps minutes.")


def test_points_of_a_longer_window_do_not_stand_for_those_of_the_rule(kpi, end):
    ts = np.arange(end - 20 * MINUTE, end, 10_000)
    publish({"calls": (ts, np.ones(len(ts)))})
    collect_all()
    calls = name_kpi("calls", "")
    threshold = make(calls, window=10, min_count=5)
    said = describe(backtest_last(threshold, "calls", now=end, span=HOUR * 1000), threshold, calls)
    assert said["warning"].endswith("1 min usually hold about 6, so 10 s about 1.")
    found = suggest(threshold, calls, now=end)
    assert {part["field"]: part["text"] for part in found["parts"]}.get("min_count", "1") == "1"
    count = suggest(make(calls, window=10, aggregate="count"), calls, now=end)
    assert count["parts"] == [] and "instead of 10 s: history keeps minutes" in count["sentence"]


@pytest.mark.parametrize("rule", [{"aggregate": "p95"}, SHARE])
def test_a_suggestion_reads_windows_of_the_rule_s_own_length(kpi, end, rule):
    found = suggest(make(kpi, **rule), kpi, now=end)
    assert found["parts"], found["sentence"]
    [points] = [part for part in found["parts"] if part["field"] == "min_count"]
    assert int(points["text"]) <= 3 and "usually holds 5 points" in points["reason"]


def test_it_looks_again_until_the_steps_are_those_of_the_kpi_s_own_age(kpi, end, monkeypatch):
    """At some hours of the day one of the windows that lie 5 h apart meets a KPI of 50 minutes."""
    asked = []

    def read(threshold, topic, now, span):
        asked.append(span)
        step, count = {30 * DAY: (18_000, 1), 5 * 60 * MINUTE: (300, 10)}.get(span, (60, 50))
        return Past(np.linspace(1, 60, count) * HOUR, np.full(count, 5), step, 1800, 1800, 60)

    monkeypatch.setattr("metrics_app.services.rules.suggest.read_past", read)
    assert suggest(make(kpi, aggregate="p95"), kpi, now=end)["parts"]
    assert asked == [30 * DAY, 300 * MINUTE, 50 * MINUTE]


def test_where_hours_are_kept_the_window_is_an_hour_and_says_so(kpi, end):
    ShardHistory.objects.update_or_create(shard=shard_for(TOPIC), defaults={"pruned_minutes": end - DAY})
    found = backtest_history(TOPIC, make_rule(make(kpi)), end - 2 * DAY, end + HOUR * 1000)
    said = describe(found, make(kpi), kpi)["sentence"]
    assert said.endswith("Judged over 1 h instead of 30 min: history keeps hours.")
    with pytest.raises(BadInput, match="kept in hours, expected a multiple of 3600"):
        backtest_history(TOPIC, make_rule(make(kpi)), end - 2 * DAY, end, step=60)


@pytest.mark.parametrize("aggregate", ["p95", "mean"])
def test_a_year_is_read_in_few_windows_of_every_hour_of_the_day(kpi, end, aggregate):
    begun = time.process_time()
    found = backtest_history(TOPIC, make_rule(make(kpi, aggregate=aggregate)), end - 365 * DAY, end)
    assert found.result.ticks <= 240 and found.step % 86_400
    assert time.process_time() - begun < 10


def test_too_many_slots_are_refused(kpi, end):
    with pytest.raises(BadInput, match="slots are too many: take a larger step"):
        backtest_history(TOPIC, make_rule(make(kpi, aggregate="p95")), end - 30 * DAY, end, step=60)
    with pytest.raises(BadInput, match="slots are too many"):
        rule = make_rule(make(kpi), interval=1)._replace(aggregate="time_until_above", window=7 * 86_400)
        backtest_points(rule, np.arange(0, 10**10, 10**8), np.ones(100))
