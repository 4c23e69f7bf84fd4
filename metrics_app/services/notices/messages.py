"""The next message to a receiver: what is due of its queue, in order, sorted and put into words."""

import uuid
from datetime import timedelta
from typing import NamedTuple

from django.db.models import F

from metrics_app.core.notices import ENDINGS, gather
from metrics_app.models import Notice, Receiver
from metrics_app.services.notices import turns
from metrics_app.services.notices.facts import describe_notices
from metrics_app.services.notices.judge import SENT, Judge
from metrics_app.services.notices.stamps import stamp

GROUP = 2_000  # notices in one message
HOLD = timedelta(seconds=5)  # how long one waits whose breach is still catching up
LINKED = ("receiver__group", "breach__threshold__kpi", "breach__threshold__state_row")
Outcome = Notice.Outcome


class Parcel(NamedTuple):
    """One message, claimed and in words: nothing more is read of a database to send it."""

    receiver: Receiver
    message: uuid.UUID
    rows: list  # of Notice
    told: list  # pairs of Notice and those that it tells along
    facts: list  # a dict for each of ``told``
    earlier: list  # names of messages about the same breaches


def pack(receiver, moment):
    """``(message, rows, earlier)`` of what is due next; None where nothing is.

    A message that was begun comes first, under its name and as it was, unless something in it is over by
    now: then all that waits goes in one message.
    """
    while message := claim_message(receiver, moment):
        rows = Notice.objects.filter(message=message, done_at=None).select_related(*LINKED)
        rows = list(rows.order_by("at", "pk"))
        judge = Judge(receiver, rows, moment)
        send, hold, withheld = judge.sort(rows)
        put_aside(hold, withheld, receiver, moment)
        keep_words(judge.reworded)
        if send:
            return message, send, judge.earlier
    return None


def describe(receiver, message, rows, earlier):
    """The Parcel of a claimed message; ``earlier``: notices of the same breaches."""
    told = gather(rows)
    names = [row.message for row in earlier if row.outcome == SENT and row.message]
    return Parcel(receiver, message, rows, told, describe_notices(told), list(dict.fromkeys(names)))


def claim_message(receiver, moment):
    """Claims the notices of the next message; its name, None where nothing is due."""
    waiting = Notice.objects.filter(receiver=receiver, done_at=None)
    # A test that is being sent this moment is no part of the queue.
    begun = waiting.exclude(message=None).exclude(breach=None, try_after__gt=moment)
    first = begun.order_by("pk").values_list("message", "try_after").first()
    if first is None:
        due = waiting.filter(message=None, try_after__lte=moment).exists()
        return claim_new(waiting, moment) if due else None
    message, try_after = first
    if try_after > moment and receiver.enabled:
        return None  # a worker of an earlier release is at it
    if not is_outdated(waiting, message):
        return message if claim(waiting.filter(message=message), moment) else None
    waiting.filter(message=message).update(message=None)
    return claim_new(waiting, moment)


def is_outdated(waiting, message):
    """Whether the end of something that a message tells waits behind it."""
    breaches = waiting.filter(message=message, breach__isnull=False).values("breach")
    return waiting.filter(message=None, breach__in=breaches, event__in=ENDINGS).exists()


def claim_new(waiting, moment):
    """Claims all that waits, also what waits for company, as one new message."""
    message = uuid.uuid4()
    ids = list(waiting.filter(message=None).order_by("pk").values_list("pk", flat=True)[:GROUP])
    chosen = Notice.objects.filter(pk__in=ids, done_at=None, message=None)
    return message if claim(chosen, moment, message=message) else None


def claim(rows, moment, **fields):
    """Takes notices; how many. Workers of an earlier release go by this claim, not by the receiver's."""
    return rows.update(try_after=moment + turns.CLAIM, attempts=F("attempts") + 1, **fields)


def keep_words(rows):
    """Keeps as which event notices are told, so that the record says what the message said."""
    for row in rows:
        same = {name: getattr(row, name) for name in ("receiver", "breach", "event", "at")}
        if not Notice.objects.filter(**same).exists():
            Notice.objects.filter(pk=row.pk, done_at=None).update(event=row.event, text=row.text)


def put_aside(hold, withheld, receiver, moment):
    """Gives back what must wait, and stamps what is withheld."""
    ids = [row.pk for row in hold]
    if ids:
        Notice.objects.filter(pk__in=ids, done_at=None).update(
            message=None, try_after=moment + HOLD, attempts=0
        )
    for reason in dict.fromkeys(reason for _, reason in withheld):
        rows = [row for row, why in withheld if why == reason]
        stamp(rows, moment, Outcome.WITHHELD, reason, f"Notice to {receiver} withheld: {reason}")
