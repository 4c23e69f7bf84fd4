"""The thresholds to which nothing happens: nearly all of them, nearly always.

One that is ok on good data, and clear again at its one due slot, changes its slot, its
value and its n and nothing else. Those are read, judged and written as columns; only the
others are stepped, one by one. A test holds that both ways end alike.
"""

from itertools import compress
from typing import NamedTuple

import numpy as np
from django.db.models import F, Q

from metrics_app import queries
from metrics_app.core.classes import CLEAR, classify_many
from metrics_app.core.slots import find_spans
from metrics_app.core.watch import OK, Rule
from metrics_app.models import ThresholdState
from metrics_app.services.watch.rows import update_columns

# What ``core.watch.step_quietly`` leaves behind; whoever has it already is left as it is.
QUIET = {
    "state": OK,
    "timer_ms": 0,
    "slot_class": CLEAR,
    "data": "fresh",
    "absent_ms": None,
    "empty_ms": None,
    "data_breach": False,
    "peak": None,
    "changes": 0,
    "flapping": False,
}
# With no extra slot before it, the next slot is a regular one.
REGULAR = Q(extra_slot=None) | Q(extra_slot__lte=F("last_slot"))
AT_REST = Q(**QUIET) & Q(data_since__isnull=False) & REGULAR
ROW = ("pk", "rule_version", "last_slot")  # all that has to be read of those
NO_RULES = Rule._make([()] * len(Rule._fields))
WRITTEN = ("due_at", "last_slot", "value", "n")


class Moves(NamedTuple):
    """What becomes of thresholds that stay as they are: arrays of one length, times in ms."""

    ids: np.ndarray
    rule_versions: np.ndarray
    last_slots: np.ndarray
    slots: np.ndarray
    due_at: np.ndarray  # the mark after which the following slot can be judged
    intervals: np.ndarray  # s
    versions: np.ndarray

    def take(self, chosen):
        """Those at some indices, or where a mask is true."""
        return Moves(*(column[chosen] for column in self))


class Resting(NamedTuple):
    """Thresholds at rest: what is known of each, the same as columns, and what becomes of them."""

    known: list
    topics: tuple
    shards: np.ndarray
    rules: Rule  # of columns
    moves: Moves


def gather_resting(rows, known, marks):
    """``(Calm, ids of the others)`` of the rows (``ROW``) of thresholds at rest, and what is known of each.

    The others have no slot due, or several, or missed some.
    """
    resting = stack_resting(rows, known)
    marks = np.array([marks.get(shard, 0) for shard in resting.shards.tolist()], "int64")
    window, delay = (
        np.array(column, "int64") * 1000 for column in (resting.rules.window, resting.rules.delay)
    )
    hot_from, until = find_spans(window, delay, marks)
    slots = resting.moves.slots
    due = (hot_from <= slots) & (slots <= until) & (until < slots + resting.moves.intervals * 1000)
    if due.all():
        return resting, []
    others = resting.moves.ids[~due].tolist()
    due = due.tolist()
    return stack_resting(list(compress(rows, due)), list(compress(known, due))), others


def stack_resting(rows, known):
    """The ``Calm`` of rows and of what is known of each."""
    ids, _, last_slots = np.array(rows, "int64").reshape(-1, len(ROW)).T
    # The version is that of the rule which is judged by, not of the row: they are read one after the other.
    rule_versions, versions, topics, shards, rules = zip(*known, strict=True) if known else [()] * 5
    rules = Rule._make(zip(*rules, strict=True)) if rules else NO_RULES
    interval, delay = np.array(rules.interval, "int64"), np.array(rules.delay, "int64")
    slots = (last_slots // (interval * 1000) + 1) * interval * 1000
    due_at = slots + (interval + delay) * 1000
    rule_versions, versions, shards = (np.array(c, "int64") for c in (rule_versions, versions, shards))
    moves = Moves(ids, rule_versions, last_slots, slots, due_at, interval, versions)
    return Resting(known, topics, shards, rules, moves)


def ask_resting(resting):
    """What the rules see at their slots, as ``queries.Asked``."""
    slots, rules = resting.moves.slots, resting.rules
    starts = slots - np.array(rules.window, "int64") * 1000
    asked = resting.topics, resting.shards, starts, slots
    return queries.Asked(*asked, rules.aggregate, rules.aggregate_value, rules.zone)


def find_clear(rules, values, n, partial=None):
    """Whether each is clear by its rule (of columns), having seen these values (NaN: none) and n.

    ``partial``: whether the window of each is not known whole; None: all are.
    """
    limits, recovery = np.array(rules.limit, float), np.array(rules.recovery_limit, float)
    recovery = np.where(np.isnan(recovery), limits, recovery)  # NaN where there is none
    partial = np.zeros(len(n), bool) if partial is None else partial
    min_count, judges = np.array(rules.min_count), np.array(rules.judge_partial, bool)
    alike = {}
    for at, kind in enumerate(zip(rules.aggregate, rules.operator, strict=True)):
        alike.setdefault(kind, []).append(at)
    clear = np.empty(len(n), bool)
    for (aggregate, operator), at in alike.items():
        rule = Rule(aggregate, 0, operator, limits[at], recovery[at], min_count=min_count[at])
        rule = rule._replace(judge_partial=judges[at])
        clear[at] = classify_many(rule, values[at], n[at], partial[at]) == CLEAR
    return clear


def write_clear(moves, values, n):
    """Moves clear thresholds on to their slot; the ids nobody else had written. Inside a transaction."""
    columns = [column.tolist() for column in (moves.ids, moves.due_at, moves.slots, values, n)]
    guard = {"last_slot": moves.last_slots.tolist(), "rule_version": moves.rule_versions.tolist()}
    return update_columns(ThresholdState, WRITTEN, columns, guard=guard)
