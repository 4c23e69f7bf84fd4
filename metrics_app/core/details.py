"""What is kept of a minute beside its summary: its points, or its seconds and a sketch.

The points are the smaller form up to ``MOST_POINTS`` of them (10 bytes a point)
and answer everything exactly. Beyond that a minute is 60 summaries of one second
(2,400 bytes) and the quantile sketch of the whole minute: count, sum, min and max
are exact to one second, percentiles of a part of the minute take the shape of the
whole one.
"""

import numpy as np

from metrics_app.core import sketch as sketches
from metrics_app.core.buckets import EMPTY, Summary, merge_columns, summarise, summarise_slices
from metrics_app.core.durations import MINUTE_MS

MOST_POINTS = 256
SECONDS = 60
NO_SECONDS = np.array([[0.0], [0.0], [0.0], [np.inf], [-np.inf]])


class Points:
    """A minute as its points: ms within the minute (u16) and values (f8), in arrival order."""

    __slots__ = ("offsets", "numbers")

    def __init__(self, offsets=b"", numbers=b""):
        self.offsets = offsets
        self.numbers = numbers

    def holds(self, more):
        """Whether ``more`` points leave this the smaller form."""
        return len(self.offsets) // 2 + more <= MOST_POINTS

    def add(self, offsets, values):
        """The detail with more points, in the form that is then the smaller one."""
        if not self.holds(len(offsets)):
            return self.to_seconds().add(offsets, values)
        self.offsets += offsets.astype("<u2").tobytes()
        self.numbers += values.astype("<f8").tobytes()
        return self

    def to_seconds(self):
        """The same points as Seconds."""
        return Seconds().add(*self.read())

    def read(self):
        """``(ms within the minute, values)`` as arrays."""
        return np.frombuffer(self.offsets, "<u2").astype(np.int64), np.frombuffer(self.numbers, "<f8")

    def cut(self, start, end, shape=True):
        """The Summary of [start, end), in ms within the minute."""
        offsets, values = self.read()
        if start <= 0 and end >= MINUTE_MS:
            return summarise(values)
        return summarise(values[(offsets >= start) & (offsets < end)])

    def shape(self):
        """What answers percentiles of the whole minute: ``(values, None)``."""
        return np.frombuffer(self.numbers, "<f8"), None

    def split(self):
        """``(ms within the minute, columns (5, n), values)``: each point on its own."""
        offsets, values = self.read()
        return offsets, np.array([np.ones(len(values)), values, np.zeros(len(values)), values, values])

    def pack(self):
        """Bytes that ``unpack`` reads."""
        return b"P" + self.offsets + self.numbers


class Seconds:
    """A minute as summaries of its seconds, columns (5, 60), and the sketch of all of it."""

    __slots__ = ("columns", "packed_sketch", "known_sketch")

    def __init__(self, columns=None, packed_sketch=None):
        self.columns = np.repeat(NO_SECONDS, SECONDS, axis=1) if columns is None else columns
        self.packed_sketch = packed_sketch
        self.known_sketch = None if packed_sketch else sketches.merge([])

    @property
    def sketch(self):
        """The sketch of the whole minute, unpacked when it is first asked for."""
        if self.known_sketch is None:
            self.known_sketch = sketches.unpack(self.packed_sketch)
        return self.known_sketch

    def holds(self, more):
        """Never in question: points stay summaries once they are."""
        return False

    def to_seconds(self):
        """This one."""
        return self

    def add(self, offsets, values):
        """The detail with more points (ms within the minute, values)."""
        if len(values):
            [part] = split_seconds(np.zeros(len(values), np.int64), offsets, values, 1)
            self.merge(*part)
        return self

    def merge(self, seconds, columns, sketch):
        """Takes the summaries (5, n) of some seconds and the sketch of their points."""
        self.columns[:, seconds] = merge_beside(self.columns[:, seconds], columns)
        self.known_sketch = sketches.merge([self.sketch, sketch])

    def cut(self, start, end, shape=True):
        """The Summary of [start, end) ms, to whole seconds; without percentiles if not ``shape``."""
        part = merge_columns(self.columns[:, -(-start // 1000) : -(-end // 1000)])
        if not part[0]:
            return EMPTY
        if not shape:
            return Summary(*part)
        return Summary(*part, None, self.sketch.scale(part[0] / self.columns[0].sum()))

    def shape(self):
        """What answers percentiles of the whole minute: ``(None, sketch)``."""
        return None, self.sketch

    def split(self):
        """``(ms within the minute, columns (5, n))``: each second that has points on its own."""
        at = np.flatnonzero(self.columns[0])
        return at * 1000, self.columns[:, at]

    def pack(self):
        """Bytes that ``unpack`` reads."""
        return b"S" + self.columns.astype("<f8").tobytes() + self.sketch.pack()


def split_seconds(owner, offsets, values, owners):
    """``[(seconds, columns (5, n), sketch), …]`` of the points of each owner.

    ``owner`` is ascending and below ``owners``; ``offsets`` are ms within the owner's minute.
    """
    group = owner * SECONDS + offsets // 1000
    ordered = values
    if np.any(group[1:] < group[:-1]):
        order = np.argsort(group, kind="stable")
        group, ordered = group[order], values[order]
    first = np.flatnonzero(np.concatenate(([True], group[1:] != group[:-1])))
    columns = summarise_slices(ordered, first, np.diff(np.append(first, len(group))))
    edges = np.searchsorted(group[first], np.arange(owners + 1) * SECONDS).tolist()
    seconds = group[first] % SECONDS
    return [
        (seconds[low:high], columns[:, low:high], sketch)
        for low, high, sketch in zip(edges, edges[1:], sketches.split(owner, values, owners), strict=False)
    ]


def merge_beside(a, b):
    """Chan's formula, column by column; both (5, n), every count of ``b`` at least 1."""
    count = a[0] + b[0]
    with np.errstate(over="ignore", invalid="ignore"):
        apart = np.where(a[0] > 0, b[1] / b[0] - a[1] / np.maximum(a[0], 1), 0.0)
        m2 = a[2] + b[2] + apart * apart * (a[0] * b[0] / count)
        return np.array([count, a[1] + b[1], m2, np.minimum(a[3], b[3]), np.maximum(a[4], b[4])])


def unpack(data):
    """The detail of packed bytes; None or empty bytes: a minute without points."""
    if not data:
        return Points()
    if data[:1] == b"P":
        n = (len(data) - 1) // 10
        return Points(data[1 : 1 + 2 * n], data[1 + 2 * n :])
    size = 5 * SECONDS * 8
    columns = np.frombuffer(data, "<f8", 5 * SECONDS, 1).reshape(5, SECONDS).copy()
    return Seconds(columns, data[1 + size :])
