"""Whether anything is carried out at all."""

from pipelines_app.models import AuditEntry, StopSwitch

TURN = "pipelines_app.turn_stopswitch"


def find_stop():
    """The StopSwitch while it is on, else None."""
    return StopSwitch.objects.filter(stopped=True).first()


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
