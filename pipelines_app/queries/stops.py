"""Whether anything is carried out at all."""

from pipelines_app.models import AuditEntry, StopSwitch

TURN = "pipelines_app.turn_stopswitch"
TURNED = "The switch was turned in the database since: stop and resume them to go on."


def find_stop():
    """The StopSwitch while it is on, by its row or by the audit chain alone; else None.

    Where the row was turned back or deleted in the database it is what the chain tells, unsaved, with a
    ``remark``: everything is held until people stop and resume it.
    """
    if switch := StopSwitch.objects.filter(stopped=True).first():
        return switch
    told = find_told_stop()
    if told is None:
        return None
    switch = StopSwitch(stopped=True, reason=told.data.get("reason", ""), by_name=told.actor)
    switch.at, switch.remark = told.at, TURNED
    return switch


def find_told_stop():
    """The audit entry that stopped everything, whatever the switch says since; None where it was resumed."""
    turned = AuditEntry.objects.filter(pipeline=None, event__in=("stopped", "resumed"))
    entry = turned.order_by("-seq").first()
    if entry is None or (entry.event == "resumed" and entry.hash == entry.compute_hash()):
        return None
    return entry


def may_turn(user):
    """Whether this person may stop and resume all actions."""
    return user.is_active and user.has_perm(TURN)
