"""The drain: claims what is due, message by message, sends it, and stamps it.

Any number of drains may run at once. A crash between sending and stamp repeats the
message under the same name; nothing else is ever sent twice, and nothing is lost.
"""

import logging
import time
import uuid
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from metrics_app import conf
from metrics_app.core.notices import find_wait
from metrics_app.exceptions import DeliveryFailed
from metrics_app.models import BreachEvent, Notice, Receiver
from metrics_app.services.ages import NOTICES, note_work
from metrics_app.services.notices.facts import name_head
from metrics_app.services.notices.judge import Judge
from metrics_app.services.notices.kinds import carry
from metrics_app.services.notices.write import write_reminders, write_resting

logger = logging.getLogger(__name__)

BATCH = 50  # messages per drain; the next second takes the next
GROUP = 2_000  # notices in one message
PART = 500  # of them stamped in one transaction, so that none holds others up
CLAIM = timedelta(minutes=2)  # how long a claim holds when its process dies
HOLD = timedelta(seconds=5)  # how long one waits whose breach is still catching up
LINKED = ("receiver__group", "breach__threshold__kpi", "breach__threshold__state_row")
Outcome = Notice.Outcome


def send_notices(*, now=None):
    """Sends what is due; how many messages went out. ``now``: aware datetime."""
    moment = now or timezone.now()
    write_reminders(moment)
    write_resting(moment)
    sent = 0
    for message in claim_messages(now):
        sent += send_message(message, now or timezone.now())
        note_work(NOTICES)  # fifty servers that hang would take longer than it may be silent
    note_work(NOTICES)
    return sent


def claim_messages(now=None):
    """Claims due messages, each just before it is sent; their names."""
    moment = now or timezone.now()
    due = Notice.objects.filter(done_at=None, try_after__lte=moment).order_by()
    begun = due.exclude(message=None).values_list("message", flat=True).distinct()[:BATCH]
    for message in list(begun):
        if claim(due.filter(message=message), now or timezone.now()):
            yield message
    for receiver in list(due.filter(message=None).values_list("receiver", flat=True).distinct()[:BATCH]):
        message = uuid.uuid4()
        # With the first that is due go all that wait for company.
        waiting = Notice.objects.filter(done_at=None, message=None, receiver=receiver).order_by("pk")
        chosen = Notice.objects.filter(pk__in=list(waiting.values_list("pk", flat=True)[:GROUP]))
        if claim(chosen.filter(done_at=None, message=None), now or timezone.now(), message=message):
            yield message


def claim(rows, moment, **fields):
    """Takes rows that nobody else has taken; how many."""
    return rows.update(try_after=moment + CLAIM, attempts=F("attempts") + 1, **fields)


def send_message(message, moment):
    """Sorts the notices of a claimed message and sends what is left; whether something was sent."""
    rows = Notice.objects.filter(message=message, done_at=None).select_related(*LINKED)
    rows = list(rows.order_by("at", "pk"))
    if not rows:
        return False
    receiver = rows[0].receiver
    judge = Judge(receiver, rows, moment)
    send, hold, withheld = judge.sort(rows)
    put_aside(hold, withheld, receiver, moment)
    return bool(send) and attempt(receiver, message, send, judge.earlier, moment)


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


def attempt(receiver, message, rows, earlier, moment):
    """Sends one message and writes what came of it; whether it went out."""
    try:
        way = carry(receiver, message, rows, earlier)
    except DeliveryFailed as error:
        fail(receiver, rows, error, moment)
        return False
    except Exception as error:
        # A fault of one message must not keep the others from being sent.
        logger.exception("Message %s to %s could not be made", message, receiver)
        fail(receiver, rows, DeliveryFailed(f"{type(error).__name__}: {error}"), moment)
        return False
    Receiver.objects.filter(pk=receiver.pk).update(fault="", tried_at=moment)
    heads = {row.pk: name_head(row)[1] for row in rows}
    for head in dict.fromkeys(heads.values()):
        same = [row for row in rows if heads[row.pk] == head]
        stamp(same, moment, Outcome.SENT, "", f"{receiver} told by {way}: {head}")
    return True


def fail(receiver, rows, error, moment):
    """Plans the next attempt; after the last one, or where the receiver is gone, gives up."""
    text, tried = str(error)[:500], rows[0].attempts
    logger.warning("Notices to %s did not arrive (attempt %s): %s", receiver, tried, text)
    state = {"fault": text, "tried_at": moment} | ({"enabled": False} if error.gone else {})
    Receiver.objects.filter(pk=receiver.pk).update(**state)
    if error.gone or tried >= conf.get("NOTICE_ATTEMPTS") or rows[0].breach is None:
        # Why stands in the admin: it names hosts, and a timeline is for many eyes.
        times = f"{tried} attempt" + ("" if tried == 1 else "s")
        stamp(rows, moment, Outcome.FAILED, text, f"Notice to {receiver} given up after {times}")
        return
    later = moment + timedelta(seconds=find_wait(tried))
    ids = [row.pk for row in rows]
    Notice.objects.filter(pk__in=ids, done_at=None).update(try_after=later, error=text)


def stamp(rows, moment, outcome, error, text):
    """Ends notices, with a line on the timeline of each breach."""
    for at in range(0, len(rows), PART):
        stamp_part(rows[at : at + PART], moment, outcome, error, text)


def stamp_part(rows, moment, outcome, error, text):
    """One transaction of ``stamp``."""
    rows = {row.pk: row for row in rows}
    with transaction.atomic():
        waiting = Notice.objects.filter(pk__in=rows, done_at=None).select_for_update()
        # Another drain, which took over a claim that was too old, may have stamped some of them.
        ids = list(waiting.values_list("pk", flat=True))
        Notice.objects.filter(pk__in=ids).update(done_at=moment, outcome=outcome, error=error[:500])
        at = time.time_ns() // 1_000_000
        BreachEvent.objects.bulk_create(
            BreachEvent(breach_id=rows[pk].breach_id, at=at, kind="notice", text=text[:500])
            for pk in ids
            if rows[pk].breach_id
        )
