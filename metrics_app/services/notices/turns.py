"""Whose turn it is: one drain at a time works on a receiver, and one that is down is asked by its own clock.

What waits for a receiver is sent in order because nobody else sends to it meanwhile. A drain that dies leaves
its receiver to the next one after two minutes, with the message that was on its way first in the queue.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q

from metrics_app.models import Notice, Receiver

CLAIM = timedelta(minutes=2)  # how long a turn, and a claim of a message, hold when their process dies
BELIEVED = 2 * CLAIM  # a turn that says more was taken by a clock that has been set since


@dataclass
class Turn:
    """A receiver as it was when its turn was taken, and until when it is held."""

    receiver: Receiver
    until: datetime


def list_due(moment):
    """Receivers for which something is due and on which nobody works, the one that waits longest first."""
    due = Notice.objects.filter(done_at=None, try_after__lte=moment).order_by().values("receiver")
    # Databases disagree where nothing stands: whoever was never tried waits longest.
    rows = find_free(moment).filter(pk__in=due).order_by(F("tried_at").asc(nulls_first=True), "pk")
    return list(rows.values_list("pk", flat=True))


def find_free(moment):
    """Receivers that may be asked now. One that is switched off is asked nothing: its queue is withheld."""
    free = Q(held_until=None) | Q(held_until__lte=moment) | Q(held_until__gt=moment + BELIEVED)
    return Receiver.objects.filter(free, Q(try_after=None) | Q(try_after__lte=moment) | Q(enabled=False))


def take_turn(pk, moment):
    """The Turn of a receiver for whoever is first; None for all others."""
    until = moment + CLAIM
    if not find_free(moment).filter(pk=pk).update(held_until=until):
        return None
    receiver = Receiver.objects.filter(pk=pk).first()
    return receiver and Turn(receiver, until)


def keep_turn(turn, moment):
    """Holds a turn for longer where it is half over: whoever carries the message is alive, and slow."""
    if turn.until - moment > CLAIM / 2:
        return
    until = moment + CLAIM
    if find_own(turn).update(held_until=until):
        turn.until = until


def end_turn(turn):
    """Gives a receiver back, unless another drain has taken it over since."""
    find_own(turn).update(held_until=None)


def find_own(turn):
    """The receiver's row while the turn is this drain's."""
    return Receiver.objects.filter(pk=turn.receiver.pk, held_until=turn.until)


def wake(pks, moment):
    """Lets receivers that were put off be asked at once: somebody has mended them, or one has answered."""
    Receiver.objects.filter(pk__in=pks).update(try_after=None)
    begun = Notice.objects.filter(receiver__in=pks, done_at=None, breach__isnull=False).exclude(message=None)
    begun.update(try_after=moment)
