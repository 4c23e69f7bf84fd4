"""The windows of many slots of one topic at once, from its points or its minutes.

Exact and without subtraction: a difference of running sums would lose the digits of
small windows behind large ones.
"""

from typing import Any, NamedTuple

import numpy as np

from metrics_app.core.aggregates import SUMS, WHOLE, compare, compute_many, compute_one, get_aggregate
from metrics_app.core.buckets import Summary, floor, hold_columns, summarise
from metrics_app.core.durations import DAY_MS, HOUR_MS, MINUTE_MS
from metrics_app.core.earlier import find_earlier, list_agos, list_bends
from metrics_app.core.trends import cover, find_forecast


class Pieces(NamedTuple):
    """What a topic holds, in order of time: points, or summaries of short spans by their start.

    Arrays of one length: ``ts`` (int64 ms), ``count``, ``sum``, ``low``, ``high``.
    ``values`` (float64) where every piece is one point: only they answer percentiles.
    """

    ts: Any
    count: Any
    sum: Any
    low: Any
    high: Any
    values: Any = None


class Views(NamedTuple):
    """What the windows of neighbouring slots held; arrays of one length.

    ``first`` and ``last`` are the pieces of each window, ``repeat`` how many slots in a
    row see the very same ones, ``values`` the aggregate (NaN: none) and ``n`` the points.
    """

    first: Any
    last: Any
    repeat: Any
    values: Any
    n: Any


def make_pieces(ts, values):
    """The Pieces of points in any order."""
    order = np.argsort(ts, kind="stable")
    values = np.asarray(values, np.float64)[order]
    return Pieces(np.asarray(ts, np.int64)[order], np.ones(len(order), np.int64), *[values] * 4)


def list_slots(pieces, step, window):
    """The slots (ms) at multiples of ``step`` from the first point until every window is empty again.

    Both in seconds; the last one is empty.
    """
    if not len(pieces.ts):
        return np.empty(0, np.int64)
    edges = pieces.ts[[0, -1]]
    first, last = find_entries(edges, step)[0], find_exits(edges, step, window)[-1]
    return np.arange(first, last + 1, step * 1000, dtype=np.int64)


def find_entries(ts, step):
    """The first slot (ms) whose window holds each of ``ts`` (ms); ``step`` in seconds."""
    return floor(ts, step * 1000) + step * 1000


def find_exits(ts, step, window, ago=0):
    """The first slot (ms) whose window (seconds), ``ago`` ms before, no longer holds each of ``ts`` (ms)."""
    window = window * 1000
    # As `view_windows` has it: what is longer than the hot hour starts on a whole minute.
    gone = floor(ts, MINUTE_MS) + MINUTE_MS if window > HOUR_MS else ts + 1
    return -floor(-(gone + window + ago), step * 1000)


def list_turns(pieces, step, window, aggregate, zone="", born=None):
    """``(slots, lengths)``: of all of ``list_slots`` those at which something may change, and for how many
    slots each stands.

    A time in which nothing came costs nothing, however long. A trend changes at every slot while its
    window holds a point. ``zone``: by whose clock a change compares; ``born``: since when (ms) points are
    known, see ``find_whole``.
    """
    one, ts = get_aggregate(aggregate), pieces.ts
    if not len(ts):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    exits = find_exits(ts, step, window)
    turns = [find_entries(ts, step), exits]
    if one.is_trend:
        stretches = zip(*(edges.tolist() for edges in find_stretches(pieces, step, window)), strict=True)
        turns = [np.arange(begin, end + 1, step * 1000, dtype=np.int64) for begin, end in stretches]
    elif one.is_change:
        span = ts[0].item(), exits[-1].item()
        for ago in list_agos(*span, one.ago, zone):
            turns += [find_entries(ts + ago, step), find_exits(ts, step, window, ago)]
        # A clock that is moved lets the window before jump, or stand still.
        turns.append(find_entries(list_bends(*span, one.ago, zone) - 1, step))
    if born is not None:
        turns.append(find_entries(np.array([find_whole(born, window, aggregate, zone)]) - 1, step))
    slots = np.unique(np.concatenate(turns))
    slots = slots[slots <= exits[-1]]
    return slots, np.diff(slots, append=slots[-1] + step * 1000) // (step * 1000)


def find_whole(born, window, aggregate, zone=""):
    """From when (ms) on a window (seconds), and the one it is compared with, lies behind ``born`` (ms)."""
    # By a zone's clock the one before may lie further back: at most by a day that it never had.
    further = DAY_MS if zone else 0
    return born + window * 1000 + get_aggregate(aggregate).ago + further


def find_stretches(pieces, step, window):
    """``(begins, ends)``, slots (ms) of the stretches whose windows hold points; each end is empty again."""
    entries, exits = find_entries(pieces.ts, step), find_exits(pieces.ts, step, window)
    begins = np.flatnonzero(np.append(True, entries[1:] > exits[:-1]))
    return entries[begins], exits[np.append(begins[1:], len(exits)) - 1]


def list_range(start, end, step):
    """The slots (ms) after ``start`` up to ``end``: multiples of ``step`` seconds."""
    step *= 1000
    return np.arange(floor(start, step) + step, end + 1, step, dtype=np.int64)


def view_windows(pieces, slots, aggregate, window, value=None, zone=""):
    """The Views of ``slots`` (ms) for an aggregate over ``window`` seconds.

    ``value``: where the shares divide, or what a trend leads to; ``zone``: by whose clock a change compares.
    """
    one = get_aggregate(aggregate)
    if one.is_change:
        return view_changes(pieces, slots, aggregate, window, zone)
    if one.is_trend:
        return view_trends(pieces, slots, aggregate, window, value)
    first, last = find_pieces(pieces, slots, window)
    new = np.flatnonzero(np.diff(first, prepend=-1) | np.diff(last, prepend=-1))
    first, last, repeat = first[new], last[new], np.diff(np.append(new, len(slots)))
    if one.is_rolled:
        sums = add_windows(pieces, first, last, one)
        values = compute_many(aggregate, sums, np.full(len(first), float(window)))
        return Views(first, last, repeat, values, sums.count)
    summaries = summarise_windows(pieces, first, last, one)
    values = np.array([compute_one(one, summary, window, value) for summary in summaries], np.float64)
    return Views(first, last, repeat, values, np.array([s.count for s in summaries], np.int64))


def find_pieces(pieces, slots, window):
    """``(first, last)``: which pieces the window (seconds) of each slot (ms) holds."""
    starts = slots - window * 1000
    if window * 1000 > HOUR_MS:
        # As live: what is longer than the hot hour starts on a whole minute.
        starts = floor(starts, MINUTE_MS)
    return [np.searchsorted(pieces.ts, edges) for edges in (starts, slots)]


def view_changes(pieces, slots, aggregate, window, zone=""):
    """The Views of slots for the change of an aggregate against the same window before."""
    one = get_aggregate(aggregate)
    ends = slots, find_earlier(slots, one.ago, zone)
    now, before = (expand(view_windows(pieces, some, one.base, window)) for some in ends)
    each = np.arange(len(slots))
    return Views(each, each + 1, np.ones_like(each), *compare(aggregate, now, before))


def view_trends(pieces, slots, aggregate, window, value):
    """The Views of slots for a trend: of each the whole minutes within its window, as live.

    Where they make no line ``n`` are all points of the window.
    """
    running = np.concatenate(([0], np.cumsum(pieces.count)))
    held = np.subtract(*(running[at] for at in reversed(find_pieces(pieces, slots, window))))
    minutes, first = np.unique(floor(pieces.ts, MINUTE_MS), return_index=True)
    count, means = mean_minutes(pieces, first)
    found = []
    for slot, points in zip(slots.tolist(), held.tolist(), strict=True):
        low, high = np.searchsorted(minutes, cover(slot - window * 1000, slot))
        n = count[low:high]
        forecast = find_forecast(minutes[low:high], n, means[low:high], slot, aggregate, value)
        found.append((np.nan, points) if forecast is None else (forecast.about, int(n.sum())))
    values, n = (np.array([row[at] for row in found], kind) for at, kind in ((0, float), (1, np.int64)))
    each = np.arange(len(slots))
    return Views(each, each + 1, np.ones_like(each), values, n)


def mean_minutes(pieces, first):
    """``(counts, means)`` of the minutes that begin at the pieces ``first``."""
    if not len(first):
        return pieces.count, pieces.sum
    count, total = (np.add.reduceat(column, first) for column in pieces[1:3])
    low, high = np.minimum.reduceat(pieces.low, first), np.maximum.reduceat(pieces.high, first)
    return count, hold_columns(total / count, low, high)


def expand(views):
    """``(values, n)`` of every slot."""
    return np.repeat(views.values, views.repeat), np.repeat(views.n, views.repeat)


def add_windows(pieces, first, last, aggregate):
    """A Summary of arrays of the windows ``pieces[first:last]``, with what an Aggregate reads; m2 is 0."""
    running = np.concatenate(([0], np.cumsum(pieces.count)))
    with np.errstate(over="ignore", invalid="ignore"):
        total = combine(np.add, pieces.sum, first, last, 0.0)
    low, high = np.full(len(first), np.inf), np.full(len(first), -np.inf)
    if aggregate.reads != SUMS or aggregate.within:
        low = combine(np.minimum, pieces.low, first, last, np.inf)
        high = combine(np.maximum, pieces.high, first, last, -np.inf)
    return Summary(running[last] - running[first], total, np.zeros(len(first)), low, high)


def summarise_windows(pieces, first, last, aggregate):
    """The Summary of each window ``pieces[first:last]``, with its values and what an Aggregate reads."""
    parts = [pieces.values[a:b] for a, b in zip(first.tolist(), last.tolist(), strict=True)]
    if aggregate.reads == WHOLE:
        return [summarise(values) for values in parts]
    columns = add_windows(pieces, first, last, aggregate)
    rows = zip(*(column.tolist() for column in columns[:5]), parts, strict=True)
    return [Summary(*row) for row in rows]


def combine(operation, values, first, last, neutral):
    """``operation`` over ``values[first:last]`` of each pair, from spans of doubling length."""
    found = np.full(len(first), neutral)
    at, left, width = first.copy(), last - first, 1
    while left.any():
        odd = np.flatnonzero(left & 1)
        found[odd] = operation(found[odd], values[at[odd]])
        at[odd] += width
        left = left >> 1
        values = operation(values[:-width], values[width:])
        width *= 2
    return found
