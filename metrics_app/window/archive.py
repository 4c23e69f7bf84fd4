"""What waits for the archiver: held minutes and late points."""

import msgspec
import numpy as np

from metrics_app.connection import get_redis, guard, key
from metrics_app.core.packing import unpack_held

LATE = msgspec.msgpack.Decoder(list[tuple[str, bytes, bytes]])


def read_held(shard, *, before, count=1000):
    """``[(topic, minute ms, Summary), …]`` of dirty sealed minutes before ``before``, oldest first."""
    with guard():
        client = get_redis()
        members = client.zrangebyscore(key(shard, "dirty"), "-inf", f"({before}", start=0, num=count)
        pairs = [member.decode().split(":", 1) for member in members]
        pipe = client.pipeline(transaction=False)
        for minute, topic in pairs:
            pipe.hget(key(shard, f"held:{topic}"), minute)
        packed = pipe.execute()
    found = zip(pairs, packed, strict=True)
    return [(topic, int(minute), unpack_held(data)) for (minute, topic), data in found if data]


def read_late(shard, *, after=0, count=100):
    """``[(position, batch), …]`` of the late log; ``after`` is the last position that is done with."""
    with guard():
        rows = get_redis().xrange(key(shard, "late"), min=f"{after + 1}-0", count=count)
    return [(int(entry.split(b"-")[0]), decode_late(fields[b"d"])) for entry, fields in rows]


def decode_late(data):
    """The batch (topic → arrays) of a packed late entry."""
    return {
        topic: (np.frombuffer(ts, "<i8"), np.frombuffer(values, "<f8"))
        for topic, ts, values in LATE.decode(data)
    }
