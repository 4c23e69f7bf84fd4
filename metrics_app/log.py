"""The log: the points of each topic at contiguous offsets, as Redis holds them.

It is the data; ``live`` only rings. A position is ``(epoch, offset)``, and one that
cannot be continued is said to be so, never answered with a replay.
"""

from collections import defaultdict
from struct import Struct

import numpy as np
from django.utils.crypto import salted_hmac

from metrics_app import conf
from metrics_app.connection import get_redis, guard, key
from metrics_app.core.chunks import unpack_chunk
from metrics_app.core.points import shard_of
from metrics_app.core.slices import Slice, join_slices

HEAD = Struct("<8sQqQ")  # epoch, top, last_ts, total


def read_log(topic, epoch, offset):
    """The Slice after a position, or None when it cannot be continued.

    None: no such log, another epoch, a position above the log's top, or points
    after it that the log no longer holds. BusUnavailable when Redis is away.
    """
    head, chunks = fetch_log(topic, offset + 1)
    known_epoch, top = head or (null_epoch(topic), 0)
    if (epoch, offset) == (null_epoch(topic), 0):
        epoch = known_epoch
    if known_epoch != epoch or offset > top:
        return None
    return join_chunks(topic, epoch, chunks, offset + 1, top)


def read_since(topic, since):
    """The Slice from the first point of a log that is not older than ``since`` (ms)."""
    head, chunks = fetch_log(topic, 1)
    epoch, top = head or (null_epoch(topic), 0)
    first = chunks[0][0] if chunks else top + 1
    whole = join_chunks(topic, epoch, chunks, first, top) or join_chunks(topic, epoch, [], top + 1, top)
    recent = np.flatnonzero(whole.ts >= since)
    return whole.skip(int(recent[0]) if len(recent) else len(whole.ts))


def fetch_log(topic, first):
    """``(head, chunks)`` as of one moment: the chunks that end at offset ``first`` or later."""
    shard = shard_of(topic, conf.get("SHARDS"))
    with guard():
        pipe = get_redis().pipeline(transaction=True)
        pipe.hget(key(shard, "head"), topic)
        pipe.xrange(key(shard, f"log:{topic}"), min=f"{first}-0")
        head, entries = pipe.execute()
    return head and unpack_head(head), [unpack_chunk(fields[b"d"]) for _, fields in entries]


def find_restart(topic, epoch, offset):
    """``(epoch, offset)`` where a stream that stood at a position which is lost now goes on.

    In a log of another epoch: before the first point of that epoch which the log
    still holds. In the same epoch, for one that fell too far behind: from now.
    """
    shard = shard_of(topic, conf.get("SHARDS"))
    with guard():
        pipe = get_redis().pipeline(transaction=True)
        pipe.hget(key(shard, "head"), topic)
        pipe.hget(key(shard, "begun"), topic)
        pipe.xrange(key(shard, f"log:{topic}"), count=1)
        head, begun, entries = pipe.execute()
    if not head:
        return null_epoch(topic), 0
    now, top = unpack_head(head)
    if now == epoch or not entries:
        return now, top
    first = 0
    if begun and unpack_head(begun)[0] == now:
        # The same log under a new name: the stream may have missed the last points of the old one.
        first = min(unpack_head(begun)[1], offset)
    return now, max(first, unpack_chunk(entries[0][1][b"d"])[0] - 1)


def join_chunks(topic, epoch, chunks, first, top):
    """One Slice of the offsets ``first`` to ``top``, or None where the chunks have a gap."""
    expected = chunks[0][0] if chunks else first
    if expected > first:
        return None
    for first_offset, ts, _ in chunks:
        if first_offset != expected:
            return None
        expected += len(ts)
    if expected != top + 1:
        return None
    if not chunks:
        return Slice(topic, epoch, first, np.empty(0, np.int64), np.empty(0))
    whole = join_slices([Slice(topic, epoch, *chunk) for chunk in chunks])
    return whole.skip(first - chunks[0][0])


def null_epoch(topic):
    """The epoch of a topic that has no log yet.

    Whoever waits at offset 0 of it gets the log from its first point on. Signed,
    so that nobody can ask for a replay from zero with a position made up.
    """
    return salted_hmac("metrics_app.live", topic).hexdigest()[:8]


def get_positions(topics):
    """``{topic: (epoch, top)}``, one HMGET per shard; ``(null_epoch, 0)`` where there is no log yet."""
    by_shard = defaultdict(list)
    for topic in topics:
        by_shard[shard_of(topic, conf.get("SHARDS"))].append(topic)
    with guard():
        pipe = get_redis().pipeline(transaction=False)
        for shard, members in by_shard.items():
            pipe.hmget(key(shard, "head"), members)
        heads = pipe.execute()
    found = {}
    for members, packed in zip(by_shard.values(), heads, strict=True):
        for topic, head in zip(members, packed, strict=True):
            found[topic] = unpack_head(head) if head else (null_epoch(topic), 0)
    return found


def unpack_head(head):
    """``(epoch, top)`` of a packed head."""
    epoch, top, _, _ = HEAD.unpack(head)
    return epoch.decode(), top
