"""Which thresholds have slots to judge: found by an index, loaded in chunks."""

from typing import NamedTuple

from django.db import connection

from metrics_app import queries
from metrics_app.core.slots import list_due, next_slot
from metrics_app.core.watch import Rule, State
from metrics_app.models import Threshold, ThresholdState

CHUNK = 2_000  # thresholds per read and write, so that 10,000 due at once are no peak of memory
WINDOWS = 8_000  # windows per read, when few thresholds have many slots to catch up on
HOT_MS = 3_600_000 + 300_000  # Redis keeps the last hour and ten minutes more; half of those are slack

LOADED = (
    *("pk", "version", "kpi__topic", "state_row__extra_slot"),
    *Rule._fields,
    *(f"state_row__{name}" for name in State._fields),
)
STATE_AT = 4 + len(Rule._fields)  # where the state begins in a loaded row


class Due(NamedTuple):
    """A threshold with slots to judge; ``slots`` in ms, in order."""

    id: int
    version: int
    topic: str
    extra_slot: int | None
    rule: Rule
    state: State
    slots: list
    more: bool  # further slots are due after these

    def find_due_at(self, last_slot):
        """The mark (ms) at which the slot after ``last_slot`` is due."""
        return next_slot(self.rule.interval, last_slot, self.extra_slot) + self.rule.delay * 1000


def read_marks(now=None):
    """``{shard: ms}`` up to which points are collected, and not beyond ``now``. BusUnavailable."""
    marks = queries.collected_through()
    return {shard: mark if now is None else min(mark, now) for shard, mark in marks.items() if mark}


def list_chunks(marks):
    """Due thresholds in the order of their ids, at most ``CHUNK`` at a time."""
    due = ThresholdState.objects.filter(due_at__lt=max(marks.values()))
    ids = sorted(due.values_list("pk", flat=True))
    for at in range(0, len(ids), CHUNK):
        found = load_due(marks, ids[at], ids[min(at + CHUNK, len(ids)) - 1])
        if found:
            yield found


def load_due(marks, first, last):
    """The ``Due``s among the thresholds with ids from ``first`` to ``last``."""
    rows = Threshold.objects.filter(pk__range=(first, last), enabled=True).order_by("pk")
    rows = rows.filter(state_row__due_at__lt=max(marks.values())).values_list(*LOADED)
    # Without the ORM's conversions, which these columns do not need: a third of the time.
    with connection.cursor() as cursor:
        cursor.execute(*rows.query.sql_with_params())
        loaded = cursor.fetchall()
    most = max(1, WINDOWS // max(1, len(loaded)))
    return [due for due in (make_due(row, marks, most) for row in loaded) if due]


def make_due(row, marks, most):
    """The ``Due`` of a loaded row, or None while its shard's mark has not passed a hot slot."""
    pk, version, topic, extra = row[:4]
    rule, state = Rule._make(row[4:STATE_AT]), State._make(row[STATE_AT:])
    mark = marks.get(queries.shard_for(topic), 0)
    until = mark - rule.delay * 1000 - 1
    hot_from = mark - HOT_MS + min(rule.window, 3600) * 1000
    slots = list_due(rule.interval, state.last_slot, extra, until=until, hot_from=hot_from, most=most)
    if not slots:
        return None
    more = next_slot(rule.interval, slots[-1], extra) <= until
    return Due(pk, version, topic, extra, rule, state, slots, more)
