"""Evaluation records: what was seen at each slot, and how long that is kept."""

import time

from metrics_app.core.classes import CLEAR
from metrics_app.core.records import Record, pack_records
from metrics_app.core.watch import OK
from metrics_app.models import EvaluationRecord
from metrics_app.services.calm import find_slot

KEPT_MS = 35 * 86_400_000
BATCH = 5_000  # rows per statement: a long delete would hold SQLite's only writer


def make_records(outcomes):
    """Unsaved rows, one for each interval and slot; extra slots under interval 0."""
    groups = {}
    for due, states, _ in outcomes:
        interval, version = due.known.rule.interval, due.known.version
        for state in states:
            slot = state.last_slot
            record = Record(due.id, version, state.slot_class, state.value, state.n, state.state)
            groups.setdefault((0 if slot % (interval * 1000) else interval, slot), []).append(record)
    return [
        EvaluationRecord(interval=interval, slot=slot, packed=pack_records(records))
        for (interval, slot), records in groups.items()
    ]


def make_clear_records(clear):
    """Unsaved rows of thresholds that stay ok and clear: ``((row, Known), Observation)`` each."""
    groups = {}
    for (row, known), (value, n) in clear:
        record = (row[0], known.version, CLEAR, value, n, OK)
        groups.setdefault((known.rule.interval, find_slot(row, known)), []).append(record)
    return [
        EvaluationRecord(interval=interval, slot=slot, packed=pack_records(records))
        for (interval, slot), records in groups.items()
    ]


def prune_records(*, now=None):
    """Deletes records of slots older than 35 days (``now`` in ms); how many."""
    oldest = (int(time.time() * 1000) if now is None else now) - KEPT_MS
    deleted = 0
    while True:
        ids = list(EvaluationRecord.objects.filter(slot__lt=oldest).values_list("pk", flat=True)[:BATCH])
        if not ids:
            return deleted
        deleted += EvaluationRecord.objects.filter(pk__in=ids).delete()[0]
