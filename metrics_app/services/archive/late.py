"""Late points become roll-ups of their own: additions, exactly once by their position.

A late point has a number in its shard's late log. The last number that SQL has is moved
in the transaction that adds the points, so that a large entry may take several.
"""

from typing import NamedTuple

import numpy as np
from django.db import transaction

from metrics_app import window
from metrics_app.core import sketch as sketches
from metrics_app.core.buckets import Summary, fold, merge
from metrics_app.core.durations import DAY_MS, HOUR_MS, MINUTE_MS
from metrics_app.models import LATE, DayRollup, Generation, HourRollup, MinuteRollup
from metrics_app.services.archive.names import find_generation, lock_shard, number_topics
from metrics_app.services.archive.rows import read_rollups, write_rollups

CHUNK = 1_000  # points of one transaction: under 100 ms on SQLite


class Late(NamedTuple):
    """Late points numbered ``first``, ``first + 1``, …: ``topic`` counts in ``topics``."""

    first: int
    generation: str
    topics: list
    topic: np.ndarray
    ts: np.ndarray
    values: np.ndarray

    def cut(self, low, high):
        """The points at these places."""
        part = slice(low, high)
        return self._replace(
            first=self.first + low, topic=self.topic[part], ts=self.ts[part], values=self.values[part]
        )


def flatten(position, batch, generation):
    """The Late of an entry of the late log, in the order that numbers its points."""
    lengths = [len(ts) for ts, _ in batch.values()]
    return Late(
        position - sum(lengths) + 1,
        generation,
        list(batch),
        np.repeat(np.arange(len(batch)), lengths),
        np.concatenate([ts for ts, _ in batch.values()]),
        np.concatenate([values for _, values in batch.values()]),
    )


def write_late(shard, late):
    """Adds what SQL lacks of a Late, chunk by chunk; how many points were news."""
    written = 0
    for at in range(0, len(late.ts), CHUNK):
        written += add_chunk(shard, late.cut(at, at + CHUNK))
    return written


def add_chunk(shard, late):
    """One transaction: the points behind the position, and the position."""
    with transaction.atomic():
        history = lock_shard(shard)
        generation = find_generation(shard, late.generation)
        late = late.cut(max(generation.late_position + 1 - late.first, 0), None)
        if not len(late.ts):
            return 0
        add_points(late, history)
        generation.late_position = late.first + len(late.ts) - 1
        generation.archived += len(late.ts)
        generation.save(update_fields=["late_position", "archived"])
    return len(late.ts)


def add_points(late, history):
    """Adds points to the minutes, the hours and the days that are written already."""
    topics = number_topics(late.topics)
    numbers = [topics[name] for name in late.topics]
    order = np.argsort(late.topic, kind="stable")
    owner, ts, values = late.topic[order], late.ts[order], late.values[order]
    for model, step in ((MinuteRollup, MINUTE_MS), (HourRollup, HOUR_MS), (DayRollup, DAY_MS)):
        parts = summarise(numbers, owner, ts, values, step)
        if model is DayRollup:
            parts = {key: part for key, part in parts.items() if key[1] < history.days_target}
        known = read_rollups(model, parts)
        write_rollups(
            model, {key: merge([part, known[key]]) if key in known else part for key, part in parts.items()}
        )


def summarise(numbers, owner, ts, values, step):
    """``{(topic id, start, LATE): Summary with sketch}`` of points in spans of ``step`` ms."""
    folded = fold(owner, ts, values, step)
    lengths = folded.last - folded.first
    group = np.repeat(np.arange(len(lengths)), lengths)
    shapes = sketches.split(group, folded.values, len(lengths))
    rows = zip(folded.owner.tolist(), folded.bucket.tolist(), folded.columns.T.tolist(), shapes, strict=True)
    return {
        (numbers[at], start, LATE): Summary(int(columns[0]), *columns[1:], None, shape)
        for at, start, columns, shape in rows
    }


def read_positions(shard):
    """``{generation name: number of its last late point in SQL}``."""
    return dict(Generation.objects.filter(shard=shard).values_list("name", "late_position"))


def read_entries(shard, generations, positions):
    """The next Lates of a shard that SQL may lack; empty when there are none."""
    if not generations.entries:
        return []
    after = min(positions.get(entry.name, 0) for entry in generations.entries)
    rows = window.read_late(shard, after=after, count=50)
    return [flatten(position, batch, generations.of_late(position)) for position, batch in rows]
