"""Summaries of spans of time: exact, mergeable, numerically stable.

M2 is the sum of squared deviations from the mean, merged by Chan's formula: a sum
of squares would lose every digit for values such as 1e9 + 0.1.
"""

from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from metrics_app.core import sketch as sketches
from metrics_app.core.durations import HOUR_MS, MINUTE_MS
from metrics_app.exceptions import NotKept

# Spans that start within this are exact to the second; older ones start on a whole minute.
HOT = HOUR_MS + MINUTE_MS
FEW = 8


class Summary(NamedTuple):
    """What is known of a span.

    Percentiles come from ``values`` (a float64 array, exact) or from ``sketch``;
    a summary made without either answers no percentile.
    """

    count: int = 0
    sum: float = 0.0
    m2: float = 0.0
    min: float = np.inf
    max: float = -np.inf
    values: Any = None
    sketch: Any = None

    @property
    def mean(self):
        """The mean, or None of an empty span; within its extremes, where these are known."""
        return hold(self.sum / self.count, self.min, self.max) if self.count else None

    def quantile(self, q):
        """The value below which a share ``q`` lies, linear between neighbours; None if empty."""
        if not self.count:
            return None
        if self.sketch is not None:
            return self.sketch.quantile(q, self.min, self.max)
        self.check_shape()
        # Python's floats: interpolating between -1e308 and 1e308 must not warn.
        return interpolate(np.sort(self.values), q)

    def share_above(self, value):
        """The share (0 to 1) of the points above ``value``; None if empty."""
        if not self.count:
            return None
        # Known exactly, whatever is left of the shape.
        if value >= self.max or value < self.min:
            return 0.0 if value >= self.max else 1.0
        if self.sketch is not None:
            return self.sketch.share_above(value)
        self.check_shape()
        return float(np.count_nonzero(self.values > value) / len(self.values))

    def weigh(self):
        """``(values, weights)``: each value in ascending order and how often it came; within 0.5 %."""
        if self.sketch is not None:
            values, weights = self.sketch.weigh()
            return np.clip(values, self.min, self.max), weights
        self.check_shape()
        return np.unique(self.values, return_counts=True)

    def check_shape(self):
        """NotKept where nothing but sums is left of a span that held points."""
        if self.values is None:
            raise NotKept("of this span only sums are kept, and this needs the values or a sketch of them")


EMPTY = Summary(values=np.empty(0))


def hold(value, low, high):
    """A value that lies from ``low`` to ``high``, where these are known: three times 0.1 is over 0.3, and
    of the largest doubles no sum is finite."""
    return min(max(value, low), high) if low <= high else value


def hold_columns(values, low, high):
    """``hold`` of arrays; NaN stays."""
    return np.where(low <= high, np.clip(values, low, high), values)


def interpolate(ordered, q):
    """The quantile of an ascending array, linear between the two neighbouring ranks."""
    position = q * (len(ordered) - 1)
    rank = int(position)
    below, above = float(ordered[rank]), float(ordered[min(rank + 1, len(ordered) - 1)])
    share = position - rank
    return hold(below * (1 - share) + above * share, below, above)


def floor(ts, step):
    """The start of the bucket of ``step`` ms that holds ``ts``."""
    return ts // step * step


def summarise(values):
    """The summary of an array of values, with the values themselves for percentiles."""
    count = len(values)
    if not count:
        return EMPTY
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(np.sum(values))
        deviations = values - total / count
        m2 = float(np.dot(deviations, deviations))
    return Summary(count, total, m2, float(np.min(values)), float(np.max(values)), values)


def merge(parts):
    """One summary of all parts; their order does not matter."""
    parts = [part for part in parts if part.count]
    if len(parts) <= 1:
        return parts[0] if parts else EMPTY
    # NumPy costs 20 µs however few there are.
    few = len(parts) <= FEW
    numbers = reduce(merge_pair, [part[:5] for part in parts]) if few else merge_columns(stack(parts))
    return Summary(*numbers, *merge_shapes(parts))


def stack(parts):
    """The numbers of Summaries as columns, shape (5, n)."""
    return np.array([part[:5] for part in parts]).T


def merge_columns(columns):
    """``(count, sum, m2, min, max)`` of columns in that order, shape (5, n); counts may be 0."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        count, total = float(columns[0].sum()), float(columns[1].sum())
        if not count:
            return 0, 0.0, 0.0, np.inf, -np.inf
        apart = np.where(columns[0] > 0, columns[1] / columns[0] - total / count, 0.0)
        m2 = float(columns[2].sum() + np.dot(columns[0], apart * apart))
    return int(count), total, m2, float(columns[3].min()), float(columns[4].max())


def merge_shapes(parts):
    """``(values, sketch)`` of all parts: values while every part has them, else a sketch."""
    if all(part.values is not None for part in parts):
        return np.concatenate([part.values for part in parts]), None
    if any(part.values is None and part.sketch is None for part in parts):
        return None, None
    return None, sketches.merge(
        [sketches.Sketch.of(part.values) if part.sketch is None else part.sketch for part in parts]
    )


def merge_pair(a, b):
    """Chan's formula for two ``(count, sum, m2, min, max)`` tuples of Python numbers."""
    if not a[0] or not b[0]:
        return a if a[0] else b
    count = a[0] + b[0]
    apart = b[1] / b[0] - a[1] / a[0]
    m2 = a[2] + b[2] + apart * apart * (a[0] * b[0] / count)
    return count, a[1] + b[1], m2, min(a[3], b[3]), max(a[4], b[4])


class Fold(NamedTuple):
    """Points grouped by (owner, bucket): group i is the slice ``first[i]:last[i]``.

    ``columns`` has shape (5, groups): count, sum, m2, min, max. ``ts`` and
    ``values`` are the points in group order, arrival order within a group.
    """

    owner: np.ndarray
    bucket: np.ndarray
    first: np.ndarray
    last: np.ndarray
    columns: np.ndarray
    ts: np.ndarray
    values: np.ndarray


def fold(owner, ts, values, step=MINUTE_MS):
    """Groups and summarises points, many owners and buckets at once.

    ``owner`` is an ascending integer array (a topic's index), ``ts`` in ms; at least
    one point.
    """
    bucket = ts // step
    span = bucket - bucket.min()
    group = owner * (int(span.max()) + 1) + span
    if np.any(group[1:] < group[:-1]):
        order = np.argsort(group, kind="stable")
        group, owner, bucket, ts, values = (x[order] for x in (group, owner, bucket, ts, values))
    first = np.flatnonzero(np.concatenate(([True], group[1:] != group[:-1])))
    last = np.append(first[1:], len(group))
    columns = summarise_slices(values, first, last - first)
    return Fold(owner[first], bucket[first] * step, first, last, columns, ts, values)


def summarise_slices(values, first, count):
    """Columns (5, n) of neighbouring slices that start at ``first`` and fill ``values``."""
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.add.reduceat(values, first)
        deviations = values - np.repeat(total / count, count)
        m2 = np.add.reduceat(deviations * deviations, first)
    low, high = np.minimum.reduceat(values, first), np.maximum.reduceat(values, first)
    return np.array([count, total, m2, low, high], float)
