"""Whether anything is carried out at all."""

from pipelines_app.models import StopSwitch

TURN = "pipelines_app.turn_stopswitch"


def find_stop():
    """The StopSwitch while it is on, else None."""
    return StopSwitch.objects.filter(stopped=True).first()


def may_turn(user):
    """Whether this person may stop and resume all actions."""
    return user.is_active and user.has_perm(TURN)
