"""Between approval and end: until when it can be undone, who does it, what people have to do."""

import logging
from datetime import timedelta

from django.db.models import Q

from pipelines_app import conf
from pipelines_app.actions.manual import is_manual
from pipelines_app.actions.registry import check_again
from pipelines_app.core.orders import Order
from pipelines_app.core.states import State
from pipelines_app.core.voting import APPROVE
from pipelines_app.exceptions import BadInput, Tampered
from pipelines_app.models import Decision, Effect, Errand
from pipelines_app.queries.deciding import why_not_change
from pipelines_app.queries.versions import attach_versions, read_version

logger = logging.getLogger(__name__)


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


def why_not_retry(pipeline):
    """A sentence that says why a failed proposal cannot succeed by another attempt; empty where it may."""
    try:
        document = read_version(pipeline)
        if not is_manual(document["action"]):
            check_again(document["action"], make_order(document, pipeline.pk))
    except Tampered as error:
        return str(error)
    except BadInput as error:
        return f"Another attempt cannot help: {error}."
    except Exception:
        # Somebody else's code: a page without its answer still lets people go on.
        logger.exception("Whether proposal #%s can be tried again could not be asked", pipeline.pk)
    return ""


def make_order(document, proposal, attempt=1):
    """What the action is told; by the frozen text alone."""
    return Order(
        proposal=proposal,
        version=document["version"],
        title=document["title"],
        topic=document["topic"],
        parameters=document["action_params"],
        attempt=attempt,
    )


def list_to_do(pipelines):
    """Those that wait for a person: steps to confirm, failed actions, effects to close; oldest first."""
    waiting = Q(state=State.FAILED) | Q(state=State.EXECUTING, action="")
    waiting |= Q(state=State.INCONCLUSIVE, effect__closed_at=None)
    return pipelines.filter(waiting).select_related("restricted_to").order_by("decided_at", "id")


def count_to_do(pipelines, user, *, now):
    """How many of those this person can carry on."""
    rows = attach_versions(list_to_do(pipelines).defer("evidence_text"))
    return sum(not why_not_change(row, user, now=now) for row in rows)


def is_to_do(pipeline):
    """Whether it is one of those."""
    if pipeline.state == State.INCONCLUSIVE:
        return Effect.objects.filter(pipeline=pipeline, closed_at=None).exists()
    return pipeline.state == State.FAILED or (pipeline.state == State.EXECUTING and not pipeline.action)
