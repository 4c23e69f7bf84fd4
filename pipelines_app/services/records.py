"""Rows that people keep in the admin, each of whose wordings stands in the audit chain."""

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from pipelines_app.core.story import keep_known
from pipelines_app.models import AuditEntry, Delegation, Policy
from pipelines_app.queries.deciding import name_of
from pipelines_app.queries.records import DELETED, SAVED, describe_record, list_faults
from pipelines_app.services.audit import append_audit

RECORDS = {"policy": Policy, "delegation": Delegation}


def save_record(row, *, by, now=None):
    """Saves a row of ``RECORDS`` and writes how it stands into the chain."""
    with transaction.atomic():
        row.full_clean()
        row.save()
        append_record(row, SAVED, by, now)
    return row


def delete_record(row, *, by, now=None):
    """Deletes a row of ``RECORDS``, which the chain remembers."""
    with transaction.atomic():
        append_record(row, DELETED, by, now)
        row.delete()


def append_record(row, what, by, now):
    """One audit entry with all fields of the row."""
    name = row._meta.model_name
    append_audit(
        pipeline=None,
        actor=name_of(by),
        event=f"{name} {what}",
        data={"record": name, "id": row.pk, "fields": describe_record(row)},
        at=now or timezone.now(),
    )


def check_records(story, report, using):
    """Names each row of ``RECORDS`` that is not as the chain left it."""
    told = {}
    events = [f"{name} {what}" for name in RECORDS for what in (SAVED, DELETED)]
    for entry in AuditEntry.objects.using(using).filter(event__in=events).order_by("seq"):
        data = keep_known(entry.read_data())
        gone = entry.event.endswith(DELETED)
        told[data.get("record"), data.get("id")] = None if gone else data.get("fields")
    for name, model in RECORDS.items():
        for row in model.objects.using(using).order_by("pk"):
            report.faults += list_faults(name, row, told.pop((name, row.pk), None))
    report.faults += [
        f"{name} #{pk} is gone"
        for (name, pk), fields in told.items()
        if fields is not None and not went_with_account(fields, using)
    ]


def went_with_account(fields, using):
    """Whether a row is gone because an account that it was about is."""
    people = {fields[name] for name in ("giver_id", "receiver_id") if name in fields}
    return get_user_model()._default_manager.using(using).filter(pk__in=people).count() < len(people)
