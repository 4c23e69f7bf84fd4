"""What becomes of a proposal stands on the timelines of the breaches that opened it or were noted on it."""

from collections import defaultdict

from django.db import transaction

from hms_gov.joins.marks import BY_HAND, add_reason, describe_move, quote
from metrics_app.models import Breach, BreachEvent
from pipelines_app.core.moments import to_ms
from pipelines_app.queries import attach_suggestions, list_origins

KIND = "proposal"
ORIGIN = "breach:"
LINE = ("breach", "at", "text")
COMPARED = 60  # characters of what was told


def note_moves(pipeline):
    """Adds what has happened to a proposal since it was opened; each once, however often it is called.

    A breach whose value was noted on it hears what came after that. An errand calls it after each change,
    and again until it has answered.
    """
    begins = find_breaches(pipeline)
    if not begins:
        return
    entries = attach_suggestions(pipeline.moves.exclude(event="proposed").checked())
    told = [(entry.seq, line) for entry in entries if (line := tell_move(entry))]
    with transaction.atomic():
        # Locked: two that are told at once would each find nothing there.
        breaches = list(Breach.objects.select_for_update().filter(pk__in=begins).order_by("pk"))
        known = defaultdict(list)
        for pk, at, text in BreachEvent.objects.filter(breach__in=breaches, kind=KIND).values_list(*LINE):
            known[pk].append((at, text))
        BreachEvent.objects.bulk_create(
            BreachEvent(breach=breach, at=at, kind=KIND, text=f"{lead} {quote(suggestion)} {words}"[:500])
            for breach in breaches
            for seq, (at, lead, suggestion, words) in told
            if seq > begins[breach.pk] and not is_known(known[breach.pk], at, lead, words)
        )


def find_breaches(pipeline):
    """``{breach id: number}``: which breaches hear of a proposal, from behind which entry of the chain on."""
    # As they were frozen: one that somebody wrote into the column would tell its story elsewhere.
    origins = list_origins(pipeline).items()
    numbers = ((origin.removeprefix(ORIGIN), seq) for origin, seq in origins if origin.startswith(ORIGIN))
    return {int(number): seq for number, seq in numbers if number.isdecimal() and len(number) < 19}


def is_known(lines, at, lead, words):
    """Whether the lines tell a move already; older ones quote what its proposal suggested later."""
    # Its beginning: a long comment is cut, and older lines write the day of what was done by hand otherwise.
    said = f"” {BY_HAND if words.startswith(BY_HAND) else words[:COMPARED]}"
    return any(when == at and line.startswith(f"{lead} “") and said in line for when, line in lines)


def tell_move(entry):
    """``(at in ms, whose, suggestion, words)`` of an audit entry, or None where it moved nothing."""
    found = describe_move(entry)
    if found is None:
        return None
    return to_ms(entry.at), f"Proposal #{entry.pipeline_id}", entry.suggestion, add_reason(found[1], entry)
