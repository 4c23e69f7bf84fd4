"""The kinds of receivers: ours, one file each, and those that the settings name."""

import logging

from django.db import connections
from django.utils.module_loading import import_string

from metrics_app import conf
from metrics_app.exceptions import DeliveryFailed
from metrics_app.services.notices.mail import MAIL
from metrics_app.services.notices.webhook import WEBHOOK

logger = logging.getLogger(__name__)

OURS = [MAIL, WEBHOOK]


def list_kinds():
    """``{name: core.receivers.Kind}``; one of the settings may take the place of one of ours."""
    kinds = [*OURS, *map(import_string, conf.get("RECEIVER_KINDS"))]
    return {kind.name: kind for kind in kinds}


def carry(parcel):
    """Sends one message in the way of its receiver; how, in words. DeliveryFailed.

    Ours ask no database: it may run in any thread, beside a transaction.
    """
    kind = list_kinds().get(parcel.receiver.kind)
    if kind is None:
        raise DeliveryFailed(f"the settings name no kind of receiver {parcel.receiver.kind!r}")
    try:
        return kind.carry(parcel.receiver, parcel.message, parcel.facts, parcel.earlier)
    except DeliveryFailed:
        raise
    except Exception as error:
        # Of somebody else's kind it may be a server that is away.
        logger.exception("Message %s to %s could not be sent", parcel.message, parcel.receiver)
        raise DeliveryFailed(f"{type(error).__name__}: {error}") from None


def carry_aside(parcel):
    """As ``carry``, in a thread of its own: what another's kind asked of a database there it closes."""
    try:
        return carry(parcel)
    finally:
        connections.close_all()
