"""What would have come without an action, and how far that can be wrong."""

import math
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import distance

from pipelines_app.core.durations import HOUR_MS
from pipelines_app.core.effect_records import Reason
from pipelines_app.core.expectation import (
    ACTIONS,
    ALL,
    BREACHES,
    LIKE,
    NothingExpected,
    expect,
    fit_model,
    leave_out,
    list_action_moments,
    list_breach_moments,
    measure_like,
    read_before,
)
from pipelines_app.core.hours import MEAN, History, make_course
from tests.examples import examples

FIRST = 482_256
DAY, WEEK = 24, 168
SETTLE, SPAN = 24, WEEK


def make_walk(days, seed=1, *, empty=0.2):
    """The hours of a KPI with memory; a share of them has no points."""
    rng = np.random.default_rng(seed)
    level = np.zeros(days * DAY)
    for at in range(1, len(level)):
        level[at] = 0.97 * level[at - 1] + rng.normal(0, 0.05)
    counts = rng.integers(1, 9, len(level)) * (rng.random(len(level)) > empty)
    return History(FIRST, counts * np.exp(level), counts.astype(float))


def make_model(days, *, actions=(), seed=1, end=None):
    """``(model, fired)`` of such a KPI, which fired after so many days."""
    fired = FIRST + days * DAY
    history = make_walk(days + 20, seed)
    course = make_course(history, first=FIRST, fired=fired, end=end or history.end, zone="UTC", kind=MEAN)
    return fit_model(course, fired=fired, settle=SETTLE, span=SPAN, actions=actions), fired


def fit_theirs(model):
    """statsmodels' fit of the same moments, of outcomes read one by one."""
    outcomes = [
        math.log(read_plainly(model.course, at + SETTLE, at + SETTLE + SPAN)) for at in model.moments.tolist()
    ]
    return sm.OLS(outcomes, sm.add_constant(model.rows)).fit()


def read_plainly(course, begin, end):
    """The mean of a stretch, hour by hour."""
    hours = range(begin - course.first, end - course.first)
    sums, counts = np.diff(course.totals), np.diff(course.weights)
    return sum(sums[at] for at in hours) / sum(counts[at] for at in hours)


@pytest.mark.parametrize(("days", "lengths"), [(200, (3, 24, 168)), (260, (3, 24, 168, 672))])
def test_it_is_statsmodels_least_squares(days, lengths):
    model, fired = make_model(days)
    theirs = fit_theirs(model)
    assert model.lengths == lengths
    assert model.slopes == pytest.approx(theirs.params[1:], rel=1e-6)
    assert model.misses == pytest.approx(theirs.resid, abs=1e-9)
    row = read_before(model.course, np.array([fired + 5]), lengths)
    assert expect(model, fired + 5, []).value == pytest.approx(theirs.predict(np.c_[1, row])[0], rel=1e-9)


def test_the_stretch_of_four_weeks_counts_from_224_days_of_history_on():
    assert len(make_model(223)[0].lengths) == 3
    assert len(make_model(224)[0].lengths) == 4


def test_moments_are_every_fourth_hour_whose_stretches_and_outcome_are_before_it_fired():
    model, fired = make_model(200)
    assert model.moments[0] == FIRST + WEEK and model.moments[-1] == fired - SETTLE - SPAN
    assert set(np.diff(model.moments)) == {4}


def test_moments_whose_outcome_holds_the_start_of_an_action_are_left_out():
    action = FIRST + 100 * DAY
    model, _ = make_model(200, actions=[action])
    gone = set(range(FIRST + WEEK, int(model.moments[-1]) + 1, 4)) - set(model.moments.tolist())
    assert gone == set(range(action - SETTLE - SPAN + 4, action - SETTLE + 1, 4))


def test_an_outcome_holds_its_first_moment_and_not_its_end():
    kept = leave_out(np.array([0]), SETTLE, SPAN, [SETTLE - 0.01])
    assert kept.tolist() == [0]
    assert leave_out(np.array([0]), SETTLE, SPAN, [SETTLE + SPAN]).tolist() == [0]
    assert leave_out(np.array([0]), SETTLE, SPAN, [SETTLE]).tolist() == []
    assert leave_out(np.array([0]), SETTLE, SPAN, [SETTLE + SPAN - 0.01]).tolist() == []


@settings(max_examples=examples(30))
@given(st.integers(1, 30), st.integers(0, 60 * DAY))
def test_a_stretch_without_points_takes_the_value_of_the_next_longer_one(hours, back):
    history = make_walk(100, empty=0)  # an hour that is left has points
    at = history.end - back
    empty = slice(at - FIRST - hours, at - FIRST)
    history.sums[empty], history.counts[empty] = 0, 0
    course = make_course(history, first=FIRST, fired=FIRST, end=history.end, zone="UTC", kind=MEAN)
    [row] = read_before(course, np.array([at]), (3, 24, 168))
    week = math.log(read_plainly(course, at - 168, at))
    day = week if hours >= 24 else math.log(read_plainly(course, at - 24, at))
    assert row[2] == pytest.approx(week) and row[1] == pytest.approx(day)
    if hours >= 3:
        assert row[0] == pytest.approx(day)


def test_moments_without_an_outcome_or_without_anything_before_are_dropped():
    history = make_walk(230, empty=0)
    begin, end = 100 * DAY, 110 * DAY
    history.sums[begin:end], history.counts[begin:end] = 0, 0
    course = make_course(history, first=FIRST, fired=history.end, end=history.end, zone="UTC", kind=MEAN)
    moments = fit_model(course, fired=history.end, settle=SETTLE, span=SPAN, actions=[]).moments - FIRST
    # Outcomes in the gap, from its first hour to its last; four weeks before a moment are never empty.
    assert not ((moments >= begin - SETTLE) & (moments <= end - SETTLE - SPAN)).any()
    assert {begin - SETTLE - 4, end - SETTLE - SPAN + 4} <= set(moments.tolist())


def test_nothing_is_expected_after_weeks_without_points():
    model, fired = make_model(200)
    course = model.course
    course.totals[fired - FIRST :] = course.totals[fired - FIRST]
    course.weights[fired - FIRST :] = course.weights[fired - FIRST]
    assert expect(model, fired + WEEK - 1, []).moments == len(model.moments)
    with pytest.raises(NothingExpected) as caught:
        expect(model, fired + WEEK, [])
    assert caught.value.reason == Reason.NOTHING_BEFORE


def test_under_four_degrees_of_freedom_nothing_is_expected():
    # (moments × 4 h ÷ span) − 4 regressors: 48 spans of a week need 8 to leave 4.
    fired = FIRST + 7 * DAY + 8 * DAY + 8 * WEEK
    history = make_walk(100)
    course = make_course(history, first=FIRST, fired=fired, end=history.end, zone="UTC", kind=MEAN)
    words = {"settle": SETTLE, "span": SPAN, "actions": []}
    assert len(fit_model(course, fired=fired - 4, **words).moments) * 4 == 8 * SPAN
    with pytest.raises(NothingExpected) as caught:
        fit_model(course, fired=fired - 8, **words)
    assert caught.value.reason == Reason.FEW_MOMENTS


def find_spread(expectation, source):
    """The Spread of a source."""
    return next((spread for spread in expectation.spreads if spread.source == source), None)


def test_the_spread_of_all_moments_counts_each_span_of_them_once():
    model, fired = make_model(300)
    spans, p = len(model.moments) * 4 / SPAN, 5
    spread = find_spread(expect(model, fired, []), ALL)
    residuals = fit_theirs(model).resid
    size = math.sqrt(np.mean(residuals**2) * spans / (spans - p)) * math.sqrt(1 + p / spans)
    assert spread.size == pytest.approx(size, rel=1e-6)
    assert (spread.degrees, spread.count) == (pytest.approx(spans - p), pytest.approx(spans))


def test_the_spread_of_moments_like_this_is_that_of_the_nearest_tenth():
    model, fired = make_model(300)
    [row] = read_before(model.course, np.array([fired]), model.lengths)
    moves = np.array([[*(line[:3] - line[3])] for line in model.rows])
    inverse = np.linalg.inv(np.cov(moves.T))
    away = [distance.mahalanobis(move, row[:3] - row[3], inverse) for move in moves]
    nearest = sorted(range(len(away)), key=away.__getitem__)[: len(away) // 10]
    spans = len({(model.moments[at] - model.moments[0]) // SPAN for at in nearest})
    spread = find_spread(expect(model, fired, []), LIKE)
    size = math.sqrt(np.mean(model.misses[nearest] ** 2)) * math.sqrt(1 + 1 / spans)
    assert spread.size == pytest.approx(size, rel=1e-9)
    assert (spread.count, spread.degrees) == (spans, spans - 1) and spans >= 5


def test_moments_like_this_from_under_five_spans_do_not_count():
    model, _ = make_model(200)
    rows = np.zeros_like(model.rows)
    here = np.zeros(3)
    # It moved like here now and then: the nearest tenth lies all over the year.
    rows[:, 0] = np.arange(len(rows)) % 7
    assert measure_like(replace(model, rows=rows), here).count >= 5
    # It moved like here only at the beginning: the nearest tenth is 18 days, in three spans.
    rows[:, 0] = np.arange(len(rows))
    assert measure_like(replace(model, rows=rows), here) is None


def test_breaches_nobody_acted_on_count_from_five_on_with_their_own_misses():
    model, fired = make_model(300)
    moments = [FIRST + day * DAY + 5 for day in (60, 90, 130, 170, 220)]
    assert find_spread(expect(model, fired, moments[:4]), BREACHES) is None
    spread = find_spread(expect(model, fired, moments), BREACHES)
    misses = []
    for at in moments:
        before = [math.log(read_plainly(model.course, at - length, at)) for length in model.lengths]
        outcome = math.log(read_plainly(model.course, at + SETTLE, at + SETTLE + SPAN))
        misses.append(outcome - fit_theirs(model).predict([1, *before])[0])
    size = math.sqrt(sum(miss**2 for miss in misses) / 5) * math.sqrt(1 + 1 / 5)
    assert spread.size == pytest.approx(size, rel=1e-6) and (spread.degrees, spread.count) == (5, 5)


def test_breaches_count_whose_stretches_and_outcome_are_in_the_history_and_hold_no_action():
    model, fired = make_model(300)
    early, late = FIRST + 671, fired - SETTLE - SPAN + 1
    good = [FIRST + 672, FIRST + 100 * DAY, fired - SETTLE - SPAN]
    breaches = [hour * HOUR_MS for hour in (early, *good, late)]
    assert list_breach_moments(model, breaches, fired, []).tolist() == good
    action = FIRST + 102 * DAY
    assert list_breach_moments(model, breaches, fired, [action]).tolist() == [good[0], good[2]]


def test_a_breach_is_judged_from_the_first_whole_hour_after_it():
    model, fired = make_model(300)
    at = (FIRST + 100 * DAY) * HOUR_MS
    assert (list_breach_moments(model, [at, at + 1], fired, []) - FIRST).tolist() == [2400, 2401]


def test_the_largest_spread_counts_with_its_own_t():
    model, fired = make_model(300)
    moments = [FIRST + day * DAY for day in (60, 90, 130, 170, 220)]
    # Five breaches after which it went on quite differently.
    for at in moments:
        model.course.totals[at - FIRST + SETTLE + 1 :] += 3_000
    found = expect(model, fired, moments)
    breaches = find_spread(found, BREACHES)
    assert breaches.size == max(spread.size for spread in found.spreads)
    assert found.t == pytest.approx(stats.t.ppf(0.975, 5))
    assert found.below == found.above == pytest.approx(found.t * breaches.size)


ACTED = [FIRST + day * DAY for day in (60, 90, 130, 170, 220)]


@pytest.mark.parametrize("is_worse_above", [True, False])
def test_how_differently_it_went_on_after_earlier_actions_widens_the_bad_side_alone(is_worse_above):
    model, fired = make_model(300, actions=ACTED)
    plain = expect(model, fired, [])
    assert find_spread(expect(model, fired, [], ACTED[:4]), ACTIONS) is None
    for at, change in zip(ACTED, (300, 9_000, 300, 9_000, 300), strict=True):
        model.course.totals[at - FIRST + SETTLE + 1 :] += change
    found = expect(model, fired, [], ACTED, is_worse_above=is_worse_above)
    outcomes = [math.log(read_plainly(model.course, at + SETTLE, at + SETTLE + SPAN)) for at in ACTED]
    misses = np.array(outcomes) - model.predict(read_before(model.course, np.array(ACTED), model.lengths))
    spread = find_spread(found, ACTIONS)
    assert spread.size == pytest.approx(np.std(misses, ddof=1) * math.sqrt(1 + 1 / 5))
    assert (spread.count, spread.degrees) == (5, 4)
    bad, good = (found.above, found.below) if is_worse_above else (found.below, found.above)
    assert bad == pytest.approx(stats.t.ppf(0.975, 4) * spread.size)
    assert good == pytest.approx(plain.below if is_worse_above else plain.above) and good < bad
    assert (found.value, found.t) == (pytest.approx(plain.value), plain.t)


def test_what_all_earlier_actions_did_alike_widens_nothing():
    model, fired = make_model(300, actions=ACTED)
    before = find_spread(expect(model, fired, [], ACTED), ACTIONS)
    # The line says for each of them what is lower by the same.
    after = find_spread(expect(replace(model, level=model.level - 0.5), fired, [], ACTED), ACTIONS)
    assert after.size == pytest.approx(before.size)


def test_earlier_actions_count_that_are_in_the_history_and_alone_in_their_span():
    model, fired = make_model(300)
    early, late = FIRST + 671, fired - SETTLE - SPAN + 1
    good = [FIRST + 672, FIRST + 100 * DAY, FIRST + 130 * DAY + 1]
    # Two of the same hour are one; one that shares its span with the next does not count, the next does.
    pair = [FIRST + 200 * DAY, FIRST + 205 * DAY]
    actions = [early, *good[:2], good[2] - 0.5, good[2] - 0.25, *pair, late]
    assert list_action_moments(model, actions, fired).tolist() == [*good, pair[1]]
    assert list_action_moments(model, [], fired).tolist() == []
    # Without time to settle the own start lies in the span, and is no other.
    assert list_action_moments(replace(model, settle=0), good[:1], fired).tolist() == good[:1]


def test_the_interval_is_never_narrower_than_the_middle_of_the_misses():
    model, fired = make_model(300)
    model.misses[: len(model.misses) // 20] -= 1000.0
    found = expect(model, fired, [])
    assert found.below == pytest.approx(-np.quantile(model.misses, 0.025))
    assert found.above == pytest.approx(found.t * max(spread.size for spread in found.spreads))


def test_what_comes_after_it_fired_changes_nothing_of_the_fit():
    model, fired = make_model(200)
    other, _ = make_model(200, end=fired)
    assert model.slopes.tolist() == other.slopes.tolist() and model.misses.tolist() == other.misses.tolist()
