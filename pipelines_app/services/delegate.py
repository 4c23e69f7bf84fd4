"""Lending one's seat to another, with an end."""

from datetime import timedelta

from django.utils import timezone

from pipelines_app.exceptions import BadInput, NotAllowed
from pipelines_app.models import Delegation
from pipelines_app.queries.deciding import may_decide_any
from pipelines_app.services.records import save_record

LONGEST = timedelta(days=60)


def delegate(*, by, to, starts_at, ends_at, now=None):
    """Lets ``to`` decide in place of ``by`` from one moment to another, at most 60 days; the Delegation.

    Only what ``by`` may decide without anybody's delegation. NotAllowed, BadInput.
    """
    now = now or timezone.now()
    if not may_decide_any(by):
        raise NotAllowed("You do not decide on proposals: there is nothing to delegate.")
    if to is None or to.pk == by.pk or not may_decide_any(to):
        raise BadInput("choose somebody else who has the permission to decide", field="to")
    if starts_at >= ends_at or ends_at <= now:
        raise BadInput("the end must come after the start, and must not be over", field="ends_at")
    if ends_at - starts_at > LONGEST:
        raise BadInput("a delegation lasts 60 days at most", field="ends_at")
    return save_record(Delegation(giver=by, receiver=to, starts_at=starts_at, ends_at=ends_at), by=by)


def end_delegation(*, delegation, by, now=None):
    """Ends a delegation of ``by`` now; one that has not begun never does. NotAllowed for anybody else's."""
    now = now or timezone.now()
    if delegation.giver_id != by.pk:
        raise NotAllowed("Only who delegated can end a delegation.")
    if delegation.ends_at > now:
        delegation.starts_at = min(delegation.starts_at, now - timedelta(seconds=1))
        delegation.ends_at = now
        save_record(delegation, by=by)
    return delegation
