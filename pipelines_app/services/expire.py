"""Deadlines: what nobody decided in time lapses; silence never approves."""

from django.db import transaction
from django.utils import timezone

from pipelines_app.core.states import OPEN, State
from pipelines_app.models import Pipeline
from pipelines_app.queries.versions import peek_version
from pipelines_app.services.errands.figures import plan_figures
from pipelines_app.services.moves import lock_pipeline, move


def expire(*, now=None):
    """Expires every overdue proposal, each in a transaction of its own; answers how many."""
    now = now or timezone.now()
    overdue = Pipeline.objects.filter(state__in=OPEN, due_at__lte=now).values_list("pk", flat=True)
    return sum(expire_one(pk, now) for pk in list(overdue))


def expire_one(pk, now):
    """Whether this one was still open and overdue once it was locked."""
    with transaction.atomic():
        pipeline = lock_pipeline(pk)
        claimed = is_overdue(pipeline, now)
        if claimed:
            expire_locked(pipeline, now)
    return claimed


def is_overdue(pipeline, now):
    """Whether a locked proposal is open past the deadline that was frozen with it.

    Not where that text was changed: then nobody knows the deadline, and people reject or withdraw it.
    """
    frozen = peek_version(pipeline) if pipeline.is_open else None
    return frozen is not None and frozen["due_at"] <= now


def expire_locked(pipeline, now):
    """Moves a locked, overdue proposal to expired."""
    due = peek_version(pipeline)["due_at"]
    data = {"due_at": due.isoformat(), "votes": pipeline.decisions.count()}
    move(pipeline, State.EXPIRED, actor="the deadline", event="expired", data=data, at=now)
    plan_figures(pipeline, State.EXPIRED, now)
