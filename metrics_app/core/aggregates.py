"""The aggregates: one function each, under the name it has everywhere.

Most take a Summary and the window in seconds and return a float, or None where the
span is empty (``ZERO_WHEN_EMPTY`` are 0 then); ``SHARES`` take the value they divide at
instead of the window, ``CHANGES`` compare one of the others with itself. Adding one is a
function here and a choice in ``models``.
"""

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from metrics_app.core.buckets import Summary

LARGEST = math.nextafter(math.inf, 0)
ZERO_WHEN_EMPTY = frozenset({"count", "sum", "rate_per_hour"})
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
DAY = 86_400_000  # ms


def clip(number):
    """A finite number: sums of the largest doubles overflow, and JSON has no infinity."""
    if number is None or math.isfinite(number):
        return number
    if math.isnan(number):
        return None
    return math.copysign(LARGEST, number)


def mean(summary, window):
    """The mean, or None."""
    return clip(summary.mean)


def count(summary, window):
    """The number of points."""
    return float(summary.count)


def total(summary, window):
    """The sum of the values."""
    return clip(summary.sum)


def minimum(summary, window):
    """The least value, or None."""
    return clip(summary.min) if summary.count else None


def maximum(summary, window):
    """The greatest value, or None."""
    return clip(summary.max) if summary.count else None


def quantile(summary, window, *, q):
    """The value below which a share ``q`` of the points lies, or None."""
    return clip(summary.quantile(q))


def rate_per_hour(summary, window):
    """Points per hour over the whole window."""
    return summary.count * 3600 / window


def share_above(summary, value):
    """Per cent of the points above ``value``, or None; points within 1 % of it may count either way."""
    # Of a rule that is only thought of, the value may not be known yet.
    share = None if value is None else summary.share_above(value)
    return None if share is None else 100.0 * share


def share_within(summary, value):
    """Per cent of the points that are at most ``value``, or None: "answered within 48 h"."""
    above = share_above(summary, value)
    return None if above is None else 100.0 - above


def change(now, before):
    """By how many per cent each of ``now`` differs from ``before``; arrays, NaN where nothing can be said."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        found = (now - before) / np.abs(before) * 100.0
    # Of nothing there is no share.
    return np.where(before == 0, np.nan, np.clip(found, -LARGEST, LARGEST))


def stddev(summary):
    """The standard deviation of the values themselves (divided by n), or None."""
    if not summary.count or not math.isfinite(summary.m2):
        return None
    return math.sqrt(max(summary.m2, 0.0) / summary.count)


AGGREGATES = {
    "mean": mean,
    "count": count,
    "sum": total,
    "min": minimum,
    "max": maximum,
    "rate_per_hour": rate_per_hour,
} | {name: partial(quantile, q=q) for name, q in QUANTILES.items()}

# The same of many windows, for those that are asked of ten thousand at once: columns of a Summary.
OF_COLUMNS = {
    "mean": lambda summaries, windows: summaries.sum / summaries.count,
    "count": lambda summaries, windows: summaries.count.astype(float),
    "sum": lambda summaries, windows: summaries.sum,
    "min": lambda summaries, windows: np.where(summaries.count > 0, summaries.min, np.nan),
    "max": lambda summaries, windows: np.where(summaries.count > 0, summaries.max, np.nan),
    "rate_per_hour": lambda summaries, windows: summaries.count * 3600 / windows,
}

# Until a line through the window's minutes meets a value, in seconds; true where it rises to it.
# ``core.trends`` fits it.
TRENDS = {"time_until_above": True, "time_until_below": False}
SHARES = {"share_above": share_above, "share_within": share_within}
# What only whole distributions answer: values, or a sketch of them.
SHAPED = frozenset(QUANTILES) | frozenset(SHARES)


class Change(NamedTuple):
    """The aggregate whose change is meant, and against how long before (ms)."""

    base: str
    ago: int

    def count(self, n, before):
        """The points behind a change: of a mean those of the poorer window, of a rate the earlier's."""
        return before if self.base in ZERO_WHEN_EMPTY else np.minimum(n, before)


CHANGES = {
    "mean_change_day": Change("mean", DAY),
    "mean_change_week": Change("mean", 7 * DAY),
    "rate_change_day": Change("rate_per_hour", DAY),
    "rate_change_week": Change("rate_per_hour", 7 * DAY),
}
NAMES = (*AGGREGATES, *SHARES, *CHANGES, *TRENDS)
PERCENT = frozenset(SHARES) | frozenset(CHANGES)
# What asks for a value besides the limit: where a share divides, what a trend leads to.
VALUED = (*SHARES, *TRENDS)
# What no summary of the window answers, and no sum of its minutes.
OBSERVED = PERCENT | frozenset(TRENDS)


def compute(aggregate, summary, window, value=None):
    """An aggregate of one window, whatever it asks for; no ``CHANGES``, no ``TRENDS``: they need more."""
    if aggregate in SHARES:
        return SHARES[aggregate](summary, value)
    return AGGREGATES[aggregate](summary, window)


def compute_many(aggregate, summaries, windows):
    """``compute`` of many windows at once: a Summary of arrays, seconds as an array; NaN: none."""
    if aggregate not in OF_COLUMNS:
        rows = zip(zip(*(column.tolist() for column in summaries[:5]), strict=True), windows, strict=True)
        return np.array([compute(aggregate, Summary(*row), window) for row, window in rows], float)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.clip(OF_COLUMNS[aggregate](summaries, windows), -LARGEST, LARGEST)


def compare(name, now, before):
    """``(values, n)`` of a change from those of both windows; arrays, NaN and 0 where there is none."""
    values = change(now[0], before[0])
    return values, np.where(np.isnan(values), 0, CHANGES[name].count(now[1], before[1]))
