"""Spans of time as sorted lists of (start, end) in ms, and the roll-ups that fill one."""

from bisect import bisect_left, bisect_right
from itertools import pairwise

from metrics_app.core.buckets import floor
from metrics_app.core.durations import DAY_MS, HOUR_MS, MINUTE_MS


def ceil(ts, step):
    """The first multiple of ``step`` that is not before ``ts``."""
    return -(-ts // step) * step


def subtract(spans, holes):
    """What is left of sorted spans without the holes, which may overlap each other."""
    for low, high in holes:
        left = []
        for start, end in spans:
            left += [(start, min(end, low)), (max(start, high), end)]
        spans = [span for span in left if span[0] < span[1]]
    return spans


def intersect(spans, low, high):
    """The parts of the spans in [low, high)."""
    cut = ((max(start, low), min(end, high)) for start, end in spans)
    return [span for span in cut if span[0] < span[1]]


def cut(spans, edges):
    """The spans cut at the edges (ascending) that lie in them."""
    found = []
    for start, end in spans:
        within = edges[bisect_right(edges, start) : bisect_left(edges, end)]
        cuts = list(dict.fromkeys((start, *within, end)))
        found += pairwise(cuts)
    return found


def join(spans):
    """Sorted spans, those that touch as one."""
    found = []
    for start, end in spans:
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def plan(spans, *, steps, days_through, pruned_minutes=0, pruned_hours=0):
    """``{step: spans}``: the coarsest roll-ups that fill the spans, each moment once.

    ``steps`` are those the caller can use (MINUTE always); days are complete before
    ``days_through``. What was pruned is answered by the next coarser roll-up, whole.
    """
    found = {MINUTE_MS: [], HOUR_MS: [], DAY_MS: []}
    for start, end in spans:
        first, second = max(start, pruned_hours), max(start, pruned_minutes)
        parts = [(DAY_MS, start, min(end, pruned_hours)), (HOUR_MS, first, min(end, pruned_minutes))]
        for least, low, high in [*parts, (MINUTE_MS, second, end)]:
            if low < high:
                fill(found, floor(low, least), ceil(high, least), least, steps, days_through)
    return {step: join(sorted(parts)) for step, parts in found.items() if parts}


def fill(found, start, end, least, steps, days_through):
    """Days where there are whole ones, then hours, and ``least`` for the edges."""
    spans = [(start, end)]
    for step, through in ((DAY_MS, days_through), (HOUR_MS, end)):
        if step <= least or step not in steps:
            continue
        rest = []
        for low, high in spans:
            first, last = ceil(low, step), min(floor(high, step), floor(through, step))
            if first < last:
                found[step].append((first, last))
                rest += subtract([(low, high)], [(first, last)])
            else:
                rest.append((low, high))
        spans = rest
    found[least] += spans
