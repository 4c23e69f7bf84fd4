"""Spans in which points of a topic were lost with the memory of Redis, as far as anybody knows."""

from typing import NamedTuple

from metrics_app.models import Loss
from metrics_app.queries.logs import shard_for


class Lost(NamedTuple):
    """A span [start, end) of ms and the points of one topic that are known to be lost of it.

    0: none is known, and what came in its last seconds may not have been counted. None: they were not
    counted by topic.
    """

    start: int
    end: int
    points: int | None


def list_losses(topic, start, end):
    """The Losts of a topic that touch [start, end] ms, in order of time."""
    return list_losses_of([topic], start, end)[topic]


def list_losses_of(topics, start, end):
    """``{topic: [Lost, …]}`` of what touches [start, end] ms, in one query."""
    shards = {topic: shard_for(topic) for topic in topics}
    rows = list(Loss.objects.filter(end__gte=start, start__lte=end).order_by("end", "id"))
    by_shard = {shard: [row for row in rows if row.shard == shard] for shard in {row.shard for row in rows}}
    found = {topic: [take(row, topic) for row in by_shard.get(shards[topic], ())] for topic in shards}
    return {topic: [one for one in lost if one.start <= end] for topic, lost in found.items()}


def take(row, topic):
    """What a Loss means to one topic of its shard."""
    if row.topics is None:
        return Lost(row.start, row.end, None)
    since, points = row.topics.get(topic, (row.looked_at, 0))
    return Lost(min(since, row.looked_at), row.end, points)
