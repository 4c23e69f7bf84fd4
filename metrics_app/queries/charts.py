"""What is drawn: series of buckets, and the recent points of a topic."""

from dataclasses import dataclass, field

import numpy as np

from metrics_app.connection import get_redis, guard, key
from metrics_app.core import details
from metrics_app.core.aggregate_functions import clip
from metrics_app.core.buckets import floor, hold_columns, merge
from metrics_app.core.chunks import unpack_chunk
from metrics_app.core.durations import SECOND_MS
from metrics_app.core.packing import unpack_head
from metrics_app.exceptions import BadInput
from metrics_app.queries.buckets import make_columns, read_buckets
from metrics_app.queries.history import CORRECTED
from metrics_app.queries.logs import clock, shard_for
from metrics_app.queries.reading import Want, read_one

MOST_BUCKETS = 20_000
AHEAD = 10_000  # ms; points may lie 5 s in the future


@dataclass(frozen=True)
class Snapshot:
    """A topic up to ``position`` ("epoch:offset", None before its first point).

    Either ``points`` ``[[ts, value], …]`` in the order of their arrival, or, where
    there are too many, ``rows`` ``[[ts, count, mean, min, max], …]``.
    """

    position: str | None
    points: list = field(default_factory=list)
    rows: list = field(default_factory=list)


def series(topic, start, end, step, *, view=CORRECTED):
    """Columns ts, count, mean, min, max, p50, p95 of buckets of ``step`` ms.

    ``start`` is aligned down and ``end`` up to the step; an empty bucket has count 0
    and None elsewhere. BadInput for a step that is no whole second, or too many buckets.
    Where the span reaches behind the hot hour there is also ``revised``: whether a bucket
    had late points or was corrected; ``view`` "published" answers as it was before.
    """
    check_step(start, end, step)
    start, end = floor(start, step), -floor(-end, step)
    edges = [*range(start, end, step), end]
    if len(edges) == 1:
        return make_columns([], [])
    summaries, revised = read_buckets(topic, edges, step=step, view=view)
    columns = make_columns(edges[:-1], summaries)
    return columns if revised is None else columns | {"revised": revised}


def check_step(start, end, step):
    """BadInput for a span or a step that cannot be drawn."""
    if step < SECOND_MS or step % SECOND_MS:
        raise BadInput(f"{step / SECOND_MS:g} is no step: expected whole seconds, at least 1", field="step")
    if end < start:
        raise BadInput(f"the end {end} is before the start {start}", field="end")
    if (end - start) // step > MOST_BUCKETS:
        raise BadInput(
            f"{(end - start) // step} buckets are too many, at most {MOST_BUCKETS}: take a larger step",
            field="step",
        )


def snapshot(topic, *, since, max_points=None):
    """The points of a topic from ``since`` (ms) on, all there are up to its position.

    More than ``max_points`` come as rows of equal spans, whole seconds each.
    """
    now = clock()
    if max_points is not None and count_since(topic, since, now) > max_points:
        return take_rows(topic, since, now, max_points)
    with guard():
        pipe = get_redis().pipeline(transaction=True)
        pipe.hget(key(shard_for(topic), "head"), topic)
        pipe.xrange(key(shard_for(topic), f"log:{topic}"))
        head, entries = pipe.execute()
    chunks = [unpack_chunk(fields[b"d"]) for _, fields in entries]
    points = [
        pair
        for _, ts, values in chunks
        for pair in zip(ts[ts >= since].tolist(), values[ts >= since].tolist(), strict=True)
    ]
    if max_points is not None and len(points) > max_points:
        return take_rows(topic, since, now, max_points)
    return Snapshot(format_head(unpack_head(head)), [list(pair) for pair in points])


def count_since(topic, since, now):
    """Points from ``since`` on, those a little ahead of the clock included."""
    reading = read_one(Want(topic, since, now + AHEAD))
    return merge(reading.parts()).count


def take_rows(topic, since, now, max_rows):
    """The Snapshot as rows, from the summaries: the log may not reach back as far."""
    end = now + AHEAD
    step = max(-((since - end) // max_rows), SECOND_MS)
    step = -(-step // SECOND_MS) * SECOND_MS
    reading = read_one(Want(topic, floor(since, step), end, True))
    pieces = [split_minute(reading, minute) for minute in reading.want.minutes()]
    ts, columns = (np.concatenate(parts, axis=-1) for parts in zip(*pieces, strict=True))
    keep = ts >= floor(since, step)
    return Snapshot(format_head(reading.head), rows=merge_rows(ts[keep] // step * step, columns[:, keep]))


def split_minute(reading, minute):
    """``(ts, columns (5, n))`` of a minute in its finest pieces."""
    if minute < reading.sealed:
        part = reading.hold(minute) if minute in reading.held else None
        known = [[part.count], [part.sum], [part.m2], [part.min], [part.max]] if part else np.empty((5, 0))
        return np.full(len(known[0]), minute), np.array(known)
    if minute not in reading.ring:
        return np.empty(0, np.int64), np.empty((5, 0))
    offsets, columns = details.unpack(reading.packed.get(minute)).split()
    return offsets + minute, columns


def merge_rows(ts, columns):
    """``[[ts, count, mean, min, max], …]`` of columns (5, n), those of the same ts as one."""
    if not len(ts):
        return []
    order = np.argsort(ts, kind="stable")
    ts, columns = ts[order], columns[:, order]
    first = np.flatnonzero(np.concatenate(([True], ts[1:] != ts[:-1])))
    count = np.add.reduceat(columns[0], first)
    with np.errstate(over="ignore", invalid="ignore"):
        means = np.add.reduceat(columns[1], first) / count
    low, high = np.minimum.reduceat(columns[3], first), np.maximum.reduceat(columns[4], first)
    means = hold_columns(means, low, high)
    rows = zip(ts[first].tolist(), count.tolist(), means.tolist(), low.tolist(), high.tolist(), strict=True)
    return [[at, int(n), clip(middle), least, most] for at, n, middle, least, most in rows]


def format_head(head):
    """ "epoch:offset" of a Head, or None."""
    return f"{head.epoch}:{head.top}" if head else None
