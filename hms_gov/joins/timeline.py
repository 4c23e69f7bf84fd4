"""What becomes of a proposal stands on the timeline of the breach that opened it."""

from django.db import transaction

from hms_gov.joins.marks import describe_move
from metrics_app.models import Breach, BreachEvent
from pipelines_app.queries import to_ms

KIND = "proposal"
ORIGIN = "breach:"


def note_moves(pipeline):
    """Adds what has happened to a proposal since it was opened; each once, however often it is called.

    An errand calls it after each change, and again until it has answered.
    """
    if not (pipeline.origin or "").startswith(ORIGIN):
        return
    told = [
        line for entry in pipeline.audit.exclude(event="proposed") if (line := tell_move(pipeline, entry))
    ]
    with transaction.atomic():
        # Locked: two that are told at once would each find nothing there.
        breach = Breach.objects.select_for_update().filter(pk=pipeline.origin.removeprefix(ORIGIN)).first()
        if breach is None:
            return
        known = set(breach.timeline.filter(kind=KIND).values_list("at", "text"))
        lines = [
            BreachEvent(breach=breach, at=at, kind=KIND, text=text)
            for at, text in told
            if (at, text) not in known
        ]
        BreachEvent.objects.bulk_create(lines)


def tell_move(pipeline, entry):
    """``(at in ms, text)`` of an audit entry, or None where it moved nothing."""
    found, data = describe_move(entry), entry.data
    if found is None:
        return None
    outcome = "" if data.get("day") else data.get("outcome")
    more = outcome or data.get("comment") or data.get("said")
    text = f"Proposal #{pipeline.pk} “{pipeline.suggestion}” {found[1]}" + (f": {more}" if more else "")
    return to_ms(entry.at), text[:500]
