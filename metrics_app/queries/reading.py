"""Reading topics: the rings, details and held minutes that a span needs, as of one moment."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from metrics_app import conf
from metrics_app.connection import get_redis, guard, key
from metrics_app.core import details
from metrics_app.core.buckets import HOT, Summary, floor, merge_columns
from metrics_app.core.durations import HOUR_MS, MINUTE_MS
from metrics_app.core.generations import Generations
from metrics_app.core.packing import SLOT, unpack_head, unpack_held, unpack_ring
from metrics_app.core.spans import subtract
from metrics_app.lua import read_script
from metrics_app.queries.logs import clock, shard_for

READ = read_script("read")
COLUMNS = ("count", "sum", "m2", "min", "max")


class Want(NamedTuple):
    """What to read of a topic: [start, end) in ms, with what answers percentiles or without."""

    topic: str
    start: int
    end: int
    shape: bool = False

    def whole_start(self):
        """The start, on a whole minute where it lies before the hot hour."""
        return floor(self.start, MINUTE_MS) if is_old(self.start) else self.start

    def minutes(self):
        """The minutes (ms) that the span touches."""
        # Nothing older is in Redis; a span of years must not name each of its minutes.
        reach = clock() - (conf.get("HELD_HOURS") + 2) * HOUR_MS
        return range(floor(max(self.whole_start(), reach), MINUTE_MS), self.end, MINUTE_MS)

    def details(self):
        """The minutes whose detail is needed: all for percentiles, else those cut by an edge."""
        return self.minutes() if self.shape else find_edges(self.whole_start(), self.end)

    def is_old(self):
        """Whether the span may reach into sealed minutes, which count whole."""
        return is_old(self.start)


def is_old(start):
    """Whether a span that starts at ``start`` may reach into sealed minutes."""
    return start < clock() - HOT


def find_edges(start, end):
    """The minutes (ms) that [start, end) cuts."""
    first, last = start - start % MINUTE_MS, end - end % MINUTE_MS
    if start == first:
        return [] if end == last or end <= start else [last]
    return [first] if end == last or first == last else [first, last]


@dataclass
class Reading:
    """A topic as of one moment: its packed head and ring, minute → bytes for the rest."""

    want: Want
    sealed: int
    generations: Generations
    packed_head: bytes
    packed_ring: bytes
    packed: dict
    held: dict

    @property
    def head(self):
        """The topic's Head, or None."""
        return unpack_head(self.packed_head)

    @cached_property
    def ring(self):
        """``{minute: (count, sum, m2, min, max)}``."""
        return unpack_ring(self.packed_ring)

    def parts(self, voids=()):
        """Summaries of the hot part: minutes, cut at its edges; whole ones together if that will do.

        Minutes in ``voids`` (``[(start, end), …]``) are left out.
        """
        start, end = self.want.whole_start(), self.want.end
        for minute in self.packed:
            if minute >= self.sealed and not is_void(minute, voids):
                yield self.cut(minute, max(start - minute, 0), min(end - minute, MINUTE_MS))
        if not self.want.shape:
            low, high = max(-floor(-start, MINUTE_MS), self.sealed), floor(end, MINUTE_MS)
            for span in subtract([(low, high)], voids):
                yield sum_ring(self.packed_ring, *span)

    def hold(self, minute):
        """The Summary of a held minute, with its sketch."""
        return self.unpack(self.held[minute])

    def unpack(self, data):
        """The Summary of a packed held minute."""
        return unpack_held(data)

    def cut(self, minute, start, end):
        """The Summary of [start, end) ms of a hot minute."""
        detail = details.unpack(self.packed.get(minute))
        if end - start < MINUTE_MS:
            return detail.cut(start, end, self.want.shape)
        return Summary(*self.ring[minute], *detail.shape())


def is_void(minute, voids):
    """Whether a minute (ms) lies in one of the spans that do not count."""
    return any(low <= minute < high for low, high in voids)


def sum_ring(ring, start, end):
    """The Summary of the whole minutes of a ring's bytes (or None) in [start, end)."""
    slots = np.frombuffer(ring or b"", SLOT)
    slots = slots[(slots["minute"] >= start) & (slots["minute"] < end) & (slots["count"] > 0)]
    return Summary(*merge_columns(np.array([slots[name] for name in COLUMNS], float)))


def read_one(want):
    """The Reading of one topic, in one round trip."""
    return read_many([want])[0]


def read_many(wants, chunk=256):
    """The Readings of many topics; those of one shard and chunk as of one moment."""
    by_shard, found = {}, [None] * len(wants)
    for index, want in enumerate(wants):
        by_shard.setdefault(shard_for(want.topic), []).append(index)
    for shard, indices in by_shard.items():
        for at in range(0, len(indices), chunk):
            part = indices[at : at + chunk]
            for index, reading in zip(part, read_shard(shard, [wants[i] for i in part]), strict=True):
                found[index] = reading
    return found


def read_shard(shard, wants):
    """The Readings of one shard's topics."""
    asks = [(want.topic, want.details(), want.is_old()) for want in wants]
    sealed, generations, rows = fetch(shard, asks)
    return [
        Reading(want, sealed, generations, head, ring, name_minutes(hot, packed), name_held(want, held))
        for want, (_, hot, _), (head, ring, packed, held) in zip(wants, asks, rows, strict=True)
    ]


def fetch(shard, asks):
    """``(sealed mark, Generations, [(head, ring, details, held), …])`` of ``[(topic, minutes, old), …]``."""
    rows = ((topic, ",".join(map(str, minutes)), "1" if old else "") for topic, minutes, old in asks)
    with guard():
        sealed, generations, *found = get_redis().eval(
            READ, 1, key(shard, "meta"), key(shard, ""), *(text for row in rows for text in row)
        )
    parts = list(zip(*(found[at::4] for at in range(4)), strict=True))
    return int(sealed or 0), Generations(generations.decode()), parts


def name_held(want, found):
    """``{minute: bytes}`` of the held minutes in a span, of a flat ``[minute, bytes, …]``."""
    pairs = zip(map(int, found[::2]), found[1::2], strict=True)
    return {minute: data for minute, data in pairs if want.whole_start() <= minute < want.end}


def name_minutes(minutes, found):
    """``{minute: bytes}`` of those that exist."""
    return {minute: data for minute, data in zip(minutes, found, strict=True) if data}
