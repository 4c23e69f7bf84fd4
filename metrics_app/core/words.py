"""What a tile says: the state of a rule, its limit and what happens next, in words.

Pure: times come in as text that is already in the reader's zone, durations as seconds.
"""

import math

from metrics_app.core.aggregates import ZERO_WHEN_EMPTY
from metrics_app.core.units import format_duration, format_value

SHAPES = {
    "ok": "●",
    "pending": "▲",
    "firing": "■",
    "recovering": "◐",
    "silent": "○",
    "behind": "◌",
    "none": "–",
}
NAMES = {
    "mean": "mean",
    "count": "count",
    "sum": "sum",
    "min": "minimum",
    "max": "maximum",
    "p50": "median",
    "p90": "90th percentile",
    "p95": "95th percentile",
    "p99": "99th percentile",
    "rate_per_hour": "rate",
}
UPPER = {"gt", "gte"}


def describe_timer(elapsed, total):
    """``6 min of 10``: how much of a span has passed, in the unit that fits the span."""
    size, name = next(
        pair for pair in ((1, "s"), (60, "min"), (3600, "h"), (86400, "d")) if fits(total, pair)
    )
    whole = round(total / size, 1)
    return f"{int(min(elapsed, total) // size)} {name} of {whole:g}"


def fits(total, pair):
    """Whether a span in this unit is a number below 120, or there is no larger unit."""
    return total / pair[0] < 120 or pair[1] == "d"


def describe_state(state, *, operator="gt", elapsed=0, pending_for=0, keep_firing_for=0):
    """The state of a rule in words, without its shape."""
    if state == "pending":
        side = "Over" if operator in UPPER else "Under"
        return f"{side} limit, {describe_timer(elapsed, pending_for)}"
    if state == "recovering":
        return f"Recovering, {describe_timer(elapsed, keep_firing_for)}"
    return {"ok": "Within limit", "firing": "Beyond limit", "none": "No limit set"}[state]


def describe_limit(limit, *, operator="gt", unit="", aggregate="mean"):
    """``limit 48 h``, ``lower limit 92 %``."""
    text = format_value(limit, unit, aggregate)
    return f"limit {text}" if operator in UPPER else f"lower limit {text}"


def describe_next(state, *, elapsed=0, pending_for=0, keep_firing_for=0, since="", outcome=""):
    """What the footer adds to the limit: since when, and what happens next; may be empty."""
    if state == "pending":
        return f"fires in {describe_rest(pending_for - elapsed)}"
    if state == "recovering":
        return f"recovered in {describe_rest(keep_firing_for - elapsed)}"
    if state == "firing":
        return " · ".join(text for text in (since and f"since {since}", outcome) if text)
    return ""


def describe_rest(seconds):
    """What is left of a span: whole minutes from two minutes on, for seconds would only flicker."""
    left = max(0, seconds)
    return format_duration(math.ceil(left / 60) * 60 if left >= 120 else math.ceil(left))


def describe_facts(aggregate, window, n, *, median=""):
    """The line under a value: ``mean of 30 min · 23 points · median 44 h``."""
    points = "1 point" if n == 1 else f"{n:,} points"
    name = "over" if aggregate in ZERO_WHEN_EMPTY else f"{NAMES[aggregate]} of"
    words = [f"{name} {format_duration(window)}", points]
    if median and aggregate != "p50" and aggregate not in ZERO_WHEN_EMPTY:
        words.append(f"median {median}")
    return " · ".join(words)


def describe_overview(states):
    """The first sentence of the overview, from the states of all tiles."""
    total, beyond = len(states), states.count("firing")
    kpis = "KPI" if total == 1 else "KPIs"
    if not total:
        return "No KPI yet"
    if beyond:
        verb = "is beyond its limit" if beyond == 1 else "are beyond their limits"
        return f"{beyond} of {total} {kpis} {verb}"
    return describe_calm(states, total, kpis)


def describe_calm(states, total, kpis):
    """The first sentence while nothing fires."""
    over, recovering = states.count("pending"), states.count("recovering")
    if over:
        return f"No KPI is beyond its limit, {over} of {total} {'is' if over == 1 else 'are'} over it for now"
    if recovering:
        return f"{recovering} of {total} {kpis} {'is' if recovering == 1 else 'are'} recovering"
    if states.count("none") == total:
        return f"{total} {kpis}, none with a limit yet"
    limited = total - states.count("none")
    if limited == 1:
        return "The one KPI with a limit is within it" if total > 1 else "The KPI is within its limit"
    return (
        f"All {limited} KPIs with a limit are within it"
        if limited < total
        else f"All {total} KPIs are within their limits"
    )


def describe_curve(values, limit_text, format_one):
    """The text alternative of a spark-line; ``format_one`` writes a value."""
    known = [value for value in values if value is not None]
    if not known:
        return "No values in the last hour."
    low, high = format_one(min(known)), format_one(max(known))
    between = f"at {low}" if low == high else f"between {low} and {high}"
    last = "" if values[-1] is None else f", now {format_one(values[-1])}"
    limit = f"; {limit_text}" if limit_text else ""
    return f"The last hour: {between}{last}{limit}."
