"""How many streams are open, over all processes: each says its own number, and is believed for a while."""

import time

import msgspec

from metrics_app import conf
from metrics_app.connection import get_redis, guard

BELIEVED = 10_000  # ms; processes report every second or two


def name_key():
    """One hash for the installation."""
    return f"{conf.get('REDIS_PREFIX')}:presence"


@guard()
def report(process, counts):
    """Says ``{kind: open streams}`` of a process."""
    entry = msgspec.json.encode({"at": time.time_ns() // 1_000_000, "counts": dict(counts)})
    get_redis().hset(name_key(), process, entry)


@guard()
def count_streams():
    """``{kind: open streams}`` of all processes that live; forgets the others."""
    now, total, gone = time.time_ns() // 1_000_000, {}, []
    for process, entry in get_redis().hgetall(name_key()).items():
        found = msgspec.json.decode(entry)
        if now - found["at"] > BELIEVED:
            gone.append(process)
            continue
        for kind, count in found["counts"].items():
            total[kind] = total.get(kind, 0) + count
    if gone:
        get_redis().hdel(name_key(), *gone)
    return total
