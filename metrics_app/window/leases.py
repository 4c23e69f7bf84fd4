"""Who collects which shards, and up to when those are read out to which nothing comes.

A lease says who holds a shard, and lies there for minutes. Whether its holder still lives says its beat:
one command of about a hundred bytes, once a second, whatever it holds, in which it also says which of its
shards are read out. A holder that has not been heard of for two seconds holds nothing any more. All of it
is a courtesy among collectors; the fence decides.
"""

from typing import NamedTuple

from metrics_app import conf
from metrics_app.connection import get_redis, guard, key
from metrics_app.core.durations import MINUTE_MS
from metrics_app.lua import read_script

BEAT, TAKE, RELEASE = (read_script(name) for name in ("beat", "lease", "release"))
LEASE_MS = 3 * MINUTE_MS  # how long a lease lies there that nobody renews
SILENCE_MS = 2_000  # after which a holder holds nothing any more
AT, THROUGH = "at:", "through:"


class Beats(NamedTuple):
    """What collectors have told: ms of the last beat of each, and ``{set of shards: ms}`` read out."""

    at: dict
    through: dict

    def is_alive(self, holder, now):
        """Whether a holder of leases was heard of lately."""
        return now - self.at.get(holder, 0) <= SILENCE_MS

    def find_mark(self, shard):
        """ms up to which a shard was said to be read out; 0 where nobody ever did."""
        return max((at for shards, at in self.through.items() if shards >> shard & 1), default=0)


def name_beats():
    """The key of all beats: a hash, which belongs to no shard."""
    return f"{conf.get('REDIS_PREFIX')}:collectors"


def parse_beats(fields):
    """The Beats of a hash as Redis gives it."""
    at, through = {}, {}
    for name, value in fields.items():
        kind, _, rest = name.decode().partition(":")
        if kind + ":" == AT:
            at[rest] = int(value)
        else:
            through[int(rest, 16)] = int(value)
    return Beats(at, through)


def beat(me, shards=(), through=0):
    """Tells that a collector lives, and up to when (ms) these of its shards are read out. BusUnavailable."""
    bits = sum(1 << shard for shard in shards)
    with guard():
        get_redis().eval(BEAT, 1, name_beats(), AT + me, f"{THROUGH}{bits:x}" if bits else "", through)


def take_leases(shards, me):
    """``(mine, new)``: the shards whose lease is ours now, and those of them that were not before.

    BusUnavailable. What is remembered of a new one may be older than what is in Redis.
    """
    with guard():
        pipe = get_redis().pipeline(transaction=False)
        for shard in shards:
            pipe.get(key(shard, "lease"))
            pipe.pttl(key(shard, "lease"))
        pipe.hgetall(name_beats())
        pipe.time()
        *found, fields, (seconds, micros) = pipe.execute()
    now, beats = seconds * 1000 + micros // 1000, parse_beats(fields)
    held = {shard: ((found[2 * at] or b"").decode(), found[2 * at + 1]) for at, shard in enumerate(shards)}
    mine = [shard for shard, (holder, _) in held.items() if holder == me]
    free = [shard for shard, (holder, _) in held.items() if holder != me and not beats.is_alive(holder, now)]
    if free:
        # Before: who holds one and was never heard of holds nothing.
        beat(me)
        forget_dead(beats, now)
    old = [shard for shard in mine if held[shard][1] < LEASE_MS // 2]
    taken = write_leases({shard: held[shard][0] for shard in free + old}, me)
    new = [shard for shard in free if shard in taken]
    return sorted({*mine, *new} - (set(old) - taken)), new


def write_leases(holders, me):
    """The set of shards whose lease could be taken; ``holders``: shard → who held it."""
    if not holders:
        return set()
    with guard():
        pipe = get_redis().pipeline(transaction=False)
        for shard, holder in holders.items():
            pipe.eval(TAKE, 1, key(shard, "lease"), me, holder, LEASE_MS)
        return {shard for shard, taken in zip(holders, pipe.execute(), strict=True) if taken}


def forget_dead(beats, now):
    """Deletes when those were last heard of who have long been gone."""
    gone = [AT + name for name, at in beats.at.items() if now - at > LEASE_MS]
    if gone:
        with guard():
            get_redis().hdel(name_beats(), *gone)


def release_leases(shards, me):
    """Gives up the leases that are ours, so that the next collector need not wait."""
    with guard():
        pipe = get_redis().pipeline(transaction=False)
        for shard in shards:
            pipe.eval(RELEASE, 1, key(shard, "lease"), me)
        pipe.hdel(name_beats(), AT + me)
        pipe.execute()
