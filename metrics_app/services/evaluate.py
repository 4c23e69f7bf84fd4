"""The evaluator: every due slot of every threshold, judged once, in order.

Any number of evaluators may run at once: a state is only written over the slot
it was read at, so each transition happens once.
"""

import logging
from typing import NamedTuple

from django.db import transaction

from metrics_app import live, queries
from metrics_app.core.records import Record, pack_records
from metrics_app.core.slots import list_due, next_slot
from metrics_app.core.watch import FAILED, Rule, State, Transition, step
from metrics_app.exceptions import BusUnavailable
from metrics_app.models import EvaluationRecord, Threshold, ThresholdState
from metrics_app.services.incidents import release_caught_up, write_incidents
from metrics_app.services.rows import update_rows

log = logging.getLogger(__name__)

CHUNK = 2_000  # thresholds per read and write, so that 10,000 due at once are no peak of memory
WINDOWS = 8_000  # windows per read, when few thresholds have many slots to catch up on
HOT_MS = 3_600_000 + 300_000  # Redis keeps the last hour and ten minutes more; half of those are slack

STATE_COLUMNS = ("due_at", *State._fields)
LOADED = (
    *("pk", "version", "kpi__topic", "state_row__extra_slot"),
    *Rule._fields,
    *(f"state_row__{name}" for name in State._fields),
)


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


class Outcome(NamedTuple):
    """What judging brought: a state and a transition for each slot of ``due``."""

    due: Due
    states: list[State]
    transitions: list[Transition]

    @property
    def state(self):
        """The state after the last slot."""
        return self.states[-1]


def evaluate(*, now=None):
    """Judges all due slots up to ``now`` (ms; default: as far as is collected); thresholds advanced.

    BusUnavailable when Redis is away: nothing is judged then, and nothing is lost.
    """
    marks = read_marks(now)
    if not marks:
        return 0
    advanced, behind = 0, True
    while behind:
        behind = False
        for chunk in list_chunks(marks):
            outcomes = judge_chunk(chunk)
            advanced += len(outcomes)
            behind = behind or any(outcome.due.more for outcome in outcomes)
    release_caught_up(marks)
    return advanced


def evaluate_now(threshold_id, *, now=None):
    """Judges what is due of one threshold, such as the extra slot of a save; whether it advanced."""
    marks = read_marks(now)
    chunk = list_due_thresholds(marks, Threshold.objects.filter(pk=threshold_id)) if marks else []
    return bool(chunk and judge_chunk(chunk))


def read_marks(now):
    """``{shard: ms}`` up to which points are collected, and not beyond ``now``."""
    marks = queries.collected_through()
    return {shard: mark if now is None else min(mark, now) for shard, mark in marks.items() if mark}


def list_chunks(marks):
    """Due thresholds in the order of their ids, at most ``CHUNK`` at a time."""
    last = 0
    while True:
        rows = Threshold.objects.filter(pk__gt=last).order_by("pk")
        found, last = load_due(marks, rows)
        if found:
            yield found
        if last is None:
            return


def list_due_thresholds(marks, rows):
    """The ``Due``s among some thresholds."""
    return load_due(marks, rows)[0]


def load_due(marks, rows):
    """``(Dues, last id)`` of the first ``CHUNK`` rows that are due; last id None: there are no more."""
    rows = rows.filter(enabled=True, state_row__due_at__lt=max(marks.values()))
    loaded = list(rows.values_list(*LOADED)[:CHUNK])
    most = max(1, WINDOWS // max(1, len(loaded)))
    dues = [due for due in (make_due(row, marks, most) for row in loaded) if due]
    return dues, loaded[-1][0] if len(loaded) == CHUNK else None


def make_due(row, marks, most):
    """The ``Due`` of a loaded row, or None while its shard's mark has not passed a hot slot."""
    (pk, version, topic, extra), rest = row[:4], row[4:]
    rule, state = Rule._make(rest[: len(Rule._fields)]), State._make(rest[len(Rule._fields) :])
    mark = marks.get(queries.shard_for(topic), 0)
    until = mark - rule.delay * 1000 - 1
    hot_from = mark - HOT_MS + min(rule.window, 3600) * 1000
    slots = list_due(rule.interval, state.last_slot, extra, until=until, hot_from=hot_from, most=most)
    if not slots:
        return None
    more = next_slot(rule.interval, slots[-1], extra) <= until
    return Due(pk, version, topic, extra, rule, state, slots, more)


def judge_chunk(chunk):
    """Reads all windows at once, walks every slot, writes; the outcomes that were written."""
    requests = [
        (due.topic, slot - due.rule.window * 1000, slot, due.rule.aggregate)
        for due in chunk
        for slot in due.slots
    ]
    observations = iter(observe_all(requests))
    outcomes = [walk_slots(due, observations) for due in chunk]
    written = write_outcomes(outcomes)
    announce_changes(written)
    return written


def observe_all(requests):
    """An observation for each request. One that fails alone is an error of its own, not of all."""
    try:
        return queries.observe(requests)
    except BusUnavailable:
        raise
    except Exception:
        log.exception("Reading %d windows at once failed; reading them one by one", len(requests))
        return [observe_one(request) for request in requests]


def observe_one(request):
    """One observation; ``FAILED`` when its query fails."""
    try:
        return queries.observe([request])[0]
    except BusUnavailable:
        raise
    except Exception:
        log.exception("Reading the window %r failed", request)
        return FAILED


def walk_slots(due, observations):
    """The outcome of a threshold's due slots; takes one observation for each."""
    state, states, transitions = due.state, [], []
    for slot in due.slots:
        state, transition = step(state, due.rule, next(observations), slot)
        states.append(state)
        transitions.append(transition)
    return Outcome(due, states, transitions)


def write_outcomes(outcomes):
    """States, breaches and records in one transaction; the outcomes nobody else had written."""
    rows = [(o.due.id, find_due_at(o), *o.state) for o in outcomes]
    # Another evaluator would have moved last_slot on, a save the version.
    guard = {
        "last_slot": [o.due.state.last_slot for o in outcomes],
        "rule_version": [o.due.version for o in outcomes],
    }
    with transaction.atomic():
        written = update_rows(ThresholdState, STATE_COLUMNS, rows, guard=guard)
        outcomes = [o for o in outcomes if o.due.id in written]
        write_incidents(outcomes)
        EvaluationRecord.objects.bulk_create(make_records(outcomes))
    return outcomes


def find_due_at(outcome):
    """The mark (ms) that makes the next slot due."""
    rule = outcome.due.rule
    return next_slot(rule.interval, outcome.state.last_slot, outcome.due.extra_slot) + rule.delay * 1000


def make_records(outcomes):
    """One packed row for each interval and slot; extra slots under interval 0."""
    groups = {}
    for outcome in outcomes:
        due = outcome.due
        for state in outcome.states:
            regular = state.last_slot % (due.rule.interval * 1000) == 0
            record = Record(due.id, due.version, state.slot_class, state.value, state.n, state.state)
            key = (due.rule.interval if regular else 0, state.last_slot)
            groups.setdefault(key, []).append(record)
    return [
        EvaluationRecord(interval=interval, slot=slot, packed=pack_records(records))
        for (interval, slot), records in groups.items()
    ]


def announce_changes(outcomes):
    """Tells the streams which lights have changed. After the commit: before, it may not be true."""
    changed = [o for o in outcomes if is_changed(o.due.state, o.state)]
    live.announce_states([(describe_state(o), o.due.topic) for o in changed])


def is_changed(before, after):
    """Whether people see a difference: in the state or in the health of the data."""
    return (before.state, before.data, before.data_breach) != (after.state, after.data, after.data_breach)


def describe_state(outcome):
    """The ``state`` message of the streams."""
    state = outcome.state
    return {
        "type": "state",
        "topic": outcome.due.topic,
        "threshold": outcome.due.id,
        "state": state.state,
        "value": state.value,
        "since": state.since,
    }
