"""The registry of aggregates: what can be computed over a window, one record each.

Choices, labels, units, statistics, schema and the pages' table derive from the records. A new
aggregate is a function and an entry of ``BUILT_IN`` in ``aggregate_functions``, or an ``Aggregate``
that a project registers from outside. Nothing else tests for names.
"""

import logging
from functools import cache

import numpy as np

from metrics_app.core.aggregate_functions import BUILT_IN, LARGEST, change, clip
from metrics_app.core.aggregate_records import (
    COUNTED,
    EXTREMES,
    OWN,
    SHAPE,
    SHARE,
    SUMS,
    WHOLE,
    Aggregate,
    find_fault,
)
from metrics_app.core.buckets import Summary, hold, hold_columns
from metrics_app.exceptions import BadInput, NotKept

__all__ = ["BUILT_IN", "COUNTED", "EXTREMES", "OWN", "SHAPE", "SHARE", "SUMS", "WHOLE", "Aggregate"]
logger = logging.getLogger(__name__)

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


def needs_whole(name):
    """Whether a value is only true of a window that is known whole: what counts, and a change of that."""
    one = get_aggregate(name)
    return (get_aggregate(one.base) if one.is_change else one).judges_empty


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
        found = one.compute(summary, window, value) if one.asks else one.compute(summary, window)
        return clip(found if found is None or not one.within else hold(found, summary.min, summary.max))
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
            values = one.over_columns(summaries, windows)
            if one.within:
                values = hold_columns(values, summaries.min, summaries.max)
            values = np.clip(values, -LARGEST, LARGEST)
        except Exception as error:
            note_failure(one, error)
            values = np.full(len(windows), np.nan)
    return np.where(summaries.count > 0, values, np.nan if one.empty is None else one.empty)


def compare(name, now, before):
    """``(values, n)`` of a change from those of both windows; arrays, NaN where there is none.

    The points behind it are of a mean those of the poorer window, of a rate the earlier's; where there is
    no value those of the window itself, so that points without a comparison are told from no points.
    """
    values = change(now[0], before[0])
    behind = (
        before[1] if get_aggregate(get_aggregate(name).base).judges_empty else np.minimum(now[1], before[1])
    )
    return values, np.where(np.isnan(values), now[1], behind)


register(*BUILT_IN)
