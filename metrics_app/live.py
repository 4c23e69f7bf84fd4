"""The doorbell and the log: how a turn of the collector reaches the ASGI processes.

The log in Redis is the data; the channel layer only says that there is more. A
message that is lost costs seconds, never points: the hub compares positions.
"""

import asyncio
import logging
import os
import threading
from collections import defaultdict
from dataclasses import dataclass
from struct import Struct

import numpy as np
from channels.layers import get_channel_layer
from django.utils.crypto import salted_hmac

from metrics_app import conf
from metrics_app.connection import get_redis, guard, key
from metrics_app.core.chunks import pack_chunk, unpack_chunk
from metrics_app.core.points import shard_of

log = logging.getLogger(__name__)

HEAD = Struct("<8sQqQ")  # epoch, top, last_ts, total
MESSAGE_BYTES = 1_000_000  # a turn beyond this travels as several messages
TURN_BYTES = 8_000_000  # beyond this a turn only says where the logs stand now
STATES = 2_000  # changes of state in one message
PATIENCE = 5  # seconds a message may take before it is given up

failures = 0  # messages that did not reach the channel layer, in this process


@dataclass(frozen=True)
class Update:
    """Consecutive new points of one topic; ``ts`` int64 ms, ``values`` float64."""

    topic: str
    epoch: str
    first_offset: int
    ts: np.ndarray
    values: np.ndarray

    @property
    def top(self):
        """The offset of the last point."""
        return self.first_offset + len(self.ts) - 1


@dataclass(frozen=True)
class LogSlice:
    """What a log holds after a position; empty arrays when there is nothing newer."""

    epoch: str
    first_offset: int
    ts: np.ndarray
    values: np.ndarray


class Doorbell:
    """One event loop in one daemon thread per process, made again after a fork.

    A loop of its own keeps the channel layer's connection open between turns, and
    lets a thread that already runs a loop ring as well.
    """

    def __init__(self):
        self.pid, self.loop, self.lock, self.down = None, None, threading.Lock(), False

    def get_loop(self):
        """The running loop of this process."""
        with self.lock:
            if self.pid != os.getpid():
                self.loop, self.pid = asyncio.new_event_loop(), os.getpid()
                threading.Thread(target=self.loop.run_forever, name="doorbell", daemon=True).start()
            return self.loop

    def ring(self, messages):
        """Sends messages to every hub, in order; a fault of the layer is logged once and counted."""
        global failures
        sending = asyncio.run_coroutine_threadsafe(send_all(messages), self.get_loop())
        try:
            sending.result(PATIENCE)
        # The layer may be any package with errors of its own, and none of them may stop the collector.
        except Exception as error:
            sending.cancel()
            failures += len(messages)
            if not self.down:
                log.warning("The channel layer is away, streams fall back to polling: %r", error)
            self.down = True
        else:
            self.down = False


async def send_all(messages):
    """One ``group_send`` per message."""
    layer, group = get_channel_layer(), group_name()
    if layer is None:
        raise RuntimeError("no channel layer: set CHANNEL_LAYERS, or streams lag by some seconds")
    for message in messages:
        await layer.group_send(group, message)


def group_name():
    """The channel-layer group that every hub of this installation joins."""
    return f"{conf.get('REDIS_PREFIX')}.live"


doorbell = Doorbell()
# A lock that another thread held during the fork would stay locked in the child for ever.
os.register_at_fork(after_in_child=doorbell.__init__)


def publish_turn(updates):
    """Tells every hub about a turn's new points, all topics in one message where they fit."""
    if updates:
        doorbell.ring(list(pack_turn(updates)))


def announce_event(event, *, permission=None, group=None):
    """Sends an event to the WebSockets of those who hold ``permission`` and are in ``group`` (its id)."""
    doorbell.ring([{"type": "event", "event": event, "permission": permission, "group": group}])


def announce_state(event, topic):
    """Sends a threshold's change of state to all subscribers of its topic."""
    announce_states([(event, topic)])


def announce_states(pairs):
    """``announce_state`` for many ``(event, topic)``, in few messages."""
    parts = [pairs[at : at + STATES] for at in range(0, len(pairs), STATES)]
    if parts:
        doorbell.ring([{"type": "state", "events": [list(pair) for pair in part]} for part in parts])


def pack_turn(updates):
    """Messages of at most about ``MESSAGE_BYTES`` that carry ``[topic, epoch, top, chunk]``."""
    bare = sum(len(update.ts) for update in updates) * 12 > TURN_BYTES
    batch, size = [], 0
    for update in updates:
        chunk = b"" if bare else pack_points(update)
        if batch and size + len(chunk) > MESSAGE_BYTES:
            yield {"type": "turn", "updates": batch}
            batch, size = [], 0
        batch.append([update.topic, update.epoch, update.top, chunk])
        size += len(chunk) + len(update.topic) + 32
    yield {"type": "turn", "updates": batch}


def pack_points(update):
    """The update's chunk, or nothing where the log has to be read instead."""
    if len(update.ts) * 12 > MESSAGE_BYTES:
        return b""
    try:
        return pack_chunk(update.first_offset, update.ts, update.values)
    except ValueError:
        return b""


def read_log(topic, epoch, offset):
    """The LogSlice after a position, or None when it cannot be continued.

    None: no such log, another epoch, a position above the log's top, or points
    after it that the log no longer holds. BusUnavailable when Redis is away.
    """
    head, chunks = fetch_log(topic, offset + 1)
    known_epoch, top = head or (null_epoch(topic), 0)
    if (epoch, offset) == (null_epoch(topic), 0):
        epoch = known_epoch
    if known_epoch != epoch or offset > top:
        return None
    return join_chunks(chunks, epoch, offset + 1, top)


def read_since(topic, since):
    """The LogSlice from the first point of a log that is not older than ``since`` (ms)."""
    head, chunks = fetch_log(topic, 1)
    epoch, top = head or (null_epoch(topic), 0)
    first = chunks[0][0] if chunks else top + 1
    whole = join_chunks(chunks, epoch, first, top) or join_chunks([], epoch, top + 1, top)
    recent = np.flatnonzero(whole.ts >= since)
    skip = recent[0] if len(recent) else len(whole.ts)
    return LogSlice(epoch, first + int(skip), whole.ts[skip:], whole.values[skip:])


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


def join_chunks(chunks, epoch, first, top):
    """One LogSlice of the offsets ``first`` to ``top``, or None where the chunks have a gap."""
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
        return LogSlice(epoch, first, np.empty(0, np.int64), np.empty(0))
    skip = first - chunks[0][0]
    ts = np.concatenate([chunk[1] for chunk in chunks])[skip:]
    return LogSlice(epoch, first, ts, np.concatenate([chunk[2] for chunk in chunks])[skip:])


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
