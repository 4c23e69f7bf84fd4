"""Proposing again what waits already: the one that stands takes the newer value, and the chain an entry."""

from datetime import UTC

from django.db import transaction
from django.db.models import Q

from pipelines_app import queries
from pipelines_app.core.fields import SEVERITIES
from pipelines_app.core.states import OPEN, UNJUDGED, State
from pipelines_app.core.urgency import measure_overrun
from pipelines_app.core.versions import NOTED
from pipelines_app.models import Pipeline
from pipelines_app.queries.unless import find_standing
from pipelines_app.services.audit import append_audit
from pipelines_app.services.moves import lock_pipeline


def find_by_origin(origin, *, besides=None):
    """The proposal that this origin opened or was last noted on, or None; not the one with id ``besides``.

    That it was says the audit chain: whoever wrote it into a column alone suppresses nothing.
    """
    if not origin:
        return None
    rows = Pipeline.objects.filter(Q(origin=origin) | Q(latest_origin=origin)).exclude(pk=besides)
    return next((row for row in rows.order_by("id") if is_of(row, origin)), None)


def is_of(pipeline, origin):
    """Whether this origin opened a proposal, or is the last that was noted on it; both by the chain."""
    if pipeline.origin == origin and queries.read_origin(pipeline) == origin:
        return True
    entry = pipeline.audit.filter(event=NOTED).order_by("-seq").first()
    return entry is not None and entry.data.get("origin") == origin


def note_repeat(row, now):
    """Writes the newer value on the proposal that ``row`` repeats; that one, or None."""
    pipeline = find_repeated(row, now)
    if pipeline is None:
        return None
    standing = {State.REJECTED} if pipeline.state == State.REJECTED else frozenset()
    with transaction.atomic():
        locked = lock_pipeline(pipeline.pk)
        if not any(same.filter(pk=locked.pk).exists() for same in list_repeated(row)):
            # Restricted in this very moment: to whoever asks it is not there.
            return None
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


def list_repeated(row):
    """The proposals of its title and topic that a new one may repeat, as querysets, the first one first.

    Those for the very same readers: what came of a rule's is told to all of them. Then, for somebody at
    the API, what else they may see; whoever asks must hear of none other.
    """
    same = queries.list_same(row)
    if row.asked.visible is None:
        return (same,)
    return same, row.asked.visible.filter(title=row.title, topic=row.topic)


def find_repeated(row, now):
    """The proposal of the same title and topic that ``row`` adds nothing to, or None.

    An open one, whatever its severity. Or one that was approved and is not judged yet: what it was
    meant to mend is not over at once. Only what has become more severe is a new question then. Or one
    that was rejected and still waits for what was named.
    """
    least = SEVERITIES.index(row.severity)
    for same in list_repeated(row):
        found = (
            same.filter(state__in=OPEN).first()
            or same.filter(state__in=UNJUDGED, severity__in=SEVERITIES[least:]).first()
            or find_standing(same, now=now)
        )
        if found:
            return found
    return None
