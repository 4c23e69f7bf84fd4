"""The fence of a shard: reading where it stands, moving it, beginning anew."""

import secrets
from dataclasses import dataclass

import redis

from metrics_app import conf
from metrics_app.connection import get_redis, guard, key
from metrics_app.core.fold import ShardMemory, next_mark
from metrics_app.exceptions import MetricsError, StaleFence
from metrics_app.lua import read_script

ADVANCE, BEGIN = (read_script(name) for name in ("advance", "begin"))
START = "0-0"


@dataclass(frozen=True)
class Meta:
    """Where a shard stands (``fields``: its meta hash) and what server it stands on."""

    shard: int
    fields: dict
    bus_end: str
    run_id: str
    now: int

    @property
    def seq(self):
        """The number of the last change; 0 where there is none."""
        return int(self.fields.get("seq", 0))

    @property
    def offset(self):
        """The id of the last bus entry that was applied."""
        return self.fields.get("offset", START)

    def lost_data(self):
        """Whether the bus ends before the applied offset, or nothing is known of the shard."""
        return not self.fields or order_id(self.offset) > order_id(self.bus_end)

    def remember(self):
        """An empty memory as of this fence."""
        return ShardMemory(
            seq=self.seq,
            writer=self.fields.get("writer", ""),
            offset=self.offset,
            through=int(self.fields.get("through", 0)),
            sealed=int(self.fields.get("sealed", 0)),
            late=int(self.fields.get("late", 0)),
            log_points=conf.get("LOG_POINTS"),
        )


def order_id(entry):
    """A stream id as a tuple that sorts."""
    ms, _, number = entry.partition("-")
    return int(ms), int(number or 0)


def next_id(entry):
    """The smallest stream id after this one."""
    ms, number = order_id(entry)
    return f"{ms}-{number + 1}"


def read_meta(shards):
    """``[Meta, …]`` of the shards, as of one moment each."""
    with guard():
        client = get_redis()
        run_id = client.info("server")["run_id"]
        pipe = client.pipeline(transaction=False)
        for shard in shards:
            pipe.hgetall(key(shard, "meta"))
            pipe.xinfo_stream(key(shard, "bus"))
            pipe.time()
        answers = pipe.execute(raise_on_error=False)
    metas = []
    for at, shard in enumerate(shards):
        fields, info, (seconds, micros) = answers[3 * at : 3 * at + 3]
        if isinstance(fields, Exception):
            raise fields
        fields = {name.decode(): value.decode() for name, value in fields.items()}
        metas.append(Meta(shard, fields, read_bus_end(info), run_id, seconds * 1000 + micros // 1000))
    return metas


def read_bus_end(info):
    """The last id a stream ever gave out; a stream that does not exist gave out none."""
    if isinstance(info, redis.ResponseError) and "no such key" in str(info):
        return START
    if isinstance(info, Exception):
        raise info
    return info["last-generated-id"].decode()


def is_durable():
    """Whether Redis promises to keep what it has acknowledged, as far as it tells."""
    with guard():
        try:
            found = get_redis().config_get("append*")
        except redis.ResponseError:
            return False
    text = {name if isinstance(name, str) else name.decode(): value for name, value in found.items()}
    return as_text(text.get("appendonly")) == "yes" and as_text(text.get("appendfsync")) == "always"


def as_text(value):
    """Text of text or bytes."""
    return value.decode() if isinstance(value, bytes) else value


def begin_generation(meta, me):
    """A new generation of the shard: new epochs for all its logs. StaleFence when somebody was faster."""
    offset = START if meta.lost_data() else meta.offset
    mark = max(int(meta.fields.get("sealed", 0)), 0) or next_mark(meta.now)
    fence = meta.fields.get("seq", ""), meta.fields.get("writer", "")
    arguments = (*fence, meta.seq + 1, me, secrets.token_hex(4), meta.run_id, offset, mark)
    run_fenced(BEGIN, meta.shard, key(meta.shard, ""), *arguments)


def note_run_id(meta):
    """Remembers that the server was restarted without a loss."""
    with guard():
        get_redis().hset(key(meta.shard, "meta"), "run_id", meta.run_id)


def check_shards():
    """MetricsError when ``SHARDS`` is not what this installation began with: topics would move."""
    name = f"{conf.get('REDIS_PREFIX')}:shards"
    with guard():
        pipe = get_redis().pipeline(transaction=True)
        pipe.set(name, conf.get("SHARDS"), nx=True)
        pipe.get(name)
        known = int(pipe.execute()[1])
    if known != conf.get("SHARDS"):
        raise MetricsError(
            f"SHARDS is {conf.get('SHARDS')}, but this installation began with {known}: "
            f"set it back, or begin with another REDIS_PREFIX"
        )


def run_fenced(script, shard, *arguments):
    """Runs a script on a shard; StaleFence when it answers 0."""
    with guard():
        answer = get_redis().eval(script, 1, key(shard, "meta"), *arguments)
    if not answer:
        raise StaleFence(f"shard {shard} was moved on by another collector")


def advance(memories, through):
    """Moves the through marks of idle shards; returns the shards whose fence has moved.

    ``memories``: shard → ShardMemory, ``through``: shard → ms.
    """
    with guard():
        pipe = get_redis().pipeline(transaction=False)
        for shard, memory in memories.items():
            pipe.eval(ADVANCE, 1, key(shard, "meta"), memory.seq, memory.writer, through[shard])
        answers = pipe.execute()
    for shard, memory in memories.items():
        memory.through = max(memory.through, through[shard])
    return [shard for shard, answer in zip(memories, answers, strict=True) if not answer]
