"""What the collector remembers of a shard, and how a batch becomes one turn of it.

Pure: what it lacks it names (``find_unknown``, ``find_missing``) and is handed;
what has to be written comes out as a ``Turn``. A memory whose turn was not applied
for certain is thrown away and loaded again.
"""

from dataclasses import dataclass, field

import numpy as np

from metrics_app.core import details
from metrics_app.core.buckets import floor, fold, merge_pair
from metrics_app.core.chunks import pack_chunk
from metrics_app.core.durations import HOUR_MS, MINUTE_MS
from metrics_app.core.packing import (
    SLOT,
    SLOT_STRUCT,
    SLOTS,
    Head,
    pack_head,
    slot_of,
    unpack_head,
    unpack_ring,
)
from metrics_app.core.slices import Slice

# How far ahead of Redis' clock a point may lie before it is dropped and counted. The
# ring has ten minutes more than the hot hour: following such a clock costs five of them.
FUTURE = 5 * MINUTE_MS
# The mark moves a little before the minute does, so that a point of the next one finds its slot free.
AHEAD = 10_000
# Small enough to trim a log closely, large enough to cost 12 bytes a point.
CHUNK_POINTS = 4_000


@dataclass(slots=True)
class TopicMemory:
    """A topic: its log's position, its ring (minute → summary tuple), details of open minutes."""

    epoch: str
    top: int = 0
    last_ts: int = 0
    total: int = 0
    ring: dict = field(default_factory=dict)
    details: dict = field(default_factory=dict)
    fresh: bool = False
    tidied: int = 0
    used: int = 0

    def head(self):
        """The Head as it stands after what was folded."""
        return Head(self.epoch, self.top, self.last_ts, self.total)


@dataclass(slots=True)
class Turn:
    """What one turn changes on a shard, ready for ``apply.lua``; all numbers as strings."""

    topics: list = field(default_factory=list)
    heads: list = field(default_factory=list)
    hot: list = field(default_factory=list)
    dirty: list = field(default_factory=list)
    tidy: list = field(default_factory=list)
    late: dict = field(default_factory=dict)
    future: int = 0
    broken: int = 0
    points: int = 0
    updates: list = field(default_factory=list)


class ShardMemory:
    """The open summaries of one shard, as of fence (``seq``, ``writer``)."""

    def __init__(self, *, seq, writer, offset, through, sealed, late, log_points):
        self.seq, self.writer, self.offset = seq, writer, offset
        self.through, self.sealed, self.late = through, sealed, late
        self.log_points = log_points
        self.topics = {}

    def find_unknown(self, batch):
        """The topics of a batch that have to be loaded first."""
        return [topic for topic in batch if topic not in self.topics]

    def add_topic(self, topic, head, ring, *, epoch):
        """Takes what Redis holds of a topic (bytes or None); ``epoch`` is for one it does not know."""
        known = unpack_head(head)
        slots = {minute: slot for minute, slot in unpack_ring(ring).items() if minute >= self.sealed}
        if known:
            self.topics[topic] = TopicMemory(*known, ring=slots)
        else:
            self.topics[topic] = TopicMemory(epoch, ring=slots, fresh=True)

    def split_times(self, batch, now, turn):
        """The points the rings can hold; late ones and those too far ahead go to the turn.

        ``now`` is Redis' time in ms.
        """
        hot = {}
        for topic, (ts, values) in batch.items():
            late, future = ts < self.sealed, ts >= now + FUTURE
            if late.any():
                turn.late[topic] = ts[late], values[late]
            if future.any():
                turn.future += int(future.sum())
            if late.any() or future.any():
                keep = ~(late | future)
                ts, values = ts[keep], values[keep]
            if len(ts):
                hot[topic] = ts, values
        return hot

    def find_missing(self, batch):
        """``[(topic, minute), …]`` whose details Redis holds and this memory does not."""
        missing = []
        for topic, (ts, _) in batch.items():
            memory = self.topics[topic]
            for minute in find_minutes(ts):
                if minute in memory.ring and minute not in memory.details:
                    missing.append((topic, minute))
        return missing

    def fold(self, batch, now, turn):
        """Folds a batch that lies within the rings; everything it touches is in memory."""
        names = list(batch)
        lengths = [len(batch[topic][0]) for topic in names]
        owner = np.repeat(np.arange(len(names)), lengths)
        ts = np.concatenate([batch[topic][0] for topic in names])
        values = np.concatenate([batch[topic][1] for topic in names])
        writes = [([], []) for _ in names]
        self.fold_minutes(names, fold(owner, ts, values), writes, turn)
        for topic, (slots, packed) in zip(names, writes, strict=True):
            self.write_topic(topic, *batch[topic], slots, packed, now, turn)
        turn.points += len(ts)

    def fold_minutes(self, names, folded, writes, turn):
        """Merges each (topic, minute) of a fold into ring and detail, and packs both."""
        new = self.find_details(names, folded)
        columns = folded.columns.T.tolist()
        spans = zip(folded.owner.tolist(), folded.bucket.tolist(), new, columns, strict=True)
        for owner, minute, detail, part in spans:
            memory, (slots, packed) = self.topics[names[owner]], writes[owner]
            known, part = memory.ring.get(minute), (int(part[0]), *part[1:])
            if known is None:
                turn.hot += (str(minute), f"{minute}:{names[owner]}")
            turn.dirty += (str(minute), f"{minute}:{names[owner]}")
            memory.ring[minute] = merged = merge_pair(known, part) if known else part
            memory.details[minute] = detail
            slots += (str(slot_of(minute) * SLOT.itemsize), SLOT_STRUCT.pack(minute, *merged))
            packed += (str(minute), detail.pack())

    def find_details(self, names, folded):
        """The details of all (topic, minute) of a fold with its points added; large ones all at once."""
        offsets = folded.ts % MINUTE_MS
        found, large = [], []
        spans = (x.tolist() for x in (folded.owner, folded.bucket, folded.first, folded.last))
        for at, (owner, minute, first, last) in enumerate(zip(*spans, strict=True)):
            detail = self.topics[names[owner]].details.get(minute) or details.Points()
            if detail.holds(last - first):
                detail.add(offsets[first:last], folded.values[first:last])
            else:
                large.append(at)
            found.append(detail)
        if large:
            self.fold_seconds(folded, offsets, found, large)
        return found

    def fold_seconds(self, folded, offsets, found, large):
        """Adds points to the details numbered ``large``, which become seconds where they were points."""
        lengths = folded.last - folded.first
        rank = np.full(len(found), -1)
        rank[large] = np.arange(len(large))
        owner = np.repeat(rank, lengths)
        mine = owner >= 0
        parts = details.split_seconds(owner[mine], offsets[mine], folded.values[mine], len(large))
        for at, part in zip(large, parts, strict=True):
            found[at] = found[at].to_seconds()
            found[at].merge(*part)

    def write_topic(self, topic, ts, values, slots, packed, now, turn):
        """Moves a topic's head and cuts its new points into chunks of the log."""
        memory = self.topics[topic]
        first_offset, chunks = memory.top + 1, []
        for at in range(0, len(ts), CHUNK_POINTS):
            part = ts[at : at + CHUNK_POINTS]
            chunk = pack_chunk(first_offset + at, part, values[at : at + CHUNK_POINTS])
            chunks += (f"{first_offset + at + len(part) - 1}-0", chunk)
        memory.top += len(ts)
        memory.total += len(ts)
        memory.last_ts = max(memory.last_ts, int(ts.max()))
        memory.used = now
        keep_from = str(max(memory.top - self.log_points + 1, 0))
        turn.topics.append((topic, slots, packed, chunks, int(memory.fresh), keep_from))
        turn.heads += (topic, pack_head(memory.head()))
        turn.updates.append(Slice(topic, memory.epoch, first_offset, ts, values))
        memory.fresh = False
        if now - memory.tidied >= MINUTE_MS:
            memory.tidied = now
            turn.tidy.append(topic)

    def forget_before(self, mark, now):
        """Moves the sealed mark and lets go of what lies before it and of what rests.

        Details are kept for two minutes, topics for ten: Redis has them.
        """
        self.sealed = max(self.sealed, mark)
        for topic, memory in list(self.topics.items()):
            if now - memory.used > 10 * MINUTE_MS:
                del self.topics[topic]
                continue
            memory.ring = {minute: slot for minute, slot in memory.ring.items() if minute >= self.sealed}
            old = floor(now, MINUTE_MS) - 2 * MINUTE_MS
            memory.details = {m: detail for m, detail in memory.details.items() if m >= old}


def find_minutes(ts):
    """The minutes (ms) that an array of times touches."""
    first, last = int(ts.min()) // MINUTE_MS, int(ts.max()) // MINUTE_MS
    if first == last:
        return [first * MINUTE_MS]
    return (np.unique(ts // MINUTE_MS) * MINUTE_MS).tolist()


def next_mark(now, batch=()):
    """Where the sealed mark belongs: 70 minutes end with that of ``now``, or of the newest point to keep."""
    ahead = now + AHEAD
    for topic in batch:
        ts = batch[topic][0]
        newest = ts.max()
        if newest > ahead:
            ahead = int(ts[ts < now + FUTURE].max(initial=ahead))
    return floor(ahead, MINUTE_MS) - (SLOTS - 1) * MINUTE_MS


def log_start(now):
    """Chunks that arrived before this time (ms) leave the log."""
    return now - HOUR_MS
