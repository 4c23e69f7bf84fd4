"""Locks, changes of state, and telling others about them: what every other service stands on."""

import logging

from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.module_loading import import_string

from pipelines_app import conf
from pipelines_app.core.states import LABELS, OPEN, State, may_move
from pipelines_app.exceptions import Conflict
from pipelines_app.models import Pipeline
from pipelines_app.queries import list_same
from pipelines_app.services.audit import append_audit
from pipelines_app.services.errands.plan import plan_answer

logger = logging.getLogger(__name__)


def lock_pipeline(pk):
    """The proposal as it stands, locked until the transaction ends."""
    if not connection.features.has_select_for_update:
        # SQLite: a write that changes nothing takes the write lock, so that what is
        # read next cannot be overtaken.
        Pipeline.objects.filter(pk=pk).update(version=F("version"))
    return Pipeline.objects.select_for_update(of=("self",)).select_related("restricted_to").get(pk=pk)


def move(pipeline, to, *, actor, event, data, at):
    """Brings a locked proposal into the state ``to``, with its audit row; tells after the commit."""
    if not may_move(pipeline.state, to):
        wanted = LABELS[State(to)].lower()
        told = f"Proposal #{pipeline.pk} is {pipeline.standing} and cannot become {wanted}."
        raise Conflict(told, pipeline=pipeline)
    if pipeline.state == State.AWAITING_APPROVAL or to == State.WITHDRAWN:
        pipeline.decided_at = at
    elif to == State.AWAITING_APPROVAL:
        pipeline.decided_at = None
    pipeline.state = State(to).value
    pipeline.save(update_fields=["state", "decided_at"])
    append_audit(pipeline=pipeline, actor=actor, event=event, data=data | {"state": pipeline.state}, at=at)
    tell_later(pipeline)


def refuse_second(pipeline):
    """IntegrityError where another of its title and topic waits for the same readers.

    To be asked behind the audit entry, whose lock puts all writers in one line: the constraint knows for
    whom they were opened, and a restriction may have moved one of them since.
    """
    if list_same(pipeline).filter(state__in=OPEN).exists():
        raise IntegrityError("another proposal of this title waits")


def tell_later(pipeline):
    """Calls the ON_CHANGE handlers once the transaction has committed, and plans to answer its origin."""
    plan_answer(pipeline, due_at=timezone.now())
    transaction.on_commit(lambda: tell(pipeline))


def tell(pipeline):
    """Calls each ON_CHANGE handler; what fails there is logged and breaks nothing that is decided."""
    for path in conf.get("ON_CHANGE"):
        try:
            import_string(path)(pipeline)
        except Exception:
            logger.exception("%s failed for proposal #%s", path, pipeline.pk)
