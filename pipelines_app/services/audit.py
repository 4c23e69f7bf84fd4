"""The audit chain: what happened is added in the transaction in which it happened."""

from django.db.models import F

from pipelines_app.core.chain import encode
from pipelines_app.models import AuditEntry, AuditHead


def lock_head():
    """The row at the end of the chain, locked until the transaction ends.

    An update rather than SELECT FOR UPDATE: it takes the write lock on SQLite too.
    Always the last lock a transaction takes, so that two never wait for each other.
    """
    while not AuditHead.objects.filter(pk=1).update(seq=F("seq") + 1):
        AuditHead.objects.bulk_create([AuditHead(pk=1)], ignore_conflicts=True)
    return AuditHead.objects.get(pk=1)


def append_audit(*, pipeline, actor, event, data, at):
    """Adds one entry about ``pipeline`` (None: all of them); call it inside the event's transaction."""
    head = lock_head()
    entry = AuditEntry(
        seq=head.seq,
        at=at,
        actor=actor,
        event=event,
        pipeline=pipeline,
        data_text=encode(data),
        previous=head.hash,
    )
    entry.hash = entry.compute_hash()
    entry.save(force_insert=True)
    AuditHead.objects.filter(pk=1).update(hash=entry.hash)
    return entry
