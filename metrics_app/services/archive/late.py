"""Late points become roll-ups of their own: additions, exactly once by their position.

A late point has a number in its shard's late log. The last number that SQL has is moved
in the transaction that adds the points, so that a large entry may take several.
"""

from itertools import repeat
from typing import NamedTuple

import numpy as np
from django.db import transaction

from metrics_app import window
from metrics_app.core import sketch as sketches
from metrics_app.core.buckets import fold, merge
from metrics_app.core.durations import DAY_MS, HOUR_MS, MINUTE_MS
from metrics_app.models import LATE, DayRollup, Generation, HourRollup, MinuteRollup
from metrics_app.queries.corrections import list_kept_days
from metrics_app.services.archive.names import find_generation, lock_shard, number_topics
from metrics_app.services.archive.rows import pack_summary, read_rollups, unpack_row, write_rows

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
    """Adds points to the minutes and hours that are kept, and to the days that are written already."""
    topics = number_topics(late.topics)
    numbers = np.array([topics[name] for name in late.topics])
    order = np.argsort(late.topic, kind="stable")
    owner, ts, values = late.topic[order], late.ts[order], late.values[order]
    kept = {name: list_kept_days(name) for name in late.topics}
    masks = (
        (MinuteRollup, MINUTE_MS, find_kept(history.pruned_minutes, late.topics, owner, ts, kept)),
        (HourRollup, HOUR_MS, find_kept(history.pruned_hours, late.topics, owner, ts, kept)),
        (DayRollup, DAY_MS, ts < history.days_target),
    )
    for model, step, mine in masks:
        if mine.any():
            add_rows(model, summarise(numbers, owner[mine], ts[mine], values[mine], step))


def find_kept(pruned, topics, owner, ts, kept):
    """Which points lie where a resolution is kept: behind its mark (ms), or on a day that is kept whole."""
    mine = ts >= pruned
    if not mine.all():
        for at, name in enumerate(topics):
            for day in kept[name]:
                mine |= (owner == at) & (ts >= day) & (ts < day + DAY_MS)
    return mine


def summarise(numbers, owner, ts, values, step):
    """Rows of ``COLUMNS`` of the points of topics ``numbers[owner]`` in spans of ``step`` ms."""
    folded = fold(owner, ts, values, step)
    lengths = folded.last - folded.first
    group = np.repeat(np.arange(len(lengths)), lengths)
    count, *floats = folded.columns
    total, m2, low, high = (column.tolist() for column in floats)
    # What left the floats for NaN is null, as in ``pack_summary``.
    total, m2 = ([None if x != x else x for x in column] for column in (total, m2))
    shapes = sketches.pack_split(group, folded.values, len(lengths))
    keys = numbers[folded.owner].tolist(), folded.bucket.tolist(), repeat(LATE)
    return list(zip(*keys, count.astype(np.int64).tolist(), total, m2, low, high, shapes, strict=False))


def add_rows(model, rows):
    """Writes rows, added to those of their keys that are there."""
    known = read_rollups(model, [row[:3] for row in rows]) if has_any(model, rows) else {}
    write_rows(model, [add_row(row, known[row[:3]]) if row[:3] in known else row for row in rows])


def has_any(model, rows):
    """Whether a topic has any roll-up where the rows lie: one look, where old points come in thousands."""
    topics, starts = {row[0] for row in rows}, [row[1] for row in rows]
    found = model.objects.filter(topic__in=topics, start__gte=min(starts), start__lte=max(starts))
    return found.exists()


def add_row(row, known):
    """A row with a Summary added to it."""
    return (*row[:3], *pack_summary(merge([unpack_row(row), known])))


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
