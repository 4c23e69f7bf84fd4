"""What becomes of a proposal stands on the timeline of the breach that opened it."""

from django.db import transaction

from hms_gov.joins.marks import describe_move, quote
from metrics_app.models import Breach, BreachEvent
from pipelines_app.core.moments import to_ms
from pipelines_app.queries import attach_suggestions, read_origin

KIND = "proposal"
ORIGIN = "breach:"
COMPARED = 60  # characters of what was told


def note_moves(pipeline):
    """Adds what has happened to a proposal since it was opened; each once, however often it is called.

    An errand calls it after each change, and again until it has answered.
    """
    # As it was frozen: one that somebody wrote into the column would tell its story elsewhere.
    origin = read_origin(pipeline)
    if not origin.startswith(ORIGIN):
        return
    entries = attach_suggestions(pipeline.moves.exclude(event="proposed").checked())
    told = [line for entry in entries if (line := tell_move(entry))]
    with transaction.atomic():
        # Locked: two that are told at once would each find nothing there.
        breach = Breach.objects.select_for_update().filter(pk=origin.removeprefix(ORIGIN)).first()
        if breach is None:
            return
        known = list(breach.timeline.filter(kind=KIND).values_list("at", "text"))
        lines = [
            BreachEvent(breach=breach, at=at, kind=KIND, text=f"{lead} {quote(suggestion)} {words}"[:500])
            for at, lead, suggestion, words in told
            if not is_known(known, at, lead, words)
        ]
        BreachEvent.objects.bulk_create(lines)


def is_known(lines, at, lead, words):
    """Whether the lines tell a move already; older ones quote what its proposal suggested later."""
    # Its beginning: a long comment is cut.
    said = f"” {words[:COMPARED]}"
    return any(when == at and line.startswith(f"{lead} “") and said in line for when, line in lines)


def tell_move(entry):
    """``(at in ms, whose, suggestion, words)`` of an audit entry, or None where it moved nothing."""
    found, data = describe_move(entry), entry.data
    if found is None:
        return None
    outcome = "" if data.get("day") else data.get("outcome")
    more = outcome or data.get("comment") or data.get("said")
    words = f"{found[1]}: {more}" if more else found[1]
    return to_ms(entry.at), f"Proposal #{entry.pipeline_id}", entry.suggestion, words
