"""The bus: a durable stream per shard between those who emit and the collector.

An entry carries one batch's points of its shard: field ``d``, MessagePack
``[[topic, …], lengths, ts, values]``, the points of all topics behind each other in
columns of uint32, int64 ms and float64, little endian. A thousand topics in an
entry are four objects to decode, not three thousand.
"""

import logging
import os
import time
from typing import NamedTuple
from zlib import crc32

import msgspec
import numpy as np

from metrics_app import conf
from metrics_app.connection import get_redis, guard, key, tell_address
from metrics_app.core.points import shard_of
from metrics_app.exceptions import BadInput, BusUnavailable, Conflict
from metrics_app.lua import read_script

logger = logging.getLogger(__name__)

REMEMBER = 86_400  # seconds a batch id is known
LOOK_EVERY = 0.25  # seconds between two looks at the size of the bus, per process
PUBLISH = read_script("publish")
DECODER = msgspec.msgpack.Decoder(tuple[list[str], bytes, bytes, bytes])

looks = {}


class ReadResult(NamedTuple):
    """What a read found.

    ``entries``: shard → ``[(id, batch | None), …]`` (None: an entry nobody can
    read), ``through``: shard → ms up to which its bus is read out, ``complete``:
    nothing was cut, ``points``: how many in all, ``now``: Redis' time before it (ms).
    """

    entries: dict
    through: dict
    complete: bool
    points: int
    now: int


def publish(batch, *, batch_id=None, digest=b""):
    """Puts a batch on the bus, one entry per shard and all or none of them.

    ``batch`` maps a topic to ``(int64 ms, float64)`` arrays. With ``batch_id`` the
    same id and digest again within 24 h completes what is missing and adds nothing;
    another digest is a Conflict. BusUnavailable when Redis is away or the bus full.
    """
    payloads = encode_batch(batch)
    if not payloads:
        return
    with guard():
        check_room()
        if batch_id is not None:
            claim(batch_id, digest)
        pipe = get_redis().pipeline(transaction=True)
        for shard, payload in payloads.items():
            if batch_id is None:
                pipe.xadd(key(shard, "bus"), {"d": payload})
            else:
                keys = key(shard, f"idem:{batch_id}"), key(shard, "bus")
                pipe.eval(PUBLISH, 2, *keys, digest, REMEMBER, payload)
        answers = pipe.execute()
    if -1 in answers:
        raise conflict()


def encode_batch(batch):
    """``{shard: payload}``; BadInput for values that are not finite."""
    shards, by_shard = conf.get("SHARDS"), {}
    for topic, (ts, values) in batch.items():
        ts, values = np.ascontiguousarray(ts, "<i8"), np.ascontiguousarray(values, "<f8")
        if ts.shape != values.shape:
            raise BadInput(f"{topic}: {len(ts)} times but {len(values)} values", field="ts")
        if not np.isfinite(values).all():
            raise BadInput(f"{topic}: not every value is a finite number", field="value")
        if len(ts):
            by_shard.setdefault(shard_of(topic, shards), []).append((topic, ts, values))
    return {shard: pack_entry(rows) for shard, rows in by_shard.items()}


def pack_entry(rows):
    """The payload of ``[(topic, ts, values), …]``."""
    topics, ts, values = zip(*rows, strict=True)
    lengths = np.array([len(times) for times in ts], "<u4").tobytes()
    columns = (b"".join(part.tobytes() for part in column) for column in (ts, values))
    return msgspec.msgpack.encode((topics, lengths, *columns))


def claim(batch_id, digest):
    """Binds a batch id to a digest; Conflict where it is bound to another."""
    home = name_claim(batch_id)
    pipe = get_redis().pipeline(transaction=True)
    pipe.set(home, digest, nx=True, ex=REMEMBER)
    pipe.get(home)
    if pipe.execute()[1] != digest:
        raise conflict()


@guard()
def is_claimed(batch_id, digest):
    """Whether a batch with this id and digest was taken, at least in part, within 24 h. BusUnavailable."""
    return get_redis().get(name_claim(batch_id)) == digest


def name_claim(batch_id):
    """The key of what an id is bound to, on the id's own shard: another body may touch other shards."""
    return key(crc32(batch_id.encode()) % conf.get("SHARDS"), f"idem:{batch_id}:claim")


def conflict():
    """The error of an idempotency key that is used twice."""
    return Conflict("this idempotency key came with another body within 24 h: use a new key for new points")


def check_room():
    """BusUnavailable while more than ``BUS_BYTES`` wait for the collector; looks at most every 0.25 s."""
    name = (conf.get("REDIS_URL"), conf.get("REDIS_PREFIX"), os.getpid())
    seen, size = looks.get(name, (0.0, 0))
    if time.monotonic() - seen > LOOK_EVERY:
        size = measure_bus()
        looks[name] = (time.monotonic(), size)
    if size > conf.get("BUS_BYTES"):
        raise BusUnavailable(
            f"The bus is full: {size / 1e6:.0f} MB wait to be collected.",
            detail=f"Redis at {tell_address()}: start `manage.py collect`.",
        )


def measure_bus():
    """Bytes of Redis memory that the buses of all shards take, as Redis estimates it."""
    pipe = get_redis().pipeline(transaction=False)
    for shard in range(conf.get("SHARDS")):
        pipe.memory_usage(key(shard, "bus"))
    return sum(size or 0 for size in pipe.execute())


def read(offsets, *, block_ms=None, count=256):
    """Reads what follows ``offsets`` (shard → last id seen), at most ``count`` entries a shard.

    Waits up to ``block_ms`` for the first entry (None: not at all). The time is
    taken before the reading: what was added before it has been read.
    """
    names = {key(shard, "bus").encode(): shard for shard in offsets}
    with guard():
        pipe = get_redis().pipeline(transaction=False)
        pipe.time()
        streams = {name: offsets[shard] for name, shard in names.items()}
        pipe.xread(streams, count=count, block=block_ms)
        (seconds, micros), found = pipe.execute()
    now = seconds * 1000 + micros // 1000
    through = dict.fromkeys(offsets, now)
    entries, complete = {}, True
    for name, rows in found.items() if isinstance(found, dict) else found or ():
        shard = names[name]
        entries[shard] = [(entry, decode_entry(shard, entry, fields)) for entry, fields in unnest(rows)]
        if len(entries[shard]) >= count:
            complete = False
            through[shard] = int(entries[shard][-1][0].split(b"-")[0])
    points = sum(len(entry[2]) // 8 for rows in entries.values() for _, entry in rows if entry)
    return ReadResult(entries, through, complete, points, now)


def unnest(rows):
    """Entries of one stream; the third protocol of Redis wraps them once more."""
    return rows[0] if rows and isinstance(rows[0], list) else rows


def decode_entry(shard, entry, fields):
    """``(topics, lengths, ts, values)``, or None (logged) for what is no batch."""
    try:
        topics, lengths, ts, values = found = DECODER.decode((fields or {}).get(b"d", b""))
        points = int(np.frombuffer(lengths, "<u4").sum())
        if len(lengths) != 4 * len(topics) or len(ts) != 8 * points or len(values) != 8 * points:
            raise ValueError("the lengths of its columns differ")
        if not np.isfinite(np.frombuffer(values, "<f8")).all():
            raise ValueError("not every value is a finite number")
    except (msgspec.MsgspecError, ValueError) as error:
        logger.error(
            "Entry %s on the bus of shard %s is not a batch, it is left out: %s", entry, shard, error
        )
        return None
    return found


def join_entries(entries):
    """One batch (topic → arrays) of decoded entries, in the order of their arrival."""
    entries = [entry for entry in entries if entry]
    numbers = {}
    owner = [numbers.setdefault(topic, len(numbers)) for topics, *_ in entries for topic in topics]
    lengths, ts, values = (
        np.frombuffer(b"".join(entry[at] for entry in entries), dtype)
        for at, dtype in ((1, "<u4"), (2, "<i8"), (3, "<f8"))
    )
    # Sorting 16-bit integers is linear.
    owner = np.repeat(np.array(owner, np.uint16 if len(numbers) < 1 << 16 else np.int64), lengths)
    order = np.argsort(owner, kind="stable")
    owner, ts, values = owner[order], ts[order], values[order]
    edges = np.searchsorted(owner, np.arange(len(numbers) + 1)).tolist()
    spans = zip(numbers, edges, edges[1:], strict=False)
    return {topic: (ts[low:high], values[low:high]) for topic, low, high in spans if high > low}
