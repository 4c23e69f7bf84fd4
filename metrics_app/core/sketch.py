"""A mergeable quantile sketch: DDSketch's mapping over bins in two sorted arrays.

A bin is an integer *code* that sorts as the values do: positive values have their
mapping key + OFFSET, negative ones its negation, zero is 0. One sorted array of
codes beside one of counts is the whole sketch, so merging is a sort and a sum.
"""

import math
import struct

import numpy as np
from ddsketch.mapping import LogarithmicMapping

# Half the promised 1 %: the value between two neighbouring ranks is interpolated.
MAPPING = LogarithmicMapping(0.005)
LOG_GAMMA = math.log(MAPPING.gamma)
# From the upper end of a bin to the value with the least relative error in it.
MIDDLE = math.log(2.0 / (1.0 + MAPPING.gamma))
LARGEST_EXPONENT = 709.78
# Keys of all doubles lie within ±75,000.
OFFSET = 1 << 18
# Integers of a packed sketch: the smallest that holds them all.
SIZES = ((0xFF, "<u1"), (0xFFFF, "<u2"), (0xFFFFFFFF, "<u4"), (2**63 - 1, "<u8"))
HEADER = struct.Struct("<IiBB")  # bins, first code, index of the size of differences, of counts
HEADERS = np.dtype([("bins", "<u4"), ("first", "<i4"), ("delta", "u1"), ("count", "u1")])  # the same, of many
LIMITS = np.array([most for most, _ in SIZES])
WIDTHS = np.array([np.dtype(kind).itemsize for _, kind in SIZES])


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
    # The last bins would overflow; callers clamp to the maximum they know.
    size = math.exp(min((abs(int(code)) - OFFSET) * LOG_GAMMA + MIDDLE, LARGEST_EXPONENT))
    return size if code > 0 else -size


class Sketch:
    """Counts per bin: ``codes`` (int32, ascending) and ``counts`` of the same length."""

    __slots__ = ("codes", "counts", "summed")

    def __init__(self, codes, counts):
        self.codes = codes
        self.counts = counts
        self.summed = None

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
        # Whoever asks for one percentile mostly asks for four: most of their cost is this sum.
        if self.summed is None:
            self.summed = self.counts.cumsum()
        # The middle of the rank: scaled counts are no whole numbers.
        at = self.summed.searchsorted(rank + 0.5, side="right")
        return decode(self.codes[min(int(at), len(self.codes) - 1)])

    def quantile(self, q, low, high):
        """Linear between the values at the ranks around q·(n−1), within [low, high]."""
        position = q * max(self.total - 1, 0)
        rank = int(position)
        below = above = self.value_at_rank(rank)
        if position > rank:
            above = self.value_at_rank(rank + 1)
        below, above = (min(max(value, low), high) for value in (below, above))
        return below + (above - below) * (position - rank)

    def share_above(self, value):
        """The share (0 to 1) of what was counted that is above ``value``, which counts with its whole bin."""
        above = self.codes > encode(np.array([value]))[0]
        return float(self.counts[above].sum() / self.counts.sum())

    def weigh(self):
        """``(values, counts)``: the value that stands for each bin, ascending, and what it counted."""
        return np.array([decode(code) for code in self.codes]), self.counts

    def pack(self):
        """Bytes: the first code, differences and counts in the smallest integers that hold them."""
        if not len(self.codes):
            return HEADER.pack(0, 0, 0, 0)
        deltas, delta = shrink(self.codes[1:] - self.codes[:-1])
        counts, count = shrink(self.counts)
        return HEADER.pack(len(self.codes), int(self.codes[0]), delta, count) + deltas + counts


def shrink(numbers):
    """The numbers as bytes of the smallest integers that hold them, and the index of their size."""
    top = int(numbers.max()) if len(numbers) else 0
    index = next(i for i, (most, _) in enumerate(SIZES) if top <= most)
    return numbers.astype(SIZES[index][1]).tobytes(), index


def unpack(data):
    """The sketch that ``Sketch.pack`` wrote."""
    bins, first, delta, count = HEADER.unpack_from(data)
    if not bins:
        return merge([])
    deltas = np.frombuffer(data, SIZES[delta][1], bins - 1, HEADER.size)
    counts = np.frombuffer(data, SIZES[count][1], bins, HEADER.size + deltas.nbytes)
    codes = np.empty(bins, np.int32)
    codes[0] = first
    codes[1:] = deltas
    return Sketch(np.cumsum(codes, dtype=np.int32), counts.astype(np.int64))


def split(owner, values, owners):
    """``[Sketch, …]`` of each owner's values; ``owner`` is below ``owners``, in any order."""
    owner, codes, counts = count_bins(owner, values)
    edges = np.searchsorted(owner, np.arange(owners + 1)).tolist()
    return [Sketch(codes[low:high], counts[low:high]) for low, high in zip(edges, edges[1:], strict=False)]


def count_bins(owner, values):
    """``(owner, code, count)``: the bins that hold values, in the order of owners and codes."""
    codes = np.sort(owner.astype(np.int64) << 32 | (encode(values) + np.int64(2 * OFFSET)))
    first = np.flatnonzero(np.concatenate(([True], codes[1:] != codes[:-1])))
    counts = np.diff(np.append(first, len(codes)))
    return codes[first] >> 32, ((codes[first] & 0xFFFFFFFF) - 2 * OFFSET).astype(np.int32), counts


def pack_split(owner, values, owners):
    """``[bytes, …]``: what ``split`` answers, packed, all at once; each owner has a value.

    One by one a hundred thousand small sketches would take seconds.
    """
    owner, codes, counts = count_bins(owner, values)
    first = np.searchsorted(owner, np.arange(owners))
    bins = np.diff(np.append(first, len(codes)))
    deltas = np.diff(codes, prepend=codes[:1])
    deltas[first] = 0  # from the owner before: it is written as the first code
    sizes = [np.searchsorted(LIMITS, np.maximum.reduceat(part, first)) for part in (deltas, counts)]
    widths = [WIDTHS[size] for size in sizes]
    lengths = HEADER.size + (bins - 1) * widths[0] + bins * widths[1]
    starts = np.cumsum(lengths) - lengths
    out, rank = np.empty(int(lengths.sum()), np.uint8), np.arange(len(codes)) - first[owner]
    heads = np.empty(owners, HEADERS)
    for name, column in zip(HEADERS.names, (bins, codes[first], *sizes), strict=True):
        heads[name] = column
    put(out, starts, heads.view(np.uint8).reshape(owners, HEADER.size))
    places = starts + HEADER.size, starts + HEADER.size + (bins - 1) * widths[0]
    for at, numbers, rest, size in zip(places, (deltas, counts), (1, 0), sizes, strict=True):
        put_numbers(out, at, numbers, rank - rest, size, owner)
    data, edges = out.tobytes(), [*starts.tolist(), len(out)]
    return [data[low:high] for low, high in zip(edges, edges[1:], strict=False)]


def put_numbers(out, at, numbers, rank, size, owner):
    """Writes each owner's numbers from its place on, in integers of its size, but for those of rank −1."""
    for index, (_, kind) in enumerate(SIZES):
        mine = np.flatnonzero((size[owner] == index) & (rank >= 0))
        parts = numbers[mine].astype(kind).view(np.uint8).reshape(-1, WIDTHS[index])
        put(out, at[owner[mine]] + rank[mine] * WIDTHS[index], parts)


def put(out, at, rows):
    """Writes rows of bytes, shape (n, width), at their places."""
    out[at[:, None] + np.arange(rows.shape[1])] = rows


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
