"""Where things stand: heads of topics, marks of shards, the clock."""

import time

from metrics_app import conf
from metrics_app.connection import get_redis, guard, key
from metrics_app.core.packing import unpack_head
from metrics_app.core.points import shard_of
from metrics_app.window.leases import name_beats, parse_beats


def clock():
    """The time of this process in ms."""
    return time.time_ns() // 1_000_000


def shard_for(topic):
    """The shard of a topic in this installation."""
    return shard_of(topic, conf.get("SHARDS"))


def get_head(topic):
    """The Head (epoch, top, last_ts, total) of a topic, or None before its first point."""
    with guard():
        return unpack_head(get_redis().hget(key(shard_for(topic), "head"), topic))


def list_topics():
    """``{topic: Head}`` of every topic that ever had a point."""
    with guard():
        pipe = get_redis().pipeline(transaction=False)
        for shard in range(conf.get("SHARDS")):
            pipe.hgetall(key(shard, "head"))
        return {
            topic.decode(): unpack_head(head) for heads in pipe.execute() for topic, head in heads.items()
        }


def collected_through():
    """``{shard: ms}``: up to when each bus was read out; 0 where nothing ever was."""
    shards = range(conf.get("SHARDS"))
    with guard():
        pipe = get_redis().pipeline(transaction=False)
        for shard in shards:
            pipe.hget(key(shard, "meta"), "through")
        # Of a shard to which nothing came only its collector has told since.
        pipe.hgetall(name_beats())
        *marks, fields = pipe.execute()
    beats = parse_beats(fields)
    return {
        shard: max(int(mark or 0), beats.find_mark(shard)) for shard, mark in zip(shards, marks, strict=True)
    }
