"""Evaluation records: what was seen at each slot, and how long that is kept."""

import time

import numpy as np

from metrics_app.core.classes import CLEAR
from metrics_app.core.records import CLASS_CODE, STATE_CODE, Record, pack_columns, pack_records
from metrics_app.core.watch import OK
from metrics_app.models import EvaluationRecord

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


def make_clear_records(moves, values, n):
    """Unsaved rows of thresholds that stay ok and clear: arrays, one element for each."""
    rows = []
    for interval, slot in sorted(set(zip(moves.intervals.tolist(), moves.slots.tolist(), strict=True))):
        at = np.flatnonzero((moves.intervals == interval) & (moves.slots == slot))
        columns = (moves.ids[at], moves.versions[at], CLASS_CODE[CLEAR], values[at], n[at], STATE_CODE[OK])
        rows.append(EvaluationRecord(interval=interval, slot=slot, packed=pack_columns(*columns)))
    return rows


def prune_records(*, now=None):
    """Deletes records of slots older than 35 days (``now`` in ms); how many."""
    oldest = (int(time.time() * 1000) if now is None else now) - KEPT_MS
    deleted = 0
    while True:
        ids = list(EvaluationRecord.objects.filter(slot__lt=oldest).values_list("pk", flat=True)[:BATCH])
        if not ids:
            return deleted
        deleted += EvaluationRecord.objects.filter(pk__in=ids).delete()[0]
