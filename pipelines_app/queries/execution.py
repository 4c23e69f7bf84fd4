"""Between approval and end: until when it can be undone, who does it, what people have to do."""

from datetime import timedelta

from django.db.models import Q

from pipelines_app import conf
from pipelines_app.core.states import State
from pipelines_app.core.voting import APPROVE
from pipelines_app.models import Decision, Effect, Errand


def find_undo_end(pipeline):
    """The moment at which an approved proposal is carried out; until then its approval can be undone."""
    return pipeline.decided_at + timedelta(seconds=conf.get("EXECUTE_AFTER"))


def find_errand(pipeline, kind="act"):
    """The errand of the present version that carries it out, or of another kind; None where it has none."""
    return Errand.objects.filter(pipeline=pipeline, version=pipeline.version, kind=kind).first()


def has_approved(pipeline, user):
    """Whether this person approved the present version."""
    votes = Decision.objects.filter(pipeline=pipeline, version=pipeline.version, vote=APPROVE)
    return votes.filter(by=user.pk).exists()


def find_approver(pipeline_id, version):
    """The user whose approval was the last that a version needed; None where the account is gone."""
    votes = Decision.objects.filter(pipeline=pipeline_id, version=version, vote=APPROVE)
    vote = votes.select_related("by").order_by("-id").first()
    return vote and vote.by


def list_to_do(pipelines):
    """Those that wait for a person: steps to confirm, failed actions, effects to close; oldest first."""
    waiting = Q(state=State.FAILED) | Q(state=State.EXECUTING, action="")
    waiting |= Q(state=State.INCONCLUSIVE, effect__closed_at=None)
    return pipelines.filter(waiting).select_related("restricted_to").order_by("decided_at", "id")


def is_to_do(pipeline):
    """Whether it is one of those."""
    if pipeline.state == State.INCONCLUSIVE:
        return Effect.objects.filter(pipeline=pipeline, closed_at=None).exists()
    return pipeline.state == State.FAILED or (pipeline.state == State.EXECUTING and not pipeline.action)
