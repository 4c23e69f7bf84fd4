"""Whether an action changed its KPI, and by how much: the plan made before, the judgement after.

What the KPI does after a breach is not what it did before: a peak goes down by itself. So the
span after an action is held against what such moments have led to in the months before
the breach, with an interval that is as wide as this was wrong. docs/effect.md tells the method.

Times are ms since the epoch; settle and span are whole hours. Pure: no clock, nothing is read.
"""

import math
from dataclasses import replace

from pipelines_app.core.durations import DAY_H, HOUR_MS, WEEK_H
from pipelines_app.core.effect_records import Comparison, Effect, Plan, Reason
from pipelines_app.core.expectation import (
    NothingExpected,
    expect,
    fit_model,
    list_action_moments,
    list_breach_moments,
    read_outcomes,
)
from pipelines_app.core.hours import MEAN, TOTAL, make_course
from pipelines_app.core.states import State

LOWER, HIGHER = "lower", "higher"  # which way is better
LEAST_HISTORY_H = 180 * DAY_H
MATTERS = 0.05  # of the expected value: what is less is no effect


def find_start(done_at):
    """t₀ of an action that was done at a time (ms): the first whole hour that begins not before it."""
    return -(-done_at // HOUR_MS) * HOUR_MS


def find_end(plan, started_at):
    """When the span of an action that started then is over (ms)."""
    return started_at + (plan.settle + plan.span) * HOUR_MS


def make_plan(
    history, fired_at, *, zone, kind=MEAN, better=LOWER, settle=24, span=WEEK_H, actions=(), breaches=()
):
    """The Plan of a proposal whose breach fired at ``fired_at`` (ms).

    ``kind`` is ``mean`` (per point) or ``total`` (per hour), ``better`` is ``lower`` or ``higher``.
    ``actions`` are the starts of earlier actions on the KPI, ``breaches`` the times of those that
    nobody acted on (ms). ValueError where a word or a number cannot be, or the history ends before.
    """
    check_plan(kind, better, settle, span)
    plan = Plan(fired_at, settle, span, zone, kind, better)
    fired = fired_at // HOUR_MS
    check_end(history, fired)
    if reason := find_lack(history, fired):
        return replace(plan, reason=reason.value)
    try:
        course, expected = find_expectation(history, plan, fired, fired, actions, breaches)
    except NothingExpected as error:
        return replace(plan, reason=error.reason.value)
    return replace(plan, **describe_promise(course, expected, better))


def judge(history, plan, started_at, *, actions=(), breaches=()):
    """The Effect of what began at ``started_at`` (ms, a whole hour), once its span is over.

    ``actions`` are the starts of the other actions on the KPI, ``breaches`` as in ``make_plan``.
    ValueError where the history ends before the span does.
    """
    if started_at % HOUR_MS or started_at // HOUR_MS < plan.fired_at // HOUR_MS:
        raise ValueError(f"started_at must be a whole hour (ms) after it fired, not {started_at}")
    started, end = started_at // HOUR_MS, find_end(plan, started_at) // HOUR_MS
    check_end(history, end)
    facts = {
        "started_at": started_at,
        "judged_from": (end - plan.span) * HOUR_MS,
        "judged_to": end * HOUR_MS,
        "plain": compare_plainly(history, plan, started),
        "together": tuple(sorted(at for at in actions if started_at <= at < end * HOUR_MS)),
    }
    if reason := find_obstacle(history, plan, end - plan.span, end):
        return Effect(State.INCONCLUSIVE.value, reason.value, **facts)
    try:
        course, expected = find_expectation(history, plan, started, end, actions, breaches)
    except NothingExpected as error:
        return Effect(State.INCONCLUSIVE.value, error.reason.value, **facts)
    observed = float(read_outcomes(course, started, plan.settle, plan.span))
    verdict = find_verdict(*find_interval(observed, expected), *find_margin(course, expected), plan.better)
    reason = Reason.WIDE.value if verdict == State.INCONCLUSIVE else ""
    return Effect(verdict.value, reason, **facts, **describe_change(course, observed, expected))


def check_plan(kind, better, settle, span):
    """ValueError where a plan cannot be judged."""
    if kind not in (MEAN, TOTAL):
        raise ValueError(f"kind must be {MEAN} or {TOTAL}, not {kind!r}")
    if better not in (LOWER, HIGHER):
        raise ValueError(f"better must be {LOWER} or {HIGHER}, not {better!r}: an effect has a good side")
    if settle < 0 or settle != int(settle):
        raise ValueError(f"settle must be whole hours from 0 on, not {settle}")
    if span < WEEK_H or span % WEEK_H:
        raise ValueError(f"span must be whole weeks in hours, such as {WEEK_H}, not {span}")


def check_end(history, end):
    """ValueError where a history does not reach the hour ``end``."""
    if history.end < end:
        raise ValueError(f"the history must reach hour {end} since the epoch, it ends at {history.end}")


def find_lack(history, fired):
    """The Reason why nothing can be learnt from the history before it fired, or None."""
    if history.is_extreme():
        return Reason.EXTREME
    return Reason.SHORT_HISTORY if fired - history.find_first(fired) < LEAST_HISTORY_H else None


def find_obstacle(history, plan, begin, end):
    """The Reason why the span [begin, end) cannot be judged at all, or None."""
    if reason := find_lack(history, plan.fired_at // HOUR_MS):
        return reason
    days = history.counts[begin - history.first : end - history.first].reshape(-1, DAY_H)
    return None if (days.sum(axis=1) > 0).all() else Reason.EMPTY_DAY


def find_expectation(history, plan, at, end, actions, breaches):
    """``(course, expectation)`` at the hour ``at``, from all that was before the breach fired."""
    fired = plan.fired_at // HOUR_MS
    first = history.find_first(fired)
    course = make_course(history, first=first, fired=fired, end=end, zone=plan.zone, kind=plan.kind)
    hours = [action / HOUR_MS for action in actions]
    model = fit_model(course, fired=fired, settle=plan.settle, span=plan.span, actions=hours)
    ignored = list_breach_moments(model, breaches, fired, hours)
    acted_on = list_action_moments(model, hours, fired)
    return course, expect(model, at, ignored, acted_on, is_worse_above=plan.better == LOWER)


def find_interval(observed, expected):
    """The 95 % interval of the change on the scale."""
    change = observed - expected.value
    return change - expected.above, change + expected.below


def find_margin(course, expected):
    """The changes on the scale that lower and raise the expected value by what matters."""
    if course.is_log:
        return math.log(1 - MATTERS), math.log(1 + MATTERS)
    margin = MATTERS * abs(expected.value)
    return -margin, margin


def find_verdict(low, high, less, more, better):
    """The State that an interval [low, high] of the change leads to; [less, more] does not matter."""
    if better == HIGHER:
        low, high, less, more = -high, -low, -more, -less
    if high < less:
        return State.EFFECTIVE
    if low > 0:
        return State.HARMFUL
    if less <= low and high <= more:
        return State.INEFFECTIVE
    return State.INCONCLUSIVE


def compare_plainly(history, plan, started):
    """The Comparison of the span with as long a time before the start (an hour)."""
    if history.is_extreme():
        return Comparison(None, None, None)
    begin = started + plan.settle
    before = history.mean(started - plan.span, started, plan.kind)
    after = history.mean(begin, begin + plan.span, plan.kind)
    return Comparison(before, after, None if after is None else find_percent(after, before))


def find_percent(value, of):
    """How much more than ``of`` a value is, in per cent; None where that is not positive."""
    return (value / of - 1) * 100 if of is not None and of > 0 else None


def find_gain(change, better):
    """By how much a change is one to the better; None for None."""
    return -change if change is not None and better == LOWER else change


def describe_promise(course, expected, better):
    """What a Plan says of an Expectation, in the KPI's unit."""
    less, more = find_margin(course, expected)
    ends = (expected.value + less - expected.below, expected.value + expected.above)
    if better == HIGHER:
        ends = (expected.value + more + expected.above, expected.value - expected.below)
    effective, harmful = map(course.to_unit, ends)
    value, low, high = describe_band(course, expected)
    return {
        "scale": "log" if course.is_log else "plain",
        "expected": value,
        "expected_low": low,
        "expected_high": high,
        "half_width_percent": (high - low) / 2 / value * 100 if value > 0 else None,
        "effective_at": effective,
        "effective_percent": find_percent(effective, value),
        "harmful_at": harmful,
        "harmful_percent": find_percent(harmful, value),
    }


def describe_band(course, expected):
    """The expected value with its interval, in the KPI's unit."""
    ends = (expected.value, expected.value - expected.below, expected.value + expected.above)
    return tuple(map(course.to_unit, ends))


def describe_change(course, observed, expected):
    """What an Effect says of an observed value and its Expectation, in the KPI's unit."""
    value, low, high = describe_band(course, expected)
    seen, is_log = course.to_unit(observed), course.is_log
    # On the scale of logarithms as a ratio, on the plain one as a part of the expected value.
    percents = [
        (seen - end) / (end if is_log else value) * 100 if value > 0 else None for end in (value, high, low)
    ]
    return {
        "scale": "log" if is_log else "plain",
        "observed": seen,
        "expected": value,
        "expected_low": low,
        "expected_high": high,
        "change": seen - value,
        "change_low": seen - high,
        "change_high": seen - low,
        "percent": percents[0],
        "percent_low": percents[1],
        "percent_high": percents[2],
        "t": expected.t,
        "moments": expected.moments,
        "spreads": expected.spreads,
    }
