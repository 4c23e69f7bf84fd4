"""The collector's counters per shard, as they stand in Redis."""

from metrics_app import conf
from metrics_app.connection import get_redis, guard, key

FIELDS = ("points", "late", "late_dropped", "held_dropped")


@guard()
def read_counters():
    """``{shard: {field: number}}`` of points counted, late ones, and what was dropped unarchived."""
    shards = range(conf.get("SHARDS"))
    pipe = get_redis().pipeline(transaction=False)
    for shard in shards:
        pipe.hmget(key(shard, "meta"), FIELDS)
    rows = zip(shards, pipe.execute(), strict=True)
    return {
        shard: {name: int(value or 0) for name, value in zip(FIELDS, row, strict=True)} for shard, row in rows
    }
