"""Notes on the time axis: written, changed and deleted, each time with who did it."""

from django.db import transaction
from django.utils import timezone

from metrics_app.core.points import EARLIEST
from metrics_app.exceptions import BadInput, Conflict
from metrics_app.models import Note, NoteChange
from metrics_app.services.rules.fields import is_storable, list_errors

LONGEST = 300  # characters
LATEST = 4_102_444_800_000  # ms; the year 2100: a planned change may lie ahead


def check_note(note):
    """Faults as ``(field, message)``."""
    if not note.text.strip() or not is_storable(note.text):
        yield "text", "say what happened, such as: new form went live"
    elif len(note.text) > LONGEST:
        yield "text", f"has {len(note.text)} characters, at most {LONGEST} are allowed"
    for field in ("at", "until"):
        ms = getattr(note, field)
        if ms is not None and not EARLIEST <= ms < LATEST:
            yield field, "is no time between 2000 and 2100"
    if note.until is not None and note.until < note.at:
        yield "until", "is before the beginning"


@transaction.atomic
def save_note(note, *, by, version=None):
    """Saves a new or changed ``Note`` and its entry; BadInput with every fault.

    ``version``: how many wordings the writer knew of; Conflict where there are more by now.
    """
    if errors := list(check_note(note)):
        raise BadInput("; ".join(message for _, message in errors), errors=list_errors(errors))
    note.text = note.text.strip()
    action = NoteChange.Action.CHANGED if note.pk else NoteChange.Action.ADDED
    if note.pk:
        check_version(note, version)
    else:
        note.author = by
    note.save()
    record_change(note, action, by)
    note.version = note.changes.count()
    return note


def check_version(note, version):
    """Locks a note; Conflict where somebody changed it since ``version``, or deleted it."""
    stored = Note.objects.select_for_update().get(pk=note.pk)
    last = stored.changes.last()
    # One that a program wrote past the service has no entries: version 0.
    who = last.by_name if last else "Somebody"
    if stored.deleted_at is not None:
        raise Conflict(f"{who} deleted this note meanwhile: it cannot be changed")
    if version is not None and version != stored.changes.count():
        raise Conflict(f"{who} changed this note meanwhile: it says “{stored.text}” now")


@transaction.atomic
def delete_note(note, *, by, version=None):
    """Takes a note off the charts; what it said stays on record. Doing it twice changes nothing.

    ``version``: as for ``save_note``.
    """
    if version is not None and note.deleted_at is None:
        check_version(note, version)
    if Note.objects.filter(pk=note.pk, deleted_at=None).update(deleted_at=timezone.now()):
        record_change(note, NoteChange.Action.DELETED, by)


def record_change(note, action, by):
    """Adds the entry of what was done."""
    NoteChange.objects.create(
        note=note,
        action=action,
        by=by,
        by_name=by.get_username(),
        at=note.at,
        until=note.until,
        text=note.text,
    )
