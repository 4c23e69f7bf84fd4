"""The past that never was: its KPIs agree with its cases, and what happened in it can be seen."""

from itertools import pairwise

import numpy as np
import pytest

from hms_gov.past import (
    CHANGES,
    DAYS,
    TOPICS,
    TROUBLES,
    draw_fair_latencies,
    find_begin,
    live,
    live_cases,
    serve,
)
from hms_gov.seed import LIMIT
from hms_gov.traffic import MEDIAN, Complaints, draw_latencies
from metrics_app.core.durations import DAY_MS, DAY_S, HOUR_S, MINUTE_S
from metrics_app.models import Threshold
from metrics_app.services.rules.backtest import backtest_points, make_rule

# A Saturday, 17:40 UTC.
END = 1_795_887_600
RECEIVED, LATENCY, OPEN, OLDEST = range(len(TOPICS))


@pytest.fixture(scope="module")
def past():
    return live(END)


@pytest.fixture(scope="module")
def cases():
    return live_cases(END)


def choose(past, topic):
    """``(ts, values)`` of a topic."""
    mine = past.topic == topic
    return past.ts[mine], past.values[mine]


def mean_of(past, topic, day, days=7):
    """The mean of a topic over ``days`` from so many days before the end on."""
    ts, values = choose(past, topic)
    start = END * 1000 - day * DAY_MS
    return values[(ts >= start) & (ts < start + days * DAY_MS)].mean()


def ago(spell):
    """How many days before the end a spell began."""
    return (END - find_begin(spell, END)) / DAY_S


def test_it_is_the_same_each_time_and_another_with_another_seed():
    one, same, other = (live(END, days=20, seed=seed) for seed in (1, 1, 2))
    assert (one.ts == same.ts).all() and (one.values == same.values).all()
    assert len(one.ts) != len(other.ts)


def test_it_fills_its_days_and_ends_before_its_end(past):
    for topic in range(len(TOPICS)):
        ts, _ = choose(past, topic)
        assert ts.min() - (END - DAYS * DAY_S) * 1000 < 15 * MINUTE_S * 1000
        assert END * 1000 - 15 * MINUTE_S * 1000 < ts.max() < END * 1000


def test_each_case_is_filed_once_and_answered_once_after_it_was_filed(past, cases):
    created, answered = cases
    begin = END - DAYS * DAY_S
    assert (answered > created).all()
    assert len(choose(past, RECEIVED)[0]) == (created >= begin).sum()
    ts, latencies = choose(past, LATENCY)
    mine = (answered >= begin) & (answered < END)
    assert sorted(latencies) == pytest.approx(np.sort(answered[mine] - created[mine]), abs=0.001)
    assert len(past.waiting) == (answered >= END).sum()


def test_open_is_what_was_filed_less_what_was_answered_and_the_oldest_is_one_of_them(past, cases):
    created, answered = cases
    ts, opened = choose(past, OPEN)
    oldest = choose(past, OLDEST)[1]
    for at in np.random.default_rng(1).integers(0, len(ts), 50).tolist():
        moment = ts[at] / 1000
        waiting = (created < moment) & (answered >= moment)
        assert opened[at] == waiting.sum() == (created < moment).sum() - (answered < moment).sum()
        assert oldest[at] == pytest.approx(moment - created[waiting].min(), abs=0.001)


def test_the_four_kpis_add_up_by_themselves(past):
    (filed, _), (done, _), (ts, opened) = (choose(past, topic) for topic in (RECEIVED, LATENCY, OPEN))
    done = np.sort(done)
    for one, other in pairwise(range(0, len(ts), len(ts) // 20)):
        low, high = ts[one], ts[other]
        came, went = (np.diff(np.searchsorted(part, [low, high]))[0] for part in (filed, done))
        # A point counts in its whole millisecond.
        assert opened[other] - opened[one] == pytest.approx(came - went, abs=2)


def test_clerks_answer_in_turn_and_never_more_than_they_can():
    grid = np.arange(0, 11) * HOUR_S
    could = np.arange(0, 11) * 2.0  # two an hour
    # Three at once, one that comes while they wait, one that finds nobody before it.
    ready = np.array([0, 0, 0, HOUR_S, 5 * HOUR_S])
    assert serve(ready, grid, could) == pytest.approx([1800, 3600, 5400, 7200, 5 * HOUR_S + 1800])


def test_fewer_complain_at_night_and_at_the_weekend(past):
    ts, _ = choose(past, RECEIVED)
    seconds = ts / 1000
    hours = np.bincount((seconds // HOUR_S % 24).astype(int), minlength=24)
    assert hours[[1, 2, 0]].sum() < 0.65 * hours[[12, 13, 14]].sum()
    # 1970-01-01 was a Thursday.
    days = np.bincount((seconds // DAY_S % 7).astype(int), minlength=7)
    assert days[[2, 3]].mean() == pytest.approx(0.6 * days[[0, 1, 4, 5, 6]].mean(), rel=0.1)


def test_it_knows_summer_from_winter(past):
    ts, _ = choose(past, RECEIVED)
    months = np.bincount((END * 1000 - ts) // (28 * DAY_MS))[:13]
    assert 1.15 < months.max() / months.min() < 1.6


def test_latencies_are_those_of_the_live_traffic_with_less_chance_in_a_week():
    fair, live = (draw(60_000, np.random.default_rng(3)) for draw in (draw_fair_latencies, draw_latencies))
    assert np.quantile(fair, [0.1, 0.5, 0.9, 0.99]) == pytest.approx(
        np.quantile(live, [0.1, 0.5, 0.9, 0.99]), rel=0.03
    )
    assert np.median(fair) == pytest.approx(MEDIAN, rel=0.01)
    weeks, chances = (part.reshape(60, -1).mean(axis=1).std() / part.mean() for part in (fair, live))
    assert 2 * weeks < chances


def test_what_was_changed_can_be_seen_in_the_week_after(past):
    # The first day is left out: what was begun before is answered in it.
    after = {
        name: mean_of(past, LATENCY, ago(change) - 1) / mean_of(past, LATENCY, ago(change) + 7)
        for name, change in CHANGES.items()
    }
    assert after["helped"] < 0.7
    assert after["nothing"] == pytest.approx(1, abs=0.04)
    assert after["harmed"] > 1.2


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.what)
def test_bad_weeks_make_people_wait_and_pass(past, trouble):
    calm = mean_of(past, LATENCY, ago(trouble) + 10, 5)
    peak = max(mean_of(past, LATENCY, ago(trouble) - day, 1) for day in range(12))
    assert peak > 1.3 * calm
    last = ago(trouble) - trouble.days + 1
    assert mean_of(past, OPEN, last, 1) > 1.1 * mean_of(past, OPEN, ago(trouble) + 8)


@pytest.mark.parametrize(("days", "window"), [(30, LIMIT["window"]), (DAYS, HOUR_S)])
def test_the_rule_of_the_demo_would_have_fired_sometimes_and_not_hundreds_of_times(past, days, window):
    # As history judges it: by minutes of the last month, by hours of all.
    rule = make_rule(Threshold(**LIMIT), window=window, interval=max(300, window - 1800))
    ts, values = choose(past, LATENCY)
    mine = ts >= END * 1000 - days * DAY_MS
    order = np.argsort(ts[mine])
    found = backtest_points(rule, ts[mine][order], values[mine][order])
    assert 5 <= len(found.breaches) <= 150


def test_it_ends_as_the_live_traffic_begins(past):
    alone = Complaints(END, rng=np.random.default_rng(4))
    assert len(past.waiting) == pytest.approx(len(alone.open), rel=0.15)
    assert mean_of(past, LATENCY, 2, 2) == pytest.approx(27.5 * HOUR_S, rel=0.08)
    goes_on = Complaints(END, rng=np.random.default_rng(4), known=(END, past.waiting))
    gauges = dict(goes_on.advance(END + 1))
    assert gauges["complaint.open"] == pytest.approx(choose(past, OPEN)[1][-1], abs=5)
    assert gauges["complaint.oldest_age"] == pytest.approx(choose(past, OLDEST)[1][-1] + 61, abs=1)
