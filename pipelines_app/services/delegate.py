"""Lending one's seat to another, with an end."""

from datetime import timedelta

from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from pipelines_app.exceptions import BadInput, NotAllowed
from pipelines_app.models import Delegation
from pipelines_app.queries.deciding import may_decide_any, name_of
from pipelines_app.queries.delegations import find_overlap
from pipelines_app.services.records import save_record

LONGEST = timedelta(days=60)


def delegate(*, by, to, starts_at, ends_at, now=None):
    """Lets ``to`` decide in place of ``by`` from one moment to another, at most 60 days; the Delegation.

    Only what ``by`` may decide without anybody's delegation. NotAllowed; BadInput, also where the two
    have one already that shares a moment with it.
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
    with transaction.atomic():
        lock_giver(by)
        if known := find_overlap(by, to, starts_at, ends_at):
            span = f"{known.starts_at:%Y-%m-%d %H:%M} to {known.ends_at:%Y-%m-%d %H:%M} UTC"
            told = f"{name_of(to)} decides for you already from {span}: end that first, or choose other days"
            raise BadInput(told, field="starts_at")
        return save_record(Delegation(giver=by, receiver=to, starts_at=starts_at, ends_at=ends_at), by=by)


def lock_giver(user):
    """Lets nobody else lend or take back this person's seat until the transaction ends."""
    if not connection.features.has_select_for_update:
        # SQLite: a write that changes nothing takes the write lock.
        Delegation.objects.filter(giver=user).update(created_at=F("created_at"))
    # Not against those who only name this person, as a vote does: they may hold the end of the chain.
    list(get_user_model()._default_manager.select_for_update(no_key=True).filter(pk=user.pk))


def end_delegation(*, delegation, by, now=None):
    """Ends a delegation now; one that has not begun never does.

    For who gave it and for who may change delegations in the admin; NotAllowed for anybody else.
    """
    now = now or timezone.now()
    if delegation.giver_id != by.pk and not by.has_perm("pipelines_app.change_delegation"):
        raise NotAllowed("Only who delegated can end a delegation.")
    with transaction.atomic():
        lock_giver(delegation.giver)
        row = Delegation.objects.get(pk=delegation.pk)
        if row.ends_at > now:
            row.starts_at = min(row.starts_at, now - timedelta(seconds=1))
            row.ends_at = now
            save_record(row, by=by)
    return row
