"""A rule that fits a KPI's own history, each part of it with its reason in one line.

Pure: ``values`` and ``n`` are what the windows of the past held, arrays of one length
with NaN for "no value". Limits are rounded as people would write them.
"""

import math
from typing import NamedTuple

import numpy as np

from metrics_app.core.aggregates import SHARE, get_aggregate
from metrics_app.core.classes import is_beyond
from metrics_app.core.durations import DAY_S, HOUR_S, MINUTE_S
from metrics_app.core.text.counts import count_words
from metrics_app.core.text.entries import is_duration, write_value
from metrics_app.core.text.phrases import OPERATORS, write_limit
from metrics_app.core.text.units import format_value

ENOUGH = 30  # windows with a value; fewer say nothing about the rare ones
RARE, USUAL = 0.99, 0.90  # shares of the windows that are on the good side of limit and recovery
LEAST_REACHED = 0.5  # share of the windows a recovery must leave on its good side
FULL = 0.95  # share of the windows that hold at least ``min_count``
OPERATOR_OF = {"lower": "gt", "higher": "lt"}
SIDES = {"gt": "below", "lt": "above"}
STEPS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)  # of round numbers, times a power of ten
HOURS = (1, 1.5, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 30, 36, 42, 48, 60, 72, 84, 96, 120, 144, 168)
MINUTES = (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 45, 50, 60)


class Part(NamedTuple):
    """One field of the form, its value there, and why."""

    field: str
    value: float | int | str
    reason: str


def suggest_parts(aggregate, operator, direction, unit, values, n):
    """``(sentence, parts)``: what the history says, and what to fill in; no parts where it is too short."""
    judges_empty = get_aggregate(aggregate).judges_empty
    usable = np.isfinite(values) & ((n > 0) | judges_empty)
    count = int(usable.sum())
    if count < ENOUGH:
        if not count:
            return f"No window held a value, and {ENOUGH} are needed to suggest a limit.", []
        had = count_words(count, "window held a value", "windows held a value")
        return f"{had.capitalize()}: too few to suggest a limit, {ENOUGH} are needed.", []
    operator, parts = choose_operator(operator, direction, aggregate)
    if not judges_empty:
        least, reason = suggest_min_count(n[usable])
        parts.append(Part("min_count", least, reason))
        usable &= n >= least
    seen = values[usable]
    limits = suggest_limits(seen, operator, unit, aggregate)
    parts[-1:-1] = limits
    said = tell_past(seen, n[usable], unit, aggregate)
    if not limits:
        said += " No limit is suggested: ordinary windows reach the end of the scale."
    return said, parts


def choose_operator(operator, direction, aggregate="mean"):
    """The side that is bad for this KPI, and a Part where the form says another."""
    bad, reason = OPERATOR_OF.get(direction), f"{direction} is better for this KPI"
    if bad and get_aggregate(aggregate).inverse:
        # The more lie at or below a value, the better where lower is better, and the other way round.
        bad = "lt" if bad == "gt" else "gt"
        reason = f"{reason}, so {'few' if bad == 'lt' else 'many'} within the value are bad"
    side = "gt" if operator in ("gt", "gte") else "lt"
    if bad in (None, side):
        return side, []
    return bad, [Part("operator", bad, reason)]


def suggest_limits(seen, operator, unit, aggregate):
    """The Parts of limit and recovery from the values of the windows."""
    upper = operator == "gt"
    low, rare = (float(np.quantile(seen, share if upper else 1 - share)) for share in (USUAL, RARE))
    limit = round_value(rare, unit, aggregate, up=upper)
    if get_aggregate(aggregate).kind == SHARE and is_uncrossable(limit, operator):
        # The round number is the end of the scale: the whole per cent before it, if there is one.
        limit = float(math.ceil(rare) if upper else math.floor(rare))
        if is_uncrossable(limit, operator):
            return []
    good = tell_share(seen, limit, operator)
    parts = [Part("limit", limit, f"{good} of the windows lay {SIDES[operator]} it")]
    recovery = round_value(low, unit, aggregate, up=upper)
    if recovery == limit:
        # Near the limit already: the round number before it, so that the light does not flicker.
        recovery = round_value(low, unit, aggregate, up=not upper)
    reached = float(np.mean(seen <= recovery if upper else seen >= recovery))
    # Where ordinary windows do not reach it the light would stay red for good.
    if recovery == limit or is_beyond(recovery, operator, limit) or reached < LEAST_REACHED:
        return parts
    usual = tell_share(seen, recovery, operator)
    why = f"{usual} lay {SIDES[operator]} it, so a light that turns green means an ordinary time"
    return [*parts, Part("recovery_limit", recovery, why)]


def is_uncrossable(limit, operator):
    """Whether no share is beyond a limit (per cent): above 100 or below 0."""
    return limit >= 100 if operator == "gt" else limit <= 0


def tell_share(seen, bound, operator):
    """ "99 %": the share of values that are not beyond a bound; never 100 unless all are."""
    beyond = seen > bound if operator == "gt" else seen < bound
    if not beyond.any():
        return "all"
    return f"{min(99.9, math.floor(1000 * (1 - float(beyond.mean()))) / 10):g} %"


def suggest_min_count(n):
    """``(min_count, reason)`` from the points of windows that were not empty."""
    usual = int(np.median(n))
    # Half of the usual keeps out the odd single point; the windows of quiet hours still count.
    least = max(1, min(usual // 2, int(np.quantile(n, 1 - FULL))))
    share = math.floor(100 * float((n >= least).mean()))
    points = count_words(usual, "point")
    return least, f"a window usually holds {points}; {share} % of those with any hold at least so many"


def tell_past(seen, n, unit, aggregate):
    """One sentence about the values behind it all."""
    half, most, top = (
        format_value(float(np.quantile(seen, share)), unit, aggregate) for share in (0.5, 0.95, 1)
    )
    windows = count_words(len(seen), "window")
    return f"Half of {windows} were at most {half}, 95 % at most {most}, the highest {top}."


def round_value(value, unit, aggregate, *, up):
    """The next round number away from the good side, as people set limits: 48 h, 120, 2.5."""
    if is_duration(unit, aggregate):
        return round_duration(value, up=up)
    if value == 0 or not math.isfinite(value):
        return value
    if value < 0:
        return -round_value(-value, unit, aggregate, up=not up)
    power = 10.0 ** math.floor(math.log10(value))
    if not power:
        return 0.0  # beyond what a float can be divided by
    return float(f"{pick(value / power, STEPS, up=up) * power:.12g}")


def round_duration(seconds, *, up):
    """The next round duration: of minutes below an hour, hours up to a week, whole days beyond."""
    if seconds < MINUTE_S:
        return float(math.ceil(seconds) if up else math.floor(seconds))
    if seconds <= HOUR_S:
        return pick(seconds / MINUTE_S, MINUTES, up=up) * MINUTE_S
    if seconds <= HOURS[-1] * HOUR_S:
        return pick(seconds / HOUR_S, HOURS, up=up) * HOUR_S
    return float((math.ceil if up else math.floor)(seconds / DAY_S) * DAY_S)


def pick(value, steps, *, up):
    """The first step at or above a value, or the last one at or below it."""
    # A float's last digit must not lift 48 h to 60 h.
    if up:
        return next((step for step in steps if step >= value * (1 - 1e-9)), steps[-1])
    return next((step for step in reversed(steps) if step <= value * (1 + 1e-9)), steps[0])


def write_part(part, unit, aggregate):
    """A Part as ``{"field", "text", "said", "reason"}``: for the form's field, and for people."""
    text = said = str(part.value)
    if part.field in ("limit", "recovery_limit"):
        text, said = write_value(part.value, unit, aggregate), write_limit(part.value, unit, aggregate)
    return {"field": part.field, "text": text, "said": OPERATORS.get(said, said), "reason": part.reason}
