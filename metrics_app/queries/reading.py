"""Reading topics: the rings, details and held minutes that a span needs, as of one moment."""

from dataclasses import dataclass
from typing import NamedTuple

from metrics_app.connection import get_redis, guard, key
from metrics_app.core import details
from metrics_app.core.buckets import HOUR, MINUTE, Summary, floor
from metrics_app.core.packing import unpack_head, unpack_held, unpack_ring
from metrics_app.queries.logs import shard_for

# Sealed minutes begin 69 minutes back; a window that reaches further back than this asks for them.
HOT = HOUR + 5 * MINUTE
# Above this many minutes one HGETALL is cheaper than naming each.
MANY = 120


class Want(NamedTuple):
    """What to read of a topic: [start, end) in ms, with what answers percentiles or without."""

    topic: str
    start: int
    end: int
    shape: bool = False

    def whole_start(self):
        """The start, on a whole minute where the span is longer than the hot hour."""
        return floor(self.start, MINUTE) if self.end - self.start > HOUR else self.start

    def minutes(self):
        """The minutes (ms) that the span touches."""
        return range(floor(self.whole_start(), MINUTE), self.end, MINUTE)

    def details(self):
        """The minutes whose detail is needed: all for percentiles, else those cut by an edge."""
        if self.shape:
            return self.minutes()
        start = self.whole_start()
        edges = {floor(edge, MINUTE) for edge in (start, self.end) if edge % MINUTE}
        return sorted(edges) if self.end > start else []


@dataclass(slots=True)
class Reading:
    """A topic as of one moment: ``ring`` minute → tuple, ``packed`` and ``held`` minute → bytes."""

    want: Want
    sealed: int
    head: object
    ring: dict
    packed: dict
    held: dict

    def parts(self):
        """The Summaries of the minutes in the span, those at its edges cut."""
        start, end = self.want.whole_start(), self.want.end
        for minute in self.want.minutes():
            if minute < self.sealed:
                if minute in self.held:
                    yield self.hold(minute)
            elif minute in self.ring:
                yield self.cut(minute, max(start - minute, 0), min(end - minute, MINUTE))

    def hold(self, minute):
        """The Summary of a sealed minute, with its sketch."""
        return unpack_held(self.held[minute])

    def cut(self, minute, start, end):
        """The Summary of [start, end) ms of a hot minute."""
        if end - start < MINUTE:
            return details.unpack(self.packed.get(minute)).cut(start, end)
        shape = details.unpack(self.packed.get(minute)).shape() if self.want.shape else ()
        return Summary(*self.ring[minute], *shape)


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
    """The Readings of one shard's topics in one transaction: no seam between ring and sealed mark."""
    with guard():
        pipe = get_redis().pipeline(transaction=True)
        pipe.hget(key(shard, "meta"), "sealed")
        for want in wants:
            pipe.hget(key(shard, "head"), want.topic)
            pipe.get(key(shard, f"ring:{want.topic}"))
            ask_minutes(pipe, key(shard, f"det:{want.topic}"), want.details())
            long = want.end - want.start > HOT
            ask_minutes(pipe, key(shard, f"held:{want.topic}"), want.minutes() if long else ())
        sealed, *answers = pipe.execute()
    return [
        Reading(want, int(sealed or 0), *unpack_answers(want, *answers[4 * at : 4 * at + 4]))
        for at, want in enumerate(wants)
    ]


def ask_minutes(pipe, name, minutes):
    """Asks for some fields of a hash; an empty list still is one command with one answer."""
    if len(minutes) > MANY:
        pipe.hgetall(name)
    else:
        pipe.hmget(name, list(minutes) or [""])


def unpack_answers(want, head, ring, packed, held):
    """``(head, ring, packed, held)`` with minutes as keys."""
    return (
        unpack_head(head),
        unpack_ring(ring),
        name_minutes(want.details(), packed),
        name_minutes(want.minutes(), held),
    )


def name_minutes(minutes, answer):
    """The answer to ``ask_minutes`` as ``{minute: bytes}``."""
    if isinstance(answer, dict):
        return {int(minute): data for minute, data in answer.items()}
    return {minute: data for minute, data in zip(minutes, answer, strict=False) if data}
