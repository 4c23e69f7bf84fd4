"""A turn of the collector: loading what it touches, writing what it changed."""

import secrets

import msgpack
import msgspec

from metrics_app import conf
from metrics_app.connection import get_redis, guard, key
from metrics_app.core import details
from metrics_app.core.fold import log_start
from metrics_app.lua import read_script
from metrics_app.window.fence import next_id, run_fenced

APPLY = read_script("apply")
# A ring, its details and its log outlive their last point by this, should no collector run;
# a running one removes them when their last minute is sealed.
SPARE = 7_200  # seconds


def load_topics(shard, memory, topics):
    """Loads heads and rings of topics into a shard's memory, in one round trip."""
    with guard():
        pipe = get_redis().pipeline(transaction=False)
        pipe.hmget(key(shard, "head"), topics)
        pipe.mget([key(shard, f"ring:{topic}") for topic in topics])
        heads, rings = pipe.execute()
    for topic, head, ring in zip(topics, heads, rings, strict=True):
        memory.add_topic(topic, head, ring, epoch=secrets.token_hex(4))


def load_details(shard, memory, missing):
    """Loads the details of ``[(topic, minute), …]`` into a shard's memory, in one round trip."""
    with guard():
        pipe = get_redis().pipeline(transaction=False)
        for topic, minute in missing:
            pipe.hget(key(shard, f"det:{topic}"), minute)
        packed = pipe.execute()
    for (topic, minute), data in zip(missing, packed, strict=True):
        memory.topics[topic].details[minute] = details.unpack(data)


def apply(shard, memory, turn, *, offset, through, me):
    """Writes a turn with its offset in one script; StaleFence when the shard was moved on."""
    through = max(memory.through, through)
    late = pack_late(memory, turn)
    payload = {
        "topics": turn.topics,
        "heads": turn.heads,
        "hot": turn.hot,
        "dirty": turn.dirty,
        "tidy": turn.tidy,
        "log_since": str(log_start(through)),
        "expire": str(conf.get("HELD_HOURS") * 3600 + SPARE),
        "late": late,
        "late_from": str(max(memory.late - conf.get("LATE_POINTS") + 1, 0)),
        "counts": count_turn(turn),
        "seq": str(memory.seq),
        "writer": memory.writer,
        "next": str(memory.seq + 1),
        "me": me,
        "offset": offset,
        "bus_from": next_id(offset),
        "through": str(through),
    }
    # The old form of MessagePack: Lua's reader in Redis 6 knows no type for bytes.
    run_fenced(APPLY, shard, key(shard, ""), msgpack.packb(payload, use_bin_type=False))
    memory.seq, memory.writer, memory.offset, memory.through = memory.seq + 1, me, offset, through


def pack_late(memory, turn):
    """``[id, points, packed, …]`` of the turn's late points; the id counts all late points so far."""
    rows = [(topic, ts.tobytes(), values.tobytes()) for topic, (ts, values) in turn.late.items()]
    if not rows:
        return []
    points = sum(len(ts) for ts, _ in turn.late.values())
    memory.late += points
    return [f"{memory.late}-0", str(points), msgspec.msgpack.encode(rows)]


def count_turn(turn):
    """``[counter, increment, …]`` of the meta hash."""
    late = sum(len(ts) for ts, _ in turn.late.values())
    counts = {"points": turn.points, "late": late, "future_dropped": turn.future, "broken": turn.broken}
    return [text for name, n in counts.items() if n for text in (name, str(n))]
