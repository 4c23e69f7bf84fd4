"""Proposing again what waits already: the one that stands takes the newer value, and the chain an entry."""

from datetime import UTC

from django.db import transaction
from django.db.models import Q

from pipelines_app.core.fields import SEVERITIES
from pipelines_app.core.states import OPEN, UNJUDGED, State
from pipelines_app.core.urgency import measure_overrun
from pipelines_app.core.versions import NOTED
from pipelines_app.exceptions import NotAllowed
from pipelines_app.models import Pipeline
from pipelines_app.queries.unless import find_standing
from pipelines_app.services.audit import append_audit
from pipelines_app.services.moves import lock_pipeline


def find_by_origin(origin):
    """The proposal that this origin opened or was last noted on, or None.

    That it was noted says the audit chain: whoever wrote it into the column alone suppresses nothing.
    """
    if not origin:
        return None
    rows = Pipeline.objects.filter(Q(origin=origin) | Q(latest_origin=origin)).order_by("id")
    return next((row for row in rows if is_of(row, origin)), None)


def is_of(pipeline, origin):
    """Whether this origin opened a proposal, or is the last that the chain noted on it."""
    if pipeline.origin == origin:
        return True
    entry = pipeline.audit.filter(event=NOTED).order_by("-seq").first()
    return entry is not None and entry.data.get("origin") == origin


def note_repeat(row, now):
    """Writes the newer value on the proposal that ``row`` repeats; that one, or None."""
    pipeline = find_repeated(row) or find_standing(row.title, row.topic, now=now)
    if pipeline is None:
        return None
    visible = row.asked.visible
    if visible is not None and not visible.filter(pk=pipeline.pk).exists():
        raise NotAllowed("A proposal of this title stands already, and is restricted to a group.")
    standing = {State.REJECTED} if pipeline.state == State.REJECTED else frozenset()
    with transaction.atomic():
        locked = lock_pipeline(pipeline.pk)
        if locked.state not in OPEN | UNJUDGED | standing:
            # Decided in this very moment: the repeat is a new question then, found by the next attempt.
            return None
        # The same message, twice at once: whoever comes second has nothing to note.
        if not (row.origin and is_of(locked, row.origin)):
            write_repeat(locked, row, now)
    return locked


def write_repeat(pipeline, row, now):
    """Notes ``row`` on a locked proposal, in its columns and in the chain."""
    evidence = pipeline.evidence
    pipeline.latest_kpi, pipeline.latest_at, pipeline.latest_origin = row.kpi, now, row.origin or ""
    pipeline.noted += 1
    pipeline.overrun = measure_overrun(row.kpi, evidence.get("limit"), evidence.get("operator"))
    pipeline.save(update_fields=["latest_kpi", "latest_at", "latest_origin", "noted", "overrun"])
    actor = row.proposer_name or "the system"
    append_audit(pipeline=pipeline, actor=actor, event=NOTED, data=describe_repeats(pipeline), at=now)


def describe_repeats(pipeline):
    """What an entry says of the repeats of a proposal: how many, and of the newest value, time and origin."""
    return {
        "noted": pipeline.noted,
        "latest_kpi": pipeline.latest_kpi,
        "latest_at": pipeline.latest_at and pipeline.latest_at.astimezone(UTC).isoformat(),
        "origin": pipeline.latest_origin,
    }


def find_repeated(row):
    """The proposal of the same title and topic that ``row`` adds nothing to, or None.

    An open one, whatever its severity. Or one that was approved and is not judged yet: what it was
    meant to mend is not over at once. Only what has become more severe is a new question then.
    """
    same = Pipeline.objects.filter(title=row.title, topic=row.topic)
    waiting = same.filter(state__in=OPEN).first()
    if waiting is not None:
        return waiting
    least = SEVERITIES.index(row.severity)
    return same.filter(state__in=UNJUDGED, severity__in=SEVERITIES[least:]).first()
