"""The sorted-set design: one `ZADD` of JSON per point, read back and averaged.

What most tutorials (and the first sketch of this project) do: a sorted set per
topic, scored by time, whose member is `{"ts": …, "value": …}`. A mean reads the
window with `ZRANGEBYSCORE`, decodes it and adds it up. Points are pipelined by
the thousand, which is about as fast as redis-py gets.

Its known flaw is the design's own and is kept: equal members are one member,
so of two points with the same time and value one is lost. `count` tells how
many are left, and the benchmarks report the loss.
"""

import json

PIPELINE = 1_000


def add(redis, topic, ts, value):
    """Adds one point and waits for the answer; ``ts`` in ms."""
    redis.zadd(f"zset:{topic}", {json.dumps({"ts": ts, "value": value}): ts})


def add_many(redis, points):
    """Adds ``(topic, ts, value)`` tuples, a thousand to a round trip."""
    for start in range(0, len(points), PIPELINE):
        pipeline = redis.pipeline(transaction=False)
        for topic, ts, value in points[start : start + PIPELINE]:
            pipeline.zadd(f"zset:{topic}", {json.dumps({"ts": ts, "value": value}): ts})
        pipeline.execute()


def append_many(redis, points):
    """The same points as one `XADD` each, into a stream per topic."""
    for start in range(0, len(points), PIPELINE):
        pipeline = redis.pipeline(transaction=False)
        for topic, ts, value in points[start : start + PIPELINE]:
            pipeline.xadd(f"stream:{topic}", {"ts": ts, "value": value})
        pipeline.execute()


def mean_last(redis, topic, window, *, now):
    """The mean of the last ``window`` seconds before ``now`` (ms), or None."""
    members = redis.zrangebyscore(f"zset:{topic}", now - window * 1000, f"({now}")
    # One document out of all members: three times as fast as one `loads` for each.
    values = [point["value"] for point in json.loads(b"[" + b",".join(members) + b"]")]
    return sum(values) / len(values) if values else None


def count(redis, topics):
    """The number of points that are there."""
    return sum(redis.zcard(f"zset:{topic}") for topic in topics)
