"""Whether an action changed its KPI: plans, verdicts, reasons, and what may change nothing."""

import json
import math
from dataclasses import asdict, replace
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pipelines_app.core.chain import encode
from pipelines_app.core.durations import HOUR_MS
from pipelines_app.core.effect import (
    Comparison,
    find_end,
    find_gain,
    find_start,
    find_verdict,
    judge,
    make_plan,
)
from pipelines_app.core.expectation import read_before, read_outcomes
from pipelines_app.core.hours import TOTAL, History, classify, gather, make_course
from pipelines_app.core.moments import to_ms
from pipelines_app.core.states import State
from tests.examples import examples

FIRST = 482_256  # 2025-01-06T00:00Z, a Monday, in hours
DAY, WEEK = 24, 168
DAYS = 300
FIRED = FIRST + DAYS * DAY
STARTED = FIRED + 10  # t₀; the span goes from 34 to 202 hours after it fired
SPAN = slice(DAYS * DAY + 34, DAYS * DAY + 202)


def make_flat(value=40.0, *, days=DAYS, count=2.0):
    """A KPI that never moved, from ``days`` before it fired until the span is over."""
    hours = days * DAY + 202
    return History(FIRED - days * DAY, np.full(hours, value * count), np.full(hours, count))


def make_noisy(seed=1, *, size=0.2, days=DAYS, empty=0.1):
    """A KPI of noise with a memory of 20 hours; a share of its hours has no points."""
    rng = np.random.default_rng(seed)
    hours = days * DAY + 202
    level = np.zeros(hours)
    for at in range(1, hours):
        level[at] = 0.95 * level[at - 1] + rng.normal(0, size * 0.3)
    counts = rng.integers(1, 9, hours) * (rng.random(hours) > empty)
    return History(FIRED - days * DAY, counts * 40 * np.exp(level), counts.astype(float))


def act(history, factor):
    """The same history where all values from t₀ on are multiplied."""
    sums = history.sums.copy()
    sums[STARTED - history.first :] *= factor
    return replace(history, sums=sums)


def measure(history, *, started=STARTED, actions=(), breaches=(), **words):
    """``(plan, effect)`` of an action."""
    plan = make_plan(history, FIRED * HOUR_MS, zone="UTC", actions=actions, breaches=breaches, **words)
    return plan, judge(history, plan, started * HOUR_MS, actions=actions, breaches=breaches)


@pytest.mark.parametrize(
    ("factor", "better", "verdict"),
    [
        (0.80, "lower", "effective"),
        (0.94, "lower", "effective"),
        (0.96, "lower", "ineffective"),
        (1.00, "lower", "ineffective"),
        (1.01, "lower", "harmful"),
        (1.20, "lower", "harmful"),
        (1.20, "higher", "effective"),
        (1.06, "higher", "effective"),
        (1.04, "higher", "ineffective"),
        (0.99, "higher", "harmful"),
    ],
)
def test_a_kpi_that_never_moves_shows_every_effect_as_it_is(factor, better, verdict):
    _, effect = measure(act(make_flat(), factor), better=better)
    assert (effect.verdict, effect.reason, effect.scale) == (verdict, "", "log")
    assert effect.observed == pytest.approx(40 * factor) and effect.expected == pytest.approx(40)
    assert effect.change == pytest.approx(40 * (factor - 1))
    for percent in (effect.percent, effect.percent_low, effect.percent_high):
        assert percent == pytest.approx((factor - 1) * 100)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.30, -0.06, State.EFFECTIVE),
        (-0.30, -0.05, State.INCONCLUSIVE),  # not beyond what matters
        (-0.30, -0.04, State.INCONCLUSIVE),
        (-0.30, 0.10, State.INCONCLUSIVE),
        (-0.05, 0.05, State.INEFFECTIVE),
        (-0.04, -0.01, State.INEFFECTIVE),
        (0.00, 0.04, State.INEFFECTIVE),
        (0.01, 0.04, State.HARMFUL),  # on the bad side, however little
        (0.01, 0.30, State.HARMFUL),
        (-0.01, 0.30, State.INCONCLUSIVE),
    ],
)
def test_a_verdict_is_that_of_the_whole_interval(low, high, verdict):
    assert find_verdict(low, high, -0.05, 0.05, "lower") == verdict
    assert find_verdict(-high, -low, -0.05, 0.05, "higher") == verdict


def test_what_matters_is_five_per_cent_to_either_side_also_of_a_ratio():
    less, more = math.log(0.95), math.log(1.05)
    assert find_verdict(less, more, less, more, "lower") == State.INEFFECTIVE
    _, below = measure(act(make_flat(), 0.9501))
    _, beyond = measure(act(make_flat(), 0.9499))
    assert (below.verdict, beyond.verdict) == ("ineffective", "effective")


def test_noise_that_hides_an_effect_is_inconclusive_and_says_how_wide_it_is():
    plan, effect = measure(act(make_noisy(), 0.95))
    assert (effect.verdict, effect.reason) == ("inconclusive", "wide")
    assert effect.percent_low < -5 < effect.percent_high
    assert plan.half_width_percent > 5


def test_observed_and_expected_are_the_change_in_the_unit_and_in_per_cent():
    _, effect = measure(act(make_noisy(), 0.7))
    assert effect.change == pytest.approx(effect.observed - effect.expected)
    assert effect.change_low == pytest.approx(effect.observed - effect.expected_high)
    assert effect.change_high == pytest.approx(effect.observed - effect.expected_low)
    assert effect.percent == pytest.approx((effect.observed / effect.expected - 1) * 100)
    assert effect.percent_low == pytest.approx((effect.observed / effect.expected_high - 1) * 100)
    assert effect.percent_high == pytest.approx((effect.observed / effect.expected_low - 1) * 100)
    assert effect.expected_low < effect.expected < effect.expected_high


def test_the_plan_promises_the_interval_that_a_start_at_once_gets():
    history = act(make_noisy(), 0.5)
    plan, effect = measure(history, started=FIRED)
    assert plan.reason == "" and plan.scale == effect.scale
    assert (plan.expected, plan.expected_low, plan.expected_high) == pytest.approx(
        (effect.expected, effect.expected_low, effect.expected_high)
    )
    half = (effect.expected_high - effect.expected_low) / 2
    assert plan.half_width_percent == pytest.approx(half / effect.expected * 100)


@pytest.mark.parametrize("better", ["lower", "higher"])
@pytest.mark.parametrize("lift", [0.0, -100.0])
def test_the_plan_says_from_where_on_an_outcome_would_prove_something(better, lift):
    noisy = make_noisy()
    history = replace(noisy, sums=noisy.sums + lift * noisy.counts)
    plan = make_plan(history, FIRED * HOUR_MS, zone="UTC", better=better)
    good = -1 if better == "lower" else 1
    part = slice(DAYS * DAY, None)
    for edge, inside, beyond in (
        (plan.effective_at, "inconclusive", "effective"),
        (plan.harmful_at, "inconclusive", "harmful"),
    ):
        side = good if beyond == "effective" else -good
        for nudge, verdict in ((-1e-6, inside), (1e-6, beyond)):
            sums, counts = history.sums.copy(), history.counts.copy()
            # The rhythm is taken out of the outcome, so it is put into it.
            flat = replace(history, sums=sums, counts=counts)
            counts[part] = 1.0
            sums[part] = 1.0
            seen = judge(flat, plan, FIRED * HOUR_MS).observed
            if plan.scale == "log":
                sums[part] = (edge + side * nudge) / seen
            else:
                sums[part] = 1.0 + edge + side * nudge - seen
            assert judge(flat, plan, FIRED * HOUR_MS).verdict == verdict
    if plan.scale == "log":
        assert plan.effective_percent == pytest.approx((plan.effective_at / plan.expected - 1) * 100)
        assert plan.harmful_percent == pytest.approx((plan.harmful_at / plan.expected - 1) * 100)
    else:
        assert plan.effective_percent is plan.harmful_percent is plan.half_width_percent is None


def test_an_effect_is_what_statsmodels_predicts_and_as_wide_as_scipys_t():
    history = act(make_noisy(), 0.8)
    _, effect = measure(history)
    first = history.find_first(FIRED)
    course = make_course(history, first=first, fired=FIRED, end=STARTED + 192, zone="UTC", kind="mean")
    moments = np.arange(-(-(first + 672) // 4) * 4, FIRED - 192 + 1, 4)
    rows = read_before(course, moments, (3, 24, 168, 672))
    fitted = sm.OLS(read_outcomes(course, moments, 24, WEEK), sm.add_constant(rows)).fit()
    here = read_before(course, np.array([STARTED]), (3, 24, 168, 672))
    value, spans = fitted.predict(np.c_[1, here])[0], len(moments) * 4 / WEEK
    size = math.sqrt(np.mean(fitted.resid**2) * spans / (spans - 5)) * math.sqrt(1 + 5 / spans)
    assert effect.spreads[0].size == pytest.approx(size, rel=1e-6) and effect.moments == len(moments)
    widest = max(effect.spreads, key=lambda spread: spread.size)
    assert effect.t == pytest.approx(stats.t.ppf(0.975, widest.degrees), rel=1e-9)
    low, high = np.quantile(fitted.resid, (0.025, 0.975))
    ends = value - max(effect.t * widest.size, -low), value + max(effect.t * widest.size, high)
    assert (effect.expected, effect.expected_low, effect.expected_high) == pytest.approx(
        tuple(map(math.exp, (value, *ends))), rel=1e-6
    )
    assert effect.percent_low == pytest.approx((effect.observed / math.exp(ends[1]) - 1) * 100, rel=1e-6)


def test_under_180_days_of_history_nothing_is_judged_and_the_plain_comparison_is_shown():
    plan, effect = measure(act(make_flat(days=179), 0.5))
    assert (plan.reason, plan.half_width_percent, plan.expected) == ("short_history", None, None)
    assert (effect.verdict, effect.reason) == ("inconclusive", "short_history")
    assert effect.percent is effect.observed is effect.expected is None
    assert effect.plain == Comparison(40.0, 20.0, -50.0)
    assert measure(act(make_flat(days=180), 0.5))[1].verdict == "effective"


def test_a_history_begins_with_its_first_point():
    history = make_flat(days=200)
    history.counts[: 21 * DAY], history.sums[: 21 * DAY] = 0, 0
    assert measure(history)[1].reason == "short_history"
    history.counts[20 * DAY], history.sums[20 * DAY] = 2, 80
    assert measure(history)[1].reason == ""


def test_a_kpi_without_any_point_is_inconclusive_without_a_comparison():
    empty = np.zeros(DAYS * DAY + 202)
    _, effect = measure(History(FIRST, empty, empty))
    assert (effect.reason, effect.plain) == ("short_history", Comparison(None, None, None))


@pytest.mark.parametrize("kind", ["mean", "total"])
@pytest.mark.parametrize("day", [0, 3, 6])
def test_a_day_of_the_span_without_points_is_not_judged(day, kind):
    history = act(make_flat(), 0.5)
    begin = SPAN.start + day * DAY
    history.counts[begin : begin + DAY], history.sums[begin : begin + DAY] = 0, 0
    plan, effect = measure(history, kind=kind)
    assert plan.reason == ""
    assert (effect.verdict, effect.reason) == ("inconclusive", "empty_day")
    assert effect.percent is None and effect.plain.before == (40 if kind == "mean" else 80)
    history.counts[begin + 5], history.sums[begin + 5] = 1, 20
    assert measure(history, kind=kind)[1].reason != "empty_day"


def test_too_few_spans_to_say_how_wrong_it_is_are_inconclusive():
    # Four weeks after 180 days: (180 − 7 − 29) days are 5.1 spans, and 4 of them are regressors.
    days, span = 180, 4 * WEEK
    hours = days * DAY + 34 + span
    history = History(FIRED - days * DAY, np.full(hours, 80.0), np.full(hours, 2.0))
    plan, effect = measure(history, span=span)
    assert plan.reason == effect.reason == "few_moments"
    assert (effect.verdict, effect.percent, effect.plain.percent) == ("inconclusive", None, 0)


def test_a_start_after_weeks_without_points_is_inconclusive():
    hours = DAYS * DAY + 29 * DAY + 192
    history = History(FIRST, np.full(hours, 80.0), np.full(hours, 2.0))
    gap = slice(DAYS * DAY, DAYS * DAY + 28 * DAY)
    history.counts[gap], history.sums[gap] = 0, 0
    assert measure(history, started=FIRED + 28 * DAY - 1)[1].verdict == "ineffective"
    _, effect = measure(history, started=FIRED + 28 * DAY)
    assert (effect.verdict, effect.reason, effect.plain.before) == ("inconclusive", "nothing_before", None)


def test_values_that_are_not_positive_are_judged_in_the_unit():
    history = make_flat(-5.0)
    history.sums[SPAN] = -6.0 * 2
    _, effect = measure(history)
    assert (effect.scale, effect.verdict) == ("plain", "effective")
    assert (effect.observed, effect.expected) == (pytest.approx(-6), pytest.approx(-5))
    assert (effect.change, effect.change_low, effect.change_high) == pytest.approx((-1, -1, -1))
    # Of what is not positive nothing is a part.
    assert effect.percent is effect.percent_low is effect.percent_high is None


def test_one_hour_that_is_not_positive_keeps_the_per_cent_of_a_positive_expectation():
    history = make_flat(40.0)
    history.sums[5] = -1.0
    history.sums[SPAN] = 36.0 * 2
    _, effect = measure(history)
    assert (effect.scale, effect.verdict) == ("plain", "effective")
    assert effect.percent == pytest.approx(-10, abs=0.01) and effect.change == pytest.approx(-4, abs=0.01)
    low, high = effect.percent_low, effect.percent_high
    assert low == pytest.approx((effect.observed - effect.expected_high) / effect.expected * 100)
    assert high == pytest.approx((effect.observed - effect.expected_low) / effect.expected * 100)


def test_a_total_counts_hours_without_points_as_nothing():
    history = make_flat(1.0, count=10.0)
    every_second = np.arange(len(history.sums)) % 2 == 1
    history.sums[every_second], history.counts[every_second] = 0, 0
    _, effect = measure(act(history, 0.8), kind=TOTAL)
    assert (effect.scale, effect.verdict) == ("plain", "effective")
    assert (effect.observed, effect.expected) == (pytest.approx(4), pytest.approx(5))
    assert effect.percent == pytest.approx(-20)
    assert effect.plain == Comparison(5.0, 4.0, pytest.approx(-20))


def test_another_action_meanwhile_is_named():
    own, end = STARTED * HOUR_MS, (STARTED + 192) * HOUR_MS
    actions = (end - 1, own + 5, own - 1, end, own)
    _, effect = measure(act(make_flat(), 0.5), actions=actions)
    assert effect.together == (own, own + 5, end - 1)
    assert effect.verdict == "effective"


def test_breaches_nobody_acted_on_widen_the_interval_from_five_on():
    history = make_noisy()
    breaches = [(FIRST + day * DAY) * HOUR_MS + 1 for day in (60, 90, 130, 170, 220)]
    for at in breaches:
        # After each of them it went on twice as high, for reasons of its own.
        begin = at // HOUR_MS + 1 - FIRST
        history.sums[begin + DAY : begin + DAY + WEEK] *= 2
    plan, effect = measure(history, breaches=breaches[:4])
    wide_plan, wide = measure(history, breaches=breaches)
    assert [spread.source for spread in effect.spreads] == ["all moments", "moments like this"]
    assert wide.spreads[:2] == effect.spreads and wide.spreads[2].count == 5
    assert wide.spreads[2].size > max(spread.size for spread in effect.spreads)
    assert wide.percent_low < effect.percent_low and wide_plan.half_width_percent > plan.half_width_percent


@pytest.mark.parametrize(("better", "wider"), [("lower", "percent_low"), ("higher", "percent_high")])
def test_earlier_actions_make_it_harder_to_call_one_harmful_and_no_harder_to_call_it_effective(better, wider):
    history = make_noisy()
    # They share their spans with others, so that only one of them is known by itself.
    actions = [(FIRST + day * DAY) * HOUR_MS for day in range(60, 260, 5)]
    alone = actions[::3]
    for number, at in enumerate(alone):
        begin = at // HOUR_MS - FIRST
        history.sums[begin + DAY : begin + DAY + WEEK] *= 2 if number % 2 else 0.5
    _, effect = measure(history, actions=actions, better=better)
    _, wide = measure(history, actions=alone, better=better)
    widest = max(wide.spreads[:-1], key=lambda spread: spread.size)
    assert "earlier actions" not in [spread.source for spread in effect.spreads]
    assert wide.spreads[-1].source == "earlier actions" and wide.spreads[-1].size > widest.size
    ends = {
        name: abs(math.log(1 + (getattr(wide, name) - wide.percent) / (100 + wide.percent)))
        for name in ("percent_low", "percent_high")
    }
    assert ends.pop(wider) > max(ends.values())


def test_the_first_whole_hour_after_it_was_done_is_the_start():
    assert find_start(10 * HOUR_MS) == 10 * HOUR_MS
    assert find_start(10 * HOUR_MS + 1) == find_start(11 * HOUR_MS) == 11 * HOUR_MS


@pytest.mark.parametrize(
    ("zone", "hour"),
    [
        ("UTC", 483_792),
        ("Europe/Berlin", 483_791),
        ("America/New_York", 483_796),  # in summer time already
        # 18:30 UTC of the day before: the first whole hour of UTC after it.
        ("Asia/Kolkata", 483_787),
    ],
)
def test_a_step_that_a_person_confirms_begins_with_its_day_in_the_zone(zone, hour):
    assert find_start(to_ms(datetime(2025, 3, 11, tzinfo=ZoneInfo(zone)))) == hour * HOUR_MS


def test_a_plan_and_an_effect_can_be_frozen():
    plan, effect = measure(act(make_noisy(), 0.8), actions=[STARTED * HOUR_MS + 5])
    for record in (plan, effect):
        read = json.loads(encode(asdict(record)))
        assert read == json.loads(json.dumps(asdict(record)))
    assert read["spreads"][0]["source"] == "all moments" and read["plain"]["before"] == effect.plain.before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"kind": "median"}, "kind must be mean or total, not 'median'"),
        ({"better": "none"}, "better must be lower or higher, not 'none'"),
        ({"settle": -1}, "settle must be whole hours from 0 on, not -1"),
        ({"settle": 1.5}, "settle must be whole hours from 0 on, not 1.5"),
        ({"span": 100}, "span must be whole weeks in hours, such as 168, not 100"),
        ({"span": 0}, "span must be whole weeks in hours, such as 168, not 0"),
    ],
)
def test_it_refuses_a_plan_that_cannot_be_judged(words, said):
    with pytest.raises(ValueError, match=said):
        make_plan(make_flat(), FIRED * HOUR_MS, zone="UTC", **words)


def test_it_refuses_to_judge_before_the_span_is_over():
    history = make_flat()
    plan = make_plan(history, FIRED * HOUR_MS, zone="UTC")
    short = replace(history, sums=history.sums[:-1], counts=history.counts[:-1])
    with pytest.raises(ValueError, match=f"must reach hour {STARTED + 192} since the epoch"):
        judge(short, plan, STARTED * HOUR_MS)
    assert find_end(plan, STARTED * HOUR_MS) == (STARTED + 192) * HOUR_MS
    with pytest.raises(ValueError, match="must be a whole hour .ms. after it fired"):
        judge(history, plan, (FIRED - 1) * HOUR_MS)
    with pytest.raises(ValueError, match="must be a whole hour .ms. after it fired"):
        judge(history, plan, STARTED * HOUR_MS + 1)
    with pytest.raises(ValueError, match="must reach hour"):
        make_plan(history, (STARTED + 400) * HOUR_MS, zone="UTC")


SEEDS = st.integers(0, 2**32 - 1)
NUMBERS = ("percent", "percent_low", "percent_high", "t")


@settings(max_examples=examples(30), deadline=None)
@given(SEEDS, st.floats(1e-6, 1e6))
def test_the_unit_does_not_matter(seed, factor):
    history = act(make_noisy(seed), 0.8)
    _, one = measure(history)
    _, other = measure(replace(history, sums=history.sums * factor))
    assert one.verdict == other.verdict
    assert [getattr(other, name) for name in NUMBERS] == pytest.approx(
        [getattr(one, name) for name in NUMBERS], rel=1e-6, abs=1e-6
    )
    assert other.expected == pytest.approx(one.expected * factor)


@settings(max_examples=examples(30), deadline=None)
@given(SEEDS, st.integers(-60, 60))
def test_the_week_of_the_year_does_not_matter(seed, weeks):
    history = act(make_noisy(seed), 0.8)
    _, one = measure(history)
    plan = make_plan(
        replace(history, first=history.first + weeks * WEEK), (FIRED + weeks * WEEK) * HOUR_MS, zone="UTC"
    )
    other = judge(
        replace(history, first=history.first + weeks * WEEK), plan, (STARTED + weeks * WEEK) * HOUR_MS
    )
    times = ("started_at", "judged_from", "judged_to")
    assert all(getattr(other, name) - getattr(one, name) == weeks * WEEK * HOUR_MS for name in times)
    assert replace(other, **{name: getattr(one, name) for name in times}) == one


@settings(max_examples=examples(20), deadline=None)
@given(SEEDS)
def test_the_order_of_the_hours_that_are_read_does_not_matter(seed):
    history = act(make_noisy(seed), 0.8)
    rows = [
        ((history.first + at) * HOUR_MS, total, count)
        for at, (total, count) in enumerate(zip(history.sums.tolist(), history.counts.tolist(), strict=True))
        if count
    ]
    ends = {"start": history.first * HOUR_MS, "end": history.end * HOUR_MS}
    np.random.default_rng(seed).shuffle(rows)
    shuffled = gather(*zip(*rows, strict=True), **ends)
    assert measure(shuffled) == measure(history)


@settings(max_examples=examples(20), deadline=None)
@given(SEEDS, SEEDS, st.floats(0.5, 2))
def test_nothing_after_the_start_changes_what_is_expected(seed, other_seed, factor):
    history = make_noisy(seed)
    later = slice(STARTED - history.first, None)
    sums, counts = history.sums.copy(), history.counts.copy()
    changed = make_noisy(other_seed)
    sums[later], counts[later] = changed.sums[later] * factor, changed.counts[later]
    (plan, one), (same_plan, other) = measure(history), measure(replace(history, sums=sums, counts=counts))
    assert plan == same_plan
    ends = ("expected", "expected_low", "expected_high", "spreads", "moments")
    assert [getattr(one, name) for name in ends] == [getattr(other, name) for name in ends]


@settings(max_examples=examples(20), deadline=None)
@given(SEEDS)
def test_more_than_400_days_before_it_fired_nothing_counts(seed):
    history = make_noisy(seed, days=410)
    old = slice(0, 10 * DAY)
    changed = replace(history, sums=history.sums.copy())
    changed.sums[old] *= 7
    assert measure(changed) == measure(history)


@settings(max_examples=examples(20), deadline=None)
@given(SEEDS, st.lists(st.floats(0.2, 5), min_size=48, max_size=48))
def test_a_rhythm_of_the_day_and_the_weekend_changes_nothing(seed, factors):
    history = act(make_noisy(seed), 0.8)
    classes = classify(history.first, history.end, "UTC")
    _, one = measure(history)
    _, other = measure(replace(history, sums=history.sums * np.array(factors)[classes]))
    assert [getattr(other, name) for name in NUMBERS] == pytest.approx(
        [getattr(one, name) for name in NUMBERS]
    )


AWKWARD = {
    "nothing but noughts": lambda noise: noise * 0,
    "below nought": lambda noise: -np.exp(noise),
    "around nought": lambda noise: noise,
    "three values": np.round,
    "1e90 and more": lambda noise: 1e90 * np.exp(noise),
    "a step": lambda noise: np.where(np.arange(len(noise)) < len(noise) // 2, 1.0, 2.0),
    "a line": lambda noise: 1.0 + np.arange(len(noise)),
}
EMPTY = {
    "never": lambda hours: hours < 0,
    "at night": lambda hours: hours % DAY < 6,
    "at the weekend": lambda hours: classify(int(hours[0]), int(hours[-1]) + 1, "Europe/Berlin") >= DAY,
    "but at noon": lambda hours: hours % DAY != 12,
    "in the first half": lambda hours: hours - hours[0] < len(hours) // 2,
    "in the last weeks": lambda hours: hours >= FIRED - 30 * DAY,
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("ago", [1, 30, 180], ids=lambda hours: f"{hours} h ago")
@pytest.mark.parametrize("value", [40.0, 0.1, 0.0, -7.3, 1e90])
def test_a_kpi_that_stood_still_until_it_rose_is_expected_near_to_where_it_was(value, ago):
    history = make_flat(value, days=DAYS + 1)
    rise = abs(value) / 2 or 1.0
    history.sums[FIRED - ago - history.first :] += rise * 2
    for found in (effect := measure(history)[1]).expected, effect.expected_low, effect.expected_high:
        assert value - 3 * rise < found < value + 4 * rise
    assert_finite(effect)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("empty", EMPTY)
@pytest.mark.parametrize("name", AWKWARD)
@pytest.mark.parametrize("kind", ["mean", TOTAL])
def test_awkward_numbers_and_gaps_are_judged_or_said_to_be_beyond_judging(name, empty, kind):
    hours = 180 * DAY + 202
    at = np.arange(FIRED - 180 * DAY, FIRED + 202)
    counts = np.where(EMPTY[empty](at), 0.0, 2.0)
    sums = AWKWARD[name](np.random.default_rng(1).normal(size=hours)) * counts
    times = [(FIRED - day * DAY) * HOUR_MS for day in range(20, 170, 12)]
    # Exactly 180 days, with a clock change among them.
    history = History(int(at[0]), sums, counts)
    plan = make_plan(
        history, FIRED * HOUR_MS, zone="Europe/Berlin", kind=kind, actions=times[:6], breaches=times[6:]
    )
    effect = judge(history, plan, STARTED * HOUR_MS, actions=times[:6], breaches=times[6:])
    assert encode(asdict(plan)) and encode(asdict(effect))
    assert_finite(plan)
    assert_finite(effect)
    assert effect.verdict != "inconclusive" or effect.reason


def assert_finite(record):
    """Holds that no number of a Plan or an Effect is nan or endless."""
    numbers = [value for value in asdict(record).values() if isinstance(value, float)]
    assert np.isfinite(numbers).all()


@pytest.mark.filterwarnings("error")
@settings(max_examples=examples(20))
@given(st.sampled_from([1e101, 1e200, 1.7e308, -1e300, 5e-324, 1e-101]), st.booleans(), st.booleans())
def test_numbers_beyond_reckoning_are_a_reason(value, everywhere, total):
    history = make_flat(days=180)
    history.sums[slice(None) if everywhere else slice(500, 501)] = value
    plan, effect = measure(history, kind=TOTAL if total else "mean")
    assert plan.reason == effect.reason == "extreme" and effect.verdict == "inconclusive"
    assert effect.plain == Comparison(None, None, None)
    assert_finite(effect)


def test_a_gain_is_the_change_to_the_better():
    assert (find_gain(-18.0, "lower"), find_gain(-18.0, "higher")) == (18.0, -18.0)
    assert find_gain(None, "lower") is None
