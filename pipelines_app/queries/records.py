"""Policies and delegations as the audit chain tells of them: what a row says counts only where it fits."""

from datetime import UTC, datetime

from pipelines_app.core.versions import list_differences
from pipelines_app.models import AuditEntry, AuditHead

SAVED, DELETED = "saved", "deleted"
# What an entry from before these columns leaves unsaid.
UNSAID = {"policy": {"guardrails": "", "settle_hours": 24, "span_weeks": 1}}


def describe_record(row):
    """The columns of a row as JSON holds them."""
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }


def list_faults(name, row, told):
    """What of one row is at odds with ``told``, the fields that the chain tells of it (or None)."""
    if not isinstance(told, dict):
        return [f"{name} “{row}” is not in the chain"]
    names = list_differences(UNSAID.get(name, {}) | told, describe_record(row))
    return [f"{column.removesuffix('_id')} of {name} “{row}” was changed" for column in names]


def read_told(name):
    """``{id: fields}`` of the rows called ``name`` as the chain tells; None of those that it says are gone.

    An entry that was changed may have told of any of them: of what was told before it nothing is known
    until it is told anew.
    """
    events = [f"{name} {what}" for what in (SAVED, DELETED)]
    entries = list(AuditEntry.objects.filter(pipeline=None, event__in=events).order_by("seq"))
    told, followed = {}, find_followed(entries)
    for entry in entries:
        data = entry.read_data()
        if entry.hash != entry.compute_hash() or entry.hash not in followed or "id" not in data:
            told.clear()
            continue
        gone = entry.event.endswith(DELETED)
        told[data["id"]] = None if gone else UNSAID.get(name, {}) | data.get("fields", {})
    return told


def find_followed(entries):
    """The hashes among those of the entries that the chain goes on from, or ends with."""
    if not entries:
        return set()
    # In this order: what is added meanwhile follows the end that was read.
    ends = set(AuditHead.objects.values_list("hash", flat=True))
    later = AuditEntry.objects.filter(seq__in=[entry.seq + 1 for entry in entries])
    return ends | set(later.values_list("previous", flat=True))


def tell_touched(name, row):
    """What of one stored row is at odds with the chain, in words; empty where nothing is."""
    return "; ".join(list_faults(name, row, read_told(name).get(row.pk)))
