"""Lent and borrowed seats, for the page of those who lend and borrow them."""

from django.contrib.auth import get_user_model
from django.utils import timezone

from pipelines_app.core.fields import is_id
from pipelines_app.exceptions import BadInput
from pipelines_app.models import Delegation
from pipelines_app.queries.deciding import list_permitted, mark_touched, name_of


def list_delegations(user, *, now=None):
    """``(given, received)`` that are not over, each row with ``giver_name`` and ``receiver_name``.

    ``touched`` says why one does not count; empty where it does.
    """
    rows = Delegation.objects.filter(ends_at__gt=now or timezone.now()).select_related("giver", "receiver")
    mine = rows.order_by("starts_at", "pk")
    return tuple(
        [add_names(row) for row in mark_touched(mine.filter(**{side: user}))]
        for side in ("giver", "receiver")
    )


def add_names(row):
    """The row with the names of its people."""
    row.giver_name, row.receiver_name = name_of(row.giver), name_of(row.receiver)
    return row


def find_delegation(user, text):
    """A delegation that this person has given, by the text of a form; BadInput."""
    rows = Delegation.objects.filter(giver=user).select_related("giver", "receiver")
    found = mark_touched(rows.filter(pk=text)) if is_id(text) else []
    if not found:
        raise BadInput("this delegation is not yours, or is gone", field="end")
    return add_names(found[0])


def find_overlap(giver, receiver, starts_at, ends_at):
    """A delegation of the same pair that shares a moment with [starts_at, ends_at), or None."""
    same = Delegation.objects.filter(giver=giver, receiver=receiver)
    return same.filter(starts_at__lt=ends_at, ends_at__gt=starts_at).order_by("pk").first()


def find_permitted(text):
    """Somebody who may decide, by the text of a form; None for anybody else."""
    return list_permitted().filter(pk=text).first() if is_id(text) else None


def find_permitted_by_name(name):
    """Somebody who may decide, by their user name; None for anybody else."""
    return list_permitted().filter(**{get_user_model().USERNAME_FIELD: name}).first()
