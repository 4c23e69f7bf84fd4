"""Our own aggregates: the functions over a window, and the record of each in ``BUILT_IN``."""

import math
from functools import partial

import numpy as np

from metrics_app.core.aggregate_records import (
    CHANGE,
    COUNTED,
    EXTREMES,
    SHAPE,
    SHARE,
    SUMS,
    TREND,
    Aggregate,
)
from metrics_app.core.durations import DAY_MS

LARGEST = math.nextafter(math.inf, 0)


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
    return summary.quantile(q)


def rate_per_hour(summary, window):
    """Points per hour over the whole window."""
    return summary.count * 3600 / window


def share_above(summary, window, value):
    """Per cent of the points above ``value``; points within 1 % of it may count either way."""
    return 100.0 * summary.share_above(value)


def share_within(summary, window, value):
    """Per cent of the points that are at most ``value``: "answered within 48 h"."""
    return 100.0 - share_above(summary, window, value)


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


def make_quantile(name, label, q):
    """The record of a percentile."""
    return Aggregate(name, label, partial(quantile, q=q), reads=SHAPE, within=True)


def make_change(name, label, choice, base, days):
    """The record of a change against some days before."""
    return Aggregate(name, label, choice=choice, kind=CHANGE, unit="%", base=base, ago=days * DAY_MS)


def make_trend(name, label, choice, rising):
    """The record of the time until a value is met."""
    asks = "which value it leads to"
    return Aggregate(name, label, choice=choice, kind=TREND, unit="seconds", asks=asks, rising=rising)


def make_share(name, label, choice, compute, **more):
    """The record of a share of the points."""
    asks = "at which value it divides"
    return Aggregate(name, label, compute, choice, kind=SHARE, reads=SHAPE, unit="%", asks=asks, **more)


BUILT_IN = (
    Aggregate(
        "mean",
        "mean",
        mean,
        reads=SUMS,
        over_columns=lambda some, windows: some.sum / some.count,
        within=True,
    ),
    Aggregate(
        "count",
        "count",
        count,
        choice="number of points",
        reads=SUMS,
        over_columns=lambda some, windows: some.count.astype(float),
        unit=COUNTED,
        empty=0.0,
        grows=True,
        rises=True,
    ),
    Aggregate(
        "sum",
        "sum",
        total,
        reads=SUMS,
        over_columns=lambda some, windows: some.sum,
        empty=0.0,
        grows=True,
        # Of values below 0 that is not so; but whoever sums them up is told too early, not too late.
        rises=True,
    ),
    Aggregate(
        "min",
        "minimum",
        minimum,
        reads=EXTREMES,
        over_columns=lambda some, windows: some.min,
    ),
    Aggregate(
        "max",
        "maximum",
        maximum,
        reads=EXTREMES,
        over_columns=lambda some, windows: some.max,
    ),
    make_quantile("p50", "median", 0.5),
    make_quantile("p90", "90th percentile", 0.9),
    make_quantile("p95", "95th percentile", 0.95),
    make_quantile("p99", "99th percentile", 0.99),
    Aggregate(
        "rate_per_hour",
        "rate",
        rate_per_hour,
        choice="rate per hour",
        meaning="points per hour: count ÷ hours",
        reads=SUMS,
        over_columns=lambda some, windows: some.count * 3600 / windows,
        unit=f"{COUNTED} per hour",
        empty=0.0,
        rises=True,
    ),
    make_share("share_above", "share above", "share above a value", share_above),
    make_share("share_within", "share within", "share up to a value", share_within, inverse=True),
    make_change(
        "mean_change_day",
        "day-on-day change of the mean",
        "change of the mean against a day before",
        "mean",
        1,
    ),
    make_change(
        "mean_change_week",
        "week-on-week change of the mean",
        "change of the mean against a week before",
        "mean",
        7,
    ),
    make_change(
        "rate_change_day",
        "day-on-day change of the rate",
        "change of the rate against a day before",
        "rate_per_hour",
        1,
    ),
    make_change(
        "rate_change_week",
        "week-on-week change of the rate",
        "change of the rate against a week before",
        "rate_per_hour",
        7,
    ),
    make_trend("time_until_above", "time until above", "time until it is above a value, by trend", True),
    make_trend("time_until_below", "time until below", "time until it is below a value, by trend", False),
)
