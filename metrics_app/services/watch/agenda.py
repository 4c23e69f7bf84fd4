"""Which thresholds have slots to judge: found by an index, loaded in chunks."""

from typing import NamedTuple

from django.core.signals import setting_changed
from django.db import connection
from django.db.models import Q

from metrics_app import queries
from metrics_app.core.slots import find_span, list_due
from metrics_app.core.watch import Rule, State
from metrics_app.models import Threshold, ThresholdState
from metrics_app.services.watch import at_rest
from metrics_app.services.watch.at_rest import Resting

CHUNK = 2_000  # thresholds per read and write, so that 10,000 due at once are no peak of memory
ROW = ("pk", "rule_version", "extra_slot", *State._fields)
WINDOWS = 8_000  # windows per read, when few thresholds have many slots to catch up on


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


class Chunk(NamedTuple):
    """What is due among some thresholds: those at rest as columns, a ``Due`` for each of the others."""

    resting: Resting
    dues: list
    marks: dict


def read_marks(now=None):
    """``{shard: ms}`` up to which points are collected, and not beyond ``now``. BusUnavailable."""
    marks = queries.collected_through()
    return {shard: mark if now is None else min(mark, now) for shard, mark in marks.items() if mark}


def list_chunks(marks):
    """Ids of due thresholds in their order, at most ``CHUNK`` at a time."""
    due = ThresholdState.objects.filter(due_at__lt=max(marks.values()))
    ids = sorted(pk for (pk,) in fetch_rows(due.values_list("pk")))
    for at in range(0, len(ids), CHUNK):
        yield ids[at : at + CHUNK]


def load_due(marks, first, last):
    """The ``Chunk`` of the thresholds with ids from ``first`` to ``last``."""
    due = ThresholdState.objects.filter(pk__gte=first, pk__lte=last, due_at__lt=max(marks.values()))
    resting = fetch_rows(due.filter(at_rest.AT_REST).order_by("pk").values_list(*at_rest.ROW))
    one_slot, others = at_rest.gather_resting(*find_known(resting), marks)
    rest = due.filter(~at_rest.AT_REST | Q(pk__in=others)) if others else due.exclude(at_rest.AT_REST)
    rows, known = find_known(fetch_rows(rest.order_by("pk").values_list(*ROW)))
    most = max(1, WINDOWS // max(1, len(rows)))
    dues = (make_due(*pair, marks, most) for pair in zip(rows, known, strict=True))
    return Chunk(one_slot, [due for due in dues if due], marks)


def wake(chunk, chosen):
    """``(due, index)`` of those at rest to which something happens; ``chosen`` are indices.

    They are read as a whole now. Whoever has moved on since is somebody else's.
    """
    at = dict(zip(chunk.resting.moves.ids[chosen].tolist(), chosen.tolist(), strict=True))
    if not at:
        return []
    found = []
    for row in fetch_rows(ThresholdState.objects.filter(pk__in=list(at)).order_by("pk").values_list(*ROW)):
        index = at[row[0]]
        known, slot = chunk.resting.known[index], chunk.resting.moves.slots[index].item()
        due = make_due(row, known, chunk.marks, 1) if row[1] == known.rule_version else None
        if due and due.slots == [slot]:
            found.append((due, index))
    return found


def find_known(rows):
    """``(rows, Knowns)`` of those rows, beginning with id and rule version, whose thresholds are enabled."""
    load_rules([row for row in rows if row[0] not in known_rules or known_rules[row[0]][0] != row[1]])
    known = [known_rules.get(row[0]) for row in rows]
    if None in known:
        rows = [row for row, one in zip(rows, known, strict=True) if one]
        known = [one for one in known if one]
    return rows, known


def fetch_rows(query):
    """The rows of a query without the ORM's conversions, which these columns do not need: faster by far."""
    with connection.cursor() as cursor:
        cursor.execute(*query.query.sql_with_params())
        return cursor.fetchall()


def load_rules(rows):
    """Reads the rules of rows whose version is not the one that is known."""
    if len(known_rules) > MOST_KNOWN:
        known_rules.clear()
    if not rows:
        return
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
    hot_from, until = find_span(rule, marks.get(known.shard, 0))
    slots, following = list_due(
        rule.interval, state.last_slot, extra, until=until, hot_from=hot_from, most=most
    )
    return Due(pk, known, state, slots, following, following <= until) if slots else None


def forget_rules(*, setting, **kwargs):
    """Forgets when a test overrides the settings: it also has a database of its own."""
    if setting == "METRICS_APP":
        known_rules.clear()


setting_changed.connect(forget_rules)
