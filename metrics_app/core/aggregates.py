"""The aggregates: one function each, under the name it has everywhere.

Each takes a Summary and the window in seconds and returns a float, or None where
the span is empty (``ZERO_WHEN_EMPTY`` are 0 then). Adding one is a function here
and a choice in ``models.Aggregate``.
"""

import math
from functools import partial

LARGEST = math.nextafter(math.inf, 0)
ZERO_WHEN_EMPTY = frozenset({"count", "sum", "rate_per_hour"})
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


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
