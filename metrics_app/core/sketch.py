"""A mergeable quantile sketch: DDSketch's mapping over bins in two sorted arrays.

A bin is an integer *code* that sorts as the values do: positive values have their
mapping key + OFFSET, negative ones its negation, zero is 0. One sorted array of
codes beside one of counts is the whole sketch, so merging is a sort and a sum.
"""

import numpy as np
from ddsketch.mapping import LogarithmicMapping

# Half the promised 1 %: the value between two neighbouring ranks is interpolated.
MAPPING = LogarithmicMapping(0.005)
LOG_GAMMA = np.log(MAPPING.gamma)
# Keys of all doubles lie within ±75,000.
OFFSET = 1 << 18
DELTAS = ("<u1", "<u2", "<u4")
COUNTS = ("<u1", "<u2", "<u4", "<u8")
HEADER = np.dtype([("bins", "<u4"), ("first", "<i4"), ("delta", "u1"), ("count", "u1")])


def encode(values):
    """The bin code (int32) of each value."""
    size = np.abs(values)
    small = size < MAPPING.min_possible
    keys = np.ceil(np.log(np.where(small, 1.0, size)) / LOG_GAMMA)
    return np.where(small, 0, np.copysign(keys + OFFSET, values)).astype(np.int32)


def decode(code):
    """The value that stands for a bin, within 0.5 % of all values in it."""
    if code == 0:
        return 0.0
    exponent = (abs(int(code)) - OFFSET) * LOG_GAMMA
    # The last bins of the doubles overflow; callers clamp to the maximum they know.
    size = np.exp(min(exponent, 709.7)) * 2.0 / (1.0 + MAPPING.gamma)
    return float(size if code > 0 else -size)


class Sketch:
    """Counts per bin: ``codes`` (int32, ascending) and ``counts`` of the same length."""

    __slots__ = ("codes", "counts")

    def __init__(self, codes, counts):
        self.codes = codes
        self.counts = counts

    @classmethod
    def of_codes(cls, codes):
        """The sketch of values that are already encoded."""
        return cls(*np.unique(codes, return_counts=True))

    @classmethod
    def of(cls, values):
        """The sketch of an array of values."""
        return cls.of_codes(encode(values))

    @property
    def total(self):
        """The number of values, a whole number also where counts were scaled."""
        return round(float(self.counts.sum()))

    def scale(self, fraction):
        """The same shape with ``fraction`` of the counts."""
        return Sketch(self.codes, self.counts * fraction)

    def value_at_rank(self, rank):
        """The value at a 0-based rank of the sorted values."""
        at = np.searchsorted(np.cumsum(self.counts), rank + 1e-9, side="right")
        return decode(self.codes[min(int(at), len(self.codes) - 1)])

    def quantile(self, q, low, high):
        """Linear between the values at the ranks around q·(n−1), within [low, high]."""
        position = q * max(self.total - 1, 0)
        rank = int(position)
        below, above = (self.value_at_rank(r) for r in (rank, rank + (position > rank)))
        below, above = (min(max(value, low), high) for value in (below, above))
        return below + (above - below) * (position - rank)

    def pack(self):
        """Bytes: the first code, differences and counts in the smallest integers that hold them."""
        header = np.zeros(1, HEADER)
        if not len(self.codes):
            return header.tobytes()
        deltas, delta = shrink(np.diff(self.codes), DELTAS)
        counts, count = shrink(self.counts, COUNTS)
        header[0] = (len(self.codes), self.codes[0], delta, count)
        return header.tobytes() + deltas + counts


def shrink(numbers, dtypes):
    """The numbers as bytes of the smallest dtype that holds them, and its index."""
    top = int(numbers.max()) if len(numbers) else 0
    index = next(i for i, name in enumerate(dtypes) if top <= np.iinfo(name).max)
    return numbers.astype(dtypes[index]).tobytes(), index


def unpack(data):
    """The sketch that ``Sketch.pack`` wrote."""
    header = np.frombuffer(data, HEADER, 1)[0]
    bins = int(header["bins"])
    if not bins:
        return merge([])
    deltas = np.frombuffer(data, DELTAS[header["delta"]], bins - 1, HEADER.itemsize)
    counts = np.frombuffer(data, COUNTS[header["count"]], bins, HEADER.itemsize + deltas.nbytes)
    codes = np.empty(bins, np.int32)
    codes[0] = header["first"]
    codes[1:] = deltas
    return Sketch(np.cumsum(codes, dtype=np.int32), counts.astype(np.int64))


def merge(sketches):
    """One sketch of everything the given ones saw."""
    sketches = [sketch for sketch in sketches if len(sketch.codes)]
    if len(sketches) == 1:
        return sketches[0]
    if not sketches:
        return Sketch(np.empty(0, np.int32), np.empty(0, np.int64))
    codes = np.concatenate([sketch.codes for sketch in sketches])
    counts = np.concatenate([sketch.counts for sketch in sketches])
    order = np.argsort(codes, kind="stable")
    codes, counts = codes[order], counts[order]
    first = np.flatnonzero(np.concatenate(([True], codes[1:] != codes[:-1])))
    return Sketch(codes[first], np.add.reduceat(counts, first))
