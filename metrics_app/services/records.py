"""Evaluation records: how long they are kept."""

import time

from metrics_app.models import EvaluationRecord

KEPT_MS = 35 * 86_400_000
BATCH = 5_000  # rows per statement: a long delete would hold SQLite's only writer


def prune_records(*, now=None):
    """Deletes records of slots older than 35 days (``now`` in ms); how many."""
    oldest = (int(time.time() * 1000) if now is None else now) - KEPT_MS
    deleted = 0
    while True:
        ids = list(EvaluationRecord.objects.filter(slot__lt=oldest).values_list("pk", flat=True)[:BATCH])
        if not ids:
            return deleted
        deleted += EvaluationRecord.objects.filter(pk__in=ids).delete()[0]
