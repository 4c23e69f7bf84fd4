"""A topic's points in buckets between any edges: the hot part cut exactly, then the past."""

from bisect import bisect_right

from metrics_app.core.aggregate_functions import clip, maximum, mean, minimum
from metrics_app.core.buckets import merge
from metrics_app.core.durations import MINUTE_MS
from metrics_app.queries.corrections import list_voids
from metrics_app.queries.history import CORRECTED, PUBLISHED, is_revised, read_past
from metrics_app.queries.kept import check_cuts, take_step, take_zone
from metrics_app.queries.reading import Want, is_void, read_one


def read_buckets(topic, edges, *, step=None, view=CORRECTED, follows=False):
    """``(Summaries, revised)`` of the buckets between ascending ``edges`` (ms, at least two).

    ``step`` (ms) where all are of one length. ``revised``: for each bucket whether it had late
    points or was corrected; None where all lies in the hot hour. A minute of the past counts in
    the bucket it begins in. ``follows``: the buckets before these were read too, and have counted
    what began there. NotKept where an edge cuts an hour or a day of which nothing finer is kept.
    """
    reading = read_one(Want(topic, edges[0], edges[-1], True))
    [past] = read_past([reading])
    if past:
        field, expected = ("step", take_step) if step else ("zone", take_zone)
        check_cuts(topic, past.state, edges, field=field, expected=expected)
    voids = [] if view == PUBLISHED else list_voids(topic)
    buckets = [[] for _ in edges[1:]]
    for at, part in cut_hot(reading, edges, voids):
        buckets[find_bucket(edges, at)].append(part)
    for row in past.read(reading, step=step, edges=edges, view=view) if past else ():
        if row.start >= edges[0] or not follows:
            buckets[find_bucket(edges, row.start)].append(row.summary)
    revised = is_revised(past, reading, edges) if reading.want.is_old() else None
    return [merge(parts) for parts in buckets], revised


def find_bucket(edges, at):
    """The number of the bucket that holds ``at`` (ms); what lies outside belongs to the outermost."""
    return min(max(bisect_right(edges, at) - 1, 0), len(edges) - 2)


def cut_hot(reading, edges, voids=()):
    """``(ts within its bucket, Summary)`` of every piece of a hot minute that lies in one bucket."""
    start, end = edges[0], edges[-1]
    for minute in reading.want.minutes():
        if minute >= reading.sealed and minute in reading.ring and not is_void(minute, voids):
            within = edges[bisect_right(edges, minute) : bisect_right(edges, minute + MINUTE_MS - 1)]
            cuts = [max(minute, start), *(edge for edge in dict.fromkeys(within) if start < edge < end)]
            for low, high in zip(cuts, [*cuts[1:], min(minute + MINUTE_MS, end)], strict=True):
                yield low, reading.cut(minute, low - minute, high - minute)


def make_columns(starts, summaries):
    """The columns ts, count, mean, min, max, p50, p95 of Summaries."""
    return {
        "ts": list(starts),
        "count": [summary.count for summary in summaries],
        "mean": [mean(summary, None) for summary in summaries],
        "min": [minimum(summary, None) for summary in summaries],
        "max": [maximum(summary, None) for summary in summaries],
        "p50": [clip(summary.quantile(0.5)) for summary in summaries],
        "p95": [clip(summary.quantile(0.95)) for summary in summaries],
    }
