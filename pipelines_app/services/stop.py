"""The stop switch: while it is on, nothing begins, whoever approved it."""

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from pipelines_app.core.fields import check_text
from pipelines_app.exceptions import NotAllowed
from pipelines_app.models import StopSwitch
from pipelines_app.queries import name_of
from pipelines_app.queries.stops import may_turn
from pipelines_app.services.audit import append_audit

ONE = 1  # the only row


def stop(*, reason, by=None, name="", now=None):
    """Holds everything that has not begun, until ``resume``; what has begun goes on. The StopSwitch.

    ``by`` is a user, or ``name`` whoever sits at the shell. BadInput, NotAllowed. Once it returns
    nothing begins any more.
    """
    return turn(True, reason=reason, by=by, name=name, now=now)


def resume(*, reason, by=None, name="", now=None):
    """Lets things be carried out again: what was held begins with the next drain. As ``stop``."""
    return turn(False, reason=reason, by=by, name=name, now=now)


def turn(stopped, *, reason, by, name, now):
    """Turns the switch, with an audit entry.

    Who stops what is stopped for another reason is heard too: the chain keeps both, pages show the
    present one. Resuming what runs changes nothing.
    """
    reason = check_text(reason, field="reason", limit=500)
    name = name_of(by) if by else check_text(name, field="name", limit=150)
    if by and not may_turn(by):
        raise NotAllowed("You do not have the permission to stop or resume actions (turn_stopswitch).")
    with transaction.atomic():
        switch = lock_switch()
        again = stopped and (switch.reason, switch.by_name) != (reason, name)
        if switch.stopped != stopped or again:
            switch.stopped, switch.reason, switch.by, switch.by_name = stopped, reason, by, name
            switch.at = now or timezone.now()
            switch.save()
            event = "stopped" if stopped else "resumed"
            data = {"reason": reason, "by": by and by.pk}
            append_audit(pipeline=None, actor=name, event=event, data=data, at=switch.at)
    return switch


def lock_switch():
    """The row as it stands, locked until the transaction ends; after proposals, before the audit chain."""
    while True:
        if not connection.features.has_select_for_update:
            # SQLite: a write that changes nothing takes the write lock.
            StopSwitch.objects.filter(pk=ONE).update(stopped=F("stopped"))
        switch = StopSwitch.objects.select_for_update().filter(pk=ONE).first()
        if switch is not None:
            return switch
        find_or_make_switch()


def find_or_make_switch():
    """The only row, as it stands."""
    StopSwitch.objects.bulk_create([StopSwitch(pk=ONE)], ignore_conflicts=True)
    return StopSwitch.objects.get(pk=ONE)
