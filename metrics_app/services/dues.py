"""Which thresholds have slots to judge: found by an index, loaded in chunks."""

from typing import NamedTuple

from django.core.signals import setting_changed
from django.db import connection

from metrics_app import queries
from metrics_app.core.slots import list_due
from metrics_app.core.watch import Rule, State
from metrics_app.models import Threshold, ThresholdState

CHUNK = 2_000  # thresholds per read and write, so that 10,000 due at once are no peak of memory
WINDOWS = 8_000  # windows per read, when few thresholds have many slots to catch up on
HOT_MS = 3_600_000 + 300_000  # Redis keeps the last hour and ten minutes more; half of those are slack

COLUMNS = ("pk", "rule_version", "extra_slot", *State._fields)


class Known(NamedTuple):
    """A rule as it was read: a version never changes, so it is read once per process."""

    rule_version: int
    version: int
    topic: str
    shard: int
    rule: Rule


known_rules = {}  # threshold id -> Known
MOST_KNOWN = 200_000


class Due(NamedTuple):
    """A threshold with slots to judge; ``slots`` in ms, in order, ``following`` the one after them."""

    id: int
    known: Known
    state: State
    slots: list
    following: int
    more: bool  # the following slot is due as well

    @property
    def due_at(self):
        """The mark (ms) at which the following slot can be judged."""
        return self.following + self.known.rule.delay * 1000


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
    due = ThresholdState.objects.filter(pk__gte=first, pk__lte=last, due_at__lt=max(marks.values()))
    # Without the ORM's conversions, which these columns do not need: a third of the time.
    with connection.cursor() as cursor:
        cursor.execute(*due.order_by("pk").values_list(*COLUMNS).query.sql_with_params())
        rows = cursor.fetchall()
    load_rules([row for row in rows if row[0] not in known_rules or known_rules[row[0]][0] != row[1]])
    most = max(1, WINDOWS // max(1, len(rows)))
    dues = (make_due(row, known_rules[row[0]], marks, most) for row in rows if row[0] in known_rules)
    return [due for due in dues if due]


def load_rules(rows):
    """Reads the rules of rows whose version is not the one that is known."""
    if len(known_rules) > MOST_KNOWN:
        known_rules.clear()
    versions = {pk: rule_version for pk, rule_version, *_ in rows}
    wanted = Threshold.objects.filter(pk__in=versions, enabled=True)
    found = {
        pk: Known(versions[pk], version, topic, queries.shard_for(topic), Rule._make(rule))
        for pk, version, topic, *rule in wanted.values_list("pk", "version", "kpi__topic", *Rule._fields)
    }
    for pk in versions:
        known_rules.pop(pk, None)
    known_rules.update(found)


def make_due(row, known, marks, most):
    """The ``Due`` of a row, or None while its shard's mark has not passed a hot slot."""
    pk, _, extra, *state = row
    state, rule = State._make(state), known.rule
    mark = marks.get(known.shard, 0)
    until = mark - rule.delay * 1000 - 1
    hot_from = mark - HOT_MS + min(rule.window, 3600) * 1000
    slots, following = list_due(
        rule.interval, state.last_slot, extra, until=until, hot_from=hot_from, most=most
    )
    return Due(pk, known, state, slots, following, following <= until) if slots else None


def forget_rules(*, setting, **kwargs):
    """Forgets when a test overrides the settings: it also has a database of its own."""
    if setting == "METRICS_APP":
        known_rules.clear()


setting_changed.connect(forget_rules)
