"""What waits for the archiver: dirty minutes, hot or held, and late points."""

from typing import NamedTuple

import msgspec
import numpy as np

from metrics_app import conf
from metrics_app.connection import get_redis, guard, key
from metrics_app.core import details
from metrics_app.core.generations import Generations
from metrics_app.core.packing import SLOT, SLOT_STRUCT, SLOTS, pack_held, slot_of, unpack_held
from metrics_app.lua import read_script

TAKE, CLEAN = read_script("take"), read_script("clean")
LATE = msgspec.msgpack.Decoder(list[tuple[str, bytes, bytes]])
SIZES = SLOTS, SLOT.itemsize


class Taken(NamedTuple):
    """Minutes of a shard as of one moment: ``[(topic, minute ms, Summary), …]`` and where the shard stood."""

    sealed: int
    generations: Generations
    collected: int
    minutes: list


class Backlog(NamedTuple):
    """What waits on a shard: the oldest dirty minute (ms, or None) and the number of late points."""

    shard: int
    oldest: int | None
    late: int


def list_dirty(shard, *, count=100_000):
    """``[(topic, minute ms), …]`` of the minutes that SQL lacks, oldest first."""
    with guard():
        members = get_redis().zrange(key(shard, "dirty"), 0, count - 1)
    pairs = (member.decode().split(":", 1) for member in members)
    return [(topic, int(minute)) for minute, topic in pairs]


def take(shard, members):
    """The Taken of ``[(topic, minute), …]``; those that are gone are left out."""
    arguments = [text for member in members for text in member]
    with guard():
        answer = get_redis().eval(TAKE, 1, key(shard, "meta"), key(shard, ""), *SIZES, *arguments)
    sealed, text, points, late, *found = answer
    rows = zip(members, found[::3], found[1::3], found[2::3], strict=True)
    minutes = [(*member, unpack_minute(member[1], *packed)) for member, *packed in rows]
    kept = [row for row in minutes if row[2] is not None]
    return Taken(int(sealed), Generations(text.decode()), int(points) + int(late), kept)


def unpack_minute(minute, slot, detail, held):
    """The Summary of a hot or held minute with its sketch; None where it is gone."""
    if held:
        return unpack_held(held)
    if slot and len(slot) == SLOT.itemsize and SLOT_STRUCT.unpack(slot)[0] == minute:
        return unpack_held(pack_held(slot, details.unpack(detail)))
    return None


def clean(shard, generations, counts, *, late_through=None):
    """Lets go of ``[(topic, minute, count), …]`` that did not grow since, and of late points.

    ``late_through`` is the number of the last late point that SQL has. Nothing happens where
    a new generation has begun since ``generations`` were read.
    """
    keep = "" if late_through is None else f"{late_through + 1}-0"
    arguments = [text for row in counts for text in row]
    with guard():
        return get_redis().eval(
            CLEAN, 1, key(shard, "meta"), key(shard, ""), *SIZES, generations.text, keep, *arguments
        )


def read_held(shard, *, before, count=1000):
    """``[(topic, minute ms, Summary), …]`` of dirty sealed minutes before ``before``, oldest first."""
    members = [member for member in list_dirty(shard, count=count) if member[1] < before]
    return [row for row in take(shard, members).minutes if row[1] < before]


def read_late(shard, *, after=0, count=100):
    """``[(position, batch), …]`` of the late log; ``after`` is the last position that is done with.

    A position is the number of the last point in its batch, counted from the log's beginning.
    """
    with guard():
        rows = get_redis().xrange(key(shard, "late"), min=f"{after + 1}-0", count=count)
    return [(int(entry.split(b"-")[0]), decode_late(fields[b"d"])) for entry, fields in rows]


def decode_late(data):
    """The batch (topic → arrays) of a packed late entry."""
    return {
        topic: (np.frombuffer(ts, "<i8"), np.frombuffer(values, "<f8"))
        for topic, ts, values in LATE.decode(data)
    }


def read_backlogs():
    """``[Backlog, …]`` of all shards, in one round trip."""
    shards = range(conf.get("SHARDS"))
    with guard():
        pipe = get_redis().pipeline(transaction=False)
        for shard in shards:
            pipe.zrange(key(shard, "dirty"), 0, 0, withscores=True)
            pipe.xrange(key(shard, "late"), count=1)
            pipe.hget(key(shard, "meta"), "late")
        answers = iter(pipe.execute())
    rows = zip(shards, answers, answers, answers, strict=True)
    return [
        Backlog(shard, int(dirty[0][1]) if dirty else None, count_late(late, top))
        for shard, dirty, late, top in rows
    ]


def read_collected():
    """``{(shard, generation): points}`` that the living generations have counted, late ones included."""
    shards = range(conf.get("SHARDS"))
    with guard():
        pipe = get_redis().pipeline(transaction=False)
        for shard in shards:
            pipe.hmget(key(shard, "meta"), "generation", "points", "late")
        rows = zip(shards, pipe.execute(), strict=True)
    return {
        (shard, name.decode()): int(points or 0) + int(late or 0)
        for shard, (name, points, late) in rows
        if name
    }


def read_waiting(*, most=1_000):
    """``{shard: (oldest minute or None, {topic: {minute: points}} or None)}`` of what SQL lacks; times in ms.

    None of the minutes where more than ``most`` of a shard wait.
    """
    shards = range(conf.get("SHARDS"))
    with guard():
        pipe = get_redis().pipeline(transaction=False)
        for shard in shards:
            pipe.zrange(key(shard, "dirty"), 0, most)
            pipe.hget(key(shard, "meta"), "sealed")
        answers = iter(pipe.execute())
    found = {}
    for shard, members, sealed in zip(shards, answers, answers, strict=True):
        pairs = [(topic, int(minute)) for minute, topic in (m.decode().split(":", 1) for m in members)]
        minutes = count_minutes(shard, pairs, int(sealed or 0)) if len(pairs) <= most else None
        found[shard] = (pairs[0][1] if pairs else None, minutes)
    return found


def count_minutes(shard, pairs, sealed):
    """``{topic: {minute: points}}`` of ``[(topic, minute), …]``, hot or held; without what is gone by now."""
    with guard():
        pipe = get_redis().pipeline(transaction=False)
        for topic, minute in pairs:
            if minute >= sealed:
                at = slot_of(minute) * SLOT.itemsize
                pipe.getrange(key(shard, f"ring:{topic}"), at, at + SLOT.itemsize - 1)
            else:
                pipe.hget(key(shard, f"held:{topic}"), minute)
        slots = pipe.execute()
    found = {}
    for (topic, minute), slot in zip(pairs, slots, strict=True):
        own, count, *_ = SLOT_STRUCT.unpack_from(slot) if slot and len(slot) >= SLOT.itemsize else (0, 0)
        if own == minute and count:
            found.setdefault(topic, {})[minute] = count
    return found


def count_late(first, top):
    """Points of a late log from its first entry to its top."""
    if not first:
        return 0
    entry, fields = first[0]
    return max(int(top or 0) - int(entry.split(b"-")[0]) + int(fields[b"n"]), 0)
