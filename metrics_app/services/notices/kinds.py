"""The kinds of receivers: ours, one file each, and those that the settings name."""

from django.utils.module_loading import import_string

from metrics_app import conf
from metrics_app.exceptions import DeliveryFailed
from metrics_app.models import Notice
from metrics_app.services.notices.facts import describe_notices
from metrics_app.services.notices.mail import MAIL
from metrics_app.services.notices.webhook import WEBHOOK

OURS = [MAIL, WEBHOOK]


def list_kinds():
    """``{name: core.receivers.Kind}``; one of the settings may take the place of one of ours."""
    kinds = [*OURS, *map(import_string, conf.get("RECEIVER_KINDS"))]
    return {kind.name: kind for kind in kinds}


def carry(receiver, message, rows, earlier):
    """Sends notices as one message; how, in words. DeliveryFailed.

    ``message`` names it through all attempts; ``earlier``: notices of the same breaches.
    """
    kind = list_kinds().get(receiver.kind)
    if kind is None:
        raise DeliveryFailed(f"the settings name no kind of receiver {receiver.kind!r}")
    names = [row.message for row in earlier if row.outcome == Notice.Outcome.SENT]
    return kind.carry(receiver, message, describe_notices(rows), list(dict.fromkeys(names)))
