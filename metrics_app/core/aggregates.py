"""The registry of aggregates: what can be computed over a window, one record each.

Choices, labels, units, statistics, schema and the pages' table derive from the records. A new
aggregate is a function and an entry of ``BUILT_IN``, or an ``Aggregate`` that a project
registers from outside. Nothing else tests for names.
"""

import logging
import math
from functools import cache, partial

import numpy as np

from metrics_app.core.aggregate_records import (
    CHANGE,
    COUNTED,
    EXTREMES,
    OWN,
    SHAPE,
    SHARE,
    SUMS,
    TREND,
    WHOLE,
    Aggregate,
    find_fault,
)
from metrics_app.core.buckets import Summary
from metrics_app.core.durations import DAY_MS
from metrics_app.exceptions import BadInput, NotKept

__all__ = ["COUNTED", "EXTREMES", "OWN", "SHAPE", "SUMS", "WHOLE", "Aggregate"]
logger = logging.getLogger(__name__)
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
    return Aggregate(name, label, partial(quantile, q=q), reads=SHAPE)


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
    ),
    Aggregate(
        "sum", "sum", total, reads=SUMS, over_columns=lambda some, windows: some.sum, empty=0.0, grows=True
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

_records = {}
_failed = set()  # names of those whose failure was logged


def register(*aggregates):
    """Lets rules and tiles ask for some Aggregates as well; BadInput says what is wrong with one."""
    for aggregate in aggregates:
        if fault := find_fault(aggregate, _records):
            raise BadInput(fault, field="aggregate")
        _records[aggregate.name] = aggregate
        list_names.cache_clear()


def unregister(*names):
    """Forgets aggregates by name; for tests, and settings that change under them."""
    for name in names:
        _records.pop(name, None)
        _failed.discard(name)
        list_names.cache_clear()


def list_aggregates():
    """All records, in the order in which people choose among them."""
    return list(_records.values())


@cache
def list_names(quality=""):
    """The names of all aggregates, or of those with a quality such as "on_tiles"; a dict's keys, in order."""
    return {one.name: None for one in _records.values() if not quality or getattr(one, quality)}.keys()


def get_aggregate(name):
    """The record of a name. One that nobody registers any more has no value, and breaks no page."""
    return _records.get(name) or Aggregate(name, str(name), lambda summary, window: None)


def is_known(name):
    """Whether an aggregate of this name is registered: settings may no longer name that of a rule."""
    return name in _records


def list_choices(quality=""):
    """``[(name, words)]`` for forms."""
    return [(name, get_aggregate(name).choice or get_aggregate(name).label) for name in list_names(quality)]


def compute(aggregate, summary, window, value=None):
    """An aggregate of one window, whatever it asks for; no changes, no trends: they need more."""
    return compute_one(get_aggregate(aggregate), summary, window, value)


def compute_one(one, summary, window, value=None):
    """``compute`` for a record that is at hand."""
    if not summary.count:
        return one.empty
    # Of a rule that is only thought of, the value may not be known yet.
    if one.asks and value is None:
        return None
    try:
        return clip(one.compute(summary, window, value) if one.asks else one.compute(summary, window))
    except NotKept:
        raise
    except Exception as error:
        note_failure(one, error)
        return None


def note_failure(one, error):
    """Logs, once for each name, that an aggregate from outside failed; one of ours may not.

    Its windows have no value then, and a rule on it is judged an error: a stranger's function
    that stumbles over some points must not take the pages of every KPI with it.
    """
    if one in BUILT_IN:
        raise error
    if one.name not in _failed:
        _failed.add(one.name)
        logger.error("The aggregate %s has no value where it fails: %r", one.name, error)


def compute_many(aggregate, summaries, windows):
    """``compute`` of many windows at once: a Summary of arrays, seconds as an array; NaN: none."""
    one = get_aggregate(aggregate)
    if one.over_columns is None:
        rows = zip(zip(*(column.tolist() for column in summaries[:5]), strict=True), windows, strict=True)
        return np.array([compute(aggregate, Summary(*row), window) for row, window in rows], float)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        try:
            values = np.clip(one.over_columns(summaries, windows), -LARGEST, LARGEST)
        except Exception as error:
            note_failure(one, error)
            values = np.full(len(windows), np.nan)
    return np.where(summaries.count > 0, values, np.nan if one.empty is None else one.empty)


def compare(name, now, before):
    """``(values, n)`` of a change from those of both windows; arrays, NaN and 0 where there is none.

    The points behind it are of a mean those of the poorer window, of a rate the earlier's.
    """
    values = change(now[0], before[0])
    behind = (
        before[1] if get_aggregate(get_aggregate(name).base).judges_empty else np.minimum(now[1], before[1])
    )
    return values, np.where(np.isnan(values), 0, behind)


register(*BUILT_IN)
