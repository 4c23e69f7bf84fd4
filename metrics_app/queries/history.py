"""The past: roll-ups in SQL and what is held for them, read after the hot part and before its mark."""

import math
from bisect import bisect_right
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from django.db import connection

from metrics_app.core import sketch as sketches
from metrics_app.core.buckets import Summary, floor
from metrics_app.core.durations import DAY_MS, HOUR_MS, MINUTE_MS
from metrics_app.core.spans import ceil, cut, intersect, plan, subtract
from metrics_app.models import (
    LATE,
    DayRollup,
    Generation,
    HourRollup,
    MinuteRollup,
    ShardHistory,
    Topic,
)
from metrics_app.queries.corrections import list_voids
from metrics_app.queries.logs import shard_for

PUBLISHED, CORRECTED = "published", "corrected"
MODELS = {MINUTE_MS: MinuteRollup, HOUR_MS: HourRollup, DAY_MS: DayRollup}
COLUMNS = "start, generation, count, sum, m2, min, max"
SPANS = 100  # spans of one statement


class Row(NamedTuple):
    """A roll-up: where it starts (ms), the id of its generation, its columns (count, sum, …).

    Those of SQL as they were read, or a Summary: most of a year's hours are only added up.
    """

    start: int
    generation: int
    columns: tuple

    @property
    def summary(self):
        """What its columns say, as a Summary."""
        return self.columns if isinstance(self.columns, Summary) else make_summary(self.columns)


class Past:
    """What is common to the history of a shard, read once for any number of its topics."""

    def __init__(self, shard, topics):
        self.generations = dict(Generation.objects.filter(shard=shard).values_list("id", "name"))
        self.state = ShardHistory.objects.filter(shard=shard).first() or ShardHistory(shard=shard)
        self.topics = dict(Topic.objects.filter(name__in=topics).values_list("name", "id"))

    def whole_start(self, want):
        """Where the answer begins: on a whole minute, or on what pruning has left."""
        start = want.whole_start()
        if start < self.state.pruned_hours:
            return floor(start, DAY_MS)
        return floor(start, HOUR_MS) if start < self.state.pruned_minutes else start

    def whole_edge(self, edge):
        """An edge where roll-ups can be cut: on the next minute, or on what pruning has left."""
        size = (
            DAY_MS
            if edge < self.state.pruned_hours
            else HOUR_MS
            if edge < self.state.pruned_minutes
            else MINUTE_MS
        )
        return ceil(edge, size)

    def read(self, reading, *, step=None, edges=(), view=CORRECTED):
        """The Rows of a Reading before its sealed mark, and those of other generations behind it.

        Rows never cross an edge (ms, ascending), where the past is still that fine; with ``step``
        (ms) the edges are its multiples.
        """
        settled, minutes, held = self.plan_rows(reading, step, edges, view)
        return self.read_rows([*settled, (MINUTE_MS, minutes)], held, reading, view)

    def read_sums(self, reading, *, step):
        """What ``read`` answers with that step, as an array of (start in ms, count, sum), in no order.

        Without an object for each row: a year of hours has nine thousand.
        """
        settled, minutes, held = self.plan_rows(reading, step, (), CORRECTED)
        topic = self.topics.get(reading.want.topic)
        sums = [fetch_sums(size, topic, spans) for size, spans in settled]
        rows = self.read_rows([(MINUTE_MS, minutes)], held, reading, CORRECTED)
        rest = [(row.start, *row.columns[:2]) for row in rows]
        return np.concatenate([*sums, np.array(rest, float).reshape(-1, 3)])

    def read_rows(self, plans, held, reading, view):
        """The Rows of ``[(size, spans), …]`` that count, and the held minutes."""
        topic, shape = self.topics.get(reading.want.topic), reading.want.shape
        rows = [row for size, spans in plans for row in fetch_rows(size, topic, spans, shape)]
        return self.join_held([row for row in rows if self.counts(row, reading, view)], held, reading)

    def plan_rows(self, reading, step, edges, view):
        """``(settled, minutes, held)``: where what fills the span lies, whoever wrote it.

        ``settled``: ``[(size, spans), …]`` of roll-ups that nothing else can know better; ``minutes``:
        spans of those that the held ones or the ring may; ``held``: ``{minute: bytes}`` of the span.
        """
        want = reading.want
        voids = [] if view == PUBLISHED else list_voids(want.topic)
        spans = subtract([(self.whole_start(want), want.end)], voids)
        if edges and step is None:
            spans = cut(spans, [self.whole_edge(edge) for edge in edges])
        held = {minute: data for minute, data in reading.held.items() if intersect(spans, minute, minute + 1)}
        if want.topic not in self.topics:
            return [], [], held
        old = intersect(spans, 0, reading.sealed)
        # An hour that lacks a held minute is read minute by minute.
        fine = [(hour, hour + HOUR_MS) for hour in sorted({floor(minute, HOUR_MS) for minute in held})]
        minutes = [part for span in fine for part in intersect(old, *span)]
        if self.has_others(reading):
            new = intersect(spans, reading.sealed, 2**62)
            minutes += [(floor(low, MINUTE_MS), ceil(high, MINUTE_MS)) for low, high in new]
        steps = {size for size in MODELS if step is None or step % size == 0}
        return self.plan(subtract(old, fine), voids, steps), minutes, held

    def plan(self, spans, voids, steps):
        """``[(step, spans), …]``: which roll-ups answer."""
        marks = self.state
        # A day that a void cuts keeps its minutes: nothing of it is pruned.
        edges = {floor(edge, DAY_MS) for void in voids for edge in void if edge % DAY_MS}
        cut = [(day, day + DAY_MS) for day in sorted(edges)]
        kept = [part for span in cut for part in intersect(spans, *span)]
        pruned = {"pruned_minutes": marks.pruned_minutes, "pruned_hours": marks.pruned_hours}
        options = {"steps": steps, "days_through": marks.days_through}
        return [*plan(kept, **options).items(), *plan(subtract(spans, cut), **options, **pruned).items()]

    def has_others(self, reading):
        """Whether anything but the ring may know of minutes that are hot."""
        return not set(self.generations.values()) <= {reading.generations.current}

    def counts(self, row, reading, view):
        """Whether a row adds to what the hot part has, in this view."""
        if row.generation == LATE:
            return view == CORRECTED
        if row.start < reading.sealed:
            return True
        return self.generations.get(row.generation) != reading.generations.of_minute(row.start)

    def join_held(self, rows, held, reading):
        """Rows with the held minutes in place of what SQL had of them before."""
        for minute, data in held.items():
            if minute >= reading.sealed:
                continue
            name, part = reading.generations.of_minute(minute), reading.unpack(data)
            same = [r for r in rows if r.start == minute and self.generations.get(r.generation) == name]
            # Archived between the two reads: SQL may know more by now, never less.
            if not same or same[0].columns[0] < part.count:
                rows = [row for row in rows if row not in same] if same else rows
                rows.append(Row(minute, -1, part))
        return rows


def fetch_rows(size, topic, spans, shape):
    """The Rows of one resolution in the spans."""
    columns = f"{COLUMNS}, sketch" if shape else COLUMNS
    return [Row(row[0], row[1], row[2:]) for row in fetch(columns, size, topic, spans)]


def fetch_sums(size, topic, spans):
    """The rows of one resolution in the spans as an array of (start in ms, count, sum).

    As floats, which hold a time in ms exactly; a sum that has left them is null in SQL and NaN here.
    """
    return np.array(list(fetch("start, count, sum", size, topic, spans)), float).reshape(-1, 3)


def fetch(columns, size, topic, spans):
    """Yields the columns of the roll-ups of one resolution that start in the spans."""
    table = connection.ops.quote_name(MODELS[size]._meta.db_table)
    for at in range(0, len(spans), SPANS):
        part = spans[at : at + SPANS]
        where = " OR ".join(["(start >= %s AND start < %s)"] * len(part))
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {columns} FROM {table} WHERE topic = %s AND ({where})",
                # Plain numbers: SQLite would take NumPy's for blobs, and find nothing.
                [topic, *(int(edge) for span in part for edge in span)],
            )
            yield from cursor.fetchall()


def make_summary(columns):
    """The Summary of count, sum, m2, min, max and, where it was asked for, the packed sketch."""
    count, total, m2, low, high, *packed = columns
    total, m2 = (math.nan if number is None else number for number in (total, m2))
    return Summary(count, total, m2, low, high, None, sketches.unpack(bytes(packed[0])) if packed else None)


def is_revised(past, reading, edges):
    """For each bucket between the edges (ms) whether it has late points, or lies in a void."""
    topic, want = past.topics.get(reading.want.topic), reading.want
    model = MinuteRollup if any(edge % HOUR_MS for edge in edges) else HourRollup
    rows = model.objects.filter(topic=topic, generation=LATE, start__gte=want.start, start__lt=want.end)
    late = {bisect_right(edges, start) - 1 for start in rows.values_list("start", flat=True)}
    voids = list_voids(want.topic)
    return [at in late or bool(intersect(voids, *span)) for at, span in enumerate(pairwise(edges))]


def has_others(shard, generations):
    """Whether SQL knows a generation of the shard besides the newest one in Redis."""
    return Generation.objects.filter(shard=shard).exclude(name=generations.current).exists()


def needs_past(reading):
    """Whether a Reading is not all there is: it reaches behind the mark, or a generation began lately."""
    return reading.want.is_old() or reading.generations.is_young(reading.want.start)


def read_past(readings):
    """The Past of each Reading, None where the hot part is all; call it after Redis was read."""
    by_shard = {}
    for reading in readings:
        if needs_past(reading):
            by_shard.setdefault(shard_for(reading.want.topic), []).append(reading.want.topic)
    pasts = {shard: Past(shard, topics) for shard, topics in by_shard.items()}
    return [pasts[shard_for(r.want.topic)] if needs_past(r) else None for r in readings]


def list_parts(reading, past, view=CORRECTED):
    """Summaries that make up a span: the hot part, then the past."""
    voids = [] if view == PUBLISHED else list_voids(reading.want.topic)
    parts = list(reading.parts(voids))
    if past is not None:
        parts += [row.summary for row in past.read(reading, view=view)]
    return parts
