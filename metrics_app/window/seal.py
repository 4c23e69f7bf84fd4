"""Sealing: minutes leave the rings and wait, packed, for the archiver."""

import time

from metrics_app import conf
from metrics_app.connection import get_redis, guard, key
from metrics_app.core import details
from metrics_app.core.durations import HOUR_MS
from metrics_app.core.packing import SLOT, SLOT_STRUCT, pack_held, slot_of
from metrics_app.exceptions import StaleFence
from metrics_app.lua import read_script
from metrics_app.window.fence import run_fenced

HOLD, SEAL, DROP = (read_script(name) for name in ("hold", "seal", "drop"))
CHUNK = 500  # minutes packed per round trip


def seal(shard, memory, mark, me):
    """Moves the sealed mark to ``mark`` (ms) and holds the dirty minutes before it.

    First everything is copied to ``held`` in chunks, while readers still use the
    rings; then one script moves the mark. A crash between the two costs nothing:
    the next sealing copies again. StaleFence as ever.
    """
    members = read_hot(shard, mark)
    for at in range(0, len(members), CHUNK):
        hold(shard, memory, members[at : at + CHUNK])
    by_topic = {}
    for topic, minute in members:
        by_topic.setdefault(topic, []).append(str(minute))
    rows = [text for topic, minutes in by_topic.items() for text in (topic, ",".join(minutes))]
    run_fenced(SEAL, shard, key(shard, ""), memory.seq, memory.writer, memory.seq + 1, me, mark, *rows)
    memory.seq, memory.writer = memory.seq + 1, me


def read_hot(shard, mark):
    """``[(topic, minute), …]`` of the minutes in the rings before ``mark``."""
    with guard():
        members = get_redis().zrangebyscore(key(shard, "hot"), "-inf", f"({mark}")
    pairs = (member.decode().split(":", 1) for member in members)
    return [(topic, int(minute)) for minute, topic in pairs]


def hold(shard, memory, members):
    """Copies the dirty ones of ``[(topic, minute), …]`` to ``held``, a sketch in place of the detail."""
    with guard():
        pipe = get_redis().pipeline(transaction=False)
        pipe.zmscore(key(shard, "dirty"), [f"{minute}:{topic}" for topic, minute in members])
        for topic, minute in members:
            start = slot_of(minute) * SLOT.itemsize
            pipe.getrange(key(shard, f"ring:{topic}"), start, start + SLOT.itemsize - 1)
            pipe.hget(key(shard, f"det:{topic}"), minute)
        dirty, *found = pipe.execute()
    rows = []
    for (topic, minute), score, slot, data in zip(members, dirty, found[::2], found[1::2], strict=True):
        # A slot of another minute: the ring is gone, and there is nothing to hold.
        if score is not None and slot and SLOT_STRUCT.unpack(slot)[0] == minute:
            rows += (topic, minute, pack_held(slot, details.unpack(data)))
    if rows:
        run_fenced(HOLD, shard, key(shard, ""), memory.seq, memory.writer, *rows)


def drop_held(shard, memory, now, patience=0.05):
    """Lets go of minutes held longer than ``HELD_HOURS``; returns how many, within ``patience`` seconds."""
    limit, dropped, end = now - conf.get("HELD_HOURS") * HOUR_MS, 0, time.monotonic() + patience
    while True:
        with guard():
            arguments = key(shard, ""), memory.seq, memory.writer, limit
            n = get_redis().eval(DROP, 1, key(shard, "meta"), *arguments)
        if n < 0:
            raise StaleFence(f"shard {shard} was moved on by another collector")
        dropped += n
        if n < 1000 or time.monotonic() > end:
            return dropped
