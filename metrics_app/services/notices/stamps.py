"""What came of a message: stamps on its notices, lines on timelines, and how its receiver stands."""

import logging
import random
import time
from datetime import timedelta

from django.db import transaction

from metrics_app import conf
from metrics_app.core.notices import find_pause, is_given_up
from metrics_app.core.text.counts import count_words
from metrics_app.models import BreachEvent, Notice, Receiver
from metrics_app.services.notices.facts import name_head

logger = logging.getLogger(__name__)

PART = 500  # notices stamped in one transaction, so that none holds others up
Outcome = Notice.Outcome


def succeed(parcel, way, moment):
    """Writes that a message arrived: its receiver is up, each breach has a line that says what was told."""
    up = {"fault": "", "tried_at": moment, "down_since": None, "failures": 0, "try_after": None}
    Receiver.objects.filter(pk=parcel.receiver.pk).update(**up)
    covered = [one for _, before in parcel.told for one in before]
    # First: a crash in between must not leave a firing to be told after its end.
    stamp(covered, moment, Outcome.SENT, "", "")
    lines = {row.pk: tell_told(parcel.receiver, way, row, before) for row, before in parcel.told}
    for line in dict.fromkeys(lines.values()):
        same = [row for row, _ in parcel.told if lines[row.pk] == line]
        stamp(same, moment, Outcome.SENT, "", line)


def tell_told(receiver, way, row, before):
    """ "Duty officers told by mail: beyond limit"; with what one notice told along."""
    words = [name_head(one)[1] for one in [*before, row]]
    if before:
        # Of its own moment: that it is over by now is what the last word says.
        words = [*(one.get_event_display() for one in before), words[-1]]
    return f"{receiver} told by {way}{' in one message' if before else ''}: {', '.join(words)}"


def fail(receiver, rows, error, moment):
    """Plans the receiver's next try; gives up what was tried for long enough, or is not wanted."""
    text, tried = str(error)[:500], max(row.attempts for row in rows)
    logger.warning("Notices to %s did not arrive (attempt %s): %s", receiver, tried, text)
    if rows[0].breach is None:
        # A test is tried once, and says nothing of what waits.
        switched = {"enabled": False} if error.gone else {}
        Receiver.objects.filter(pk=receiver.pk).update(fault=text, tried_at=moment, **switched)
        give_up(receiver, rows, text, moment)
        return
    spent = {row.pk: row for row in rows if error.gone or is_spent(row, error, moment)}
    later = put_off(receiver, text, error, moment, at_once=len(spent) == len(rows) and error.refused)
    left = Notice.objects.filter(pk__in=[row.pk for row in rows if row.pk not in spent], done_at=None)
    # Without its company it is another message.
    left.update(try_after=later or moment, error=text, **({"message": None} if spent else {}))
    give_up(receiver, list(spent.values()), text, moment)


def is_spent(row, error, moment):
    """Whether a notice is tried no more."""
    age = (moment - row.created_at).total_seconds()
    return is_given_up(row.attempts, age, conf.get("NOTICE_ATTEMPTS"), refused=error.refused)


def put_off(receiver, text, error, moment, *, at_once):
    """Writes how a receiver stands that was asked in vain; when it is asked again, None: at once.

    ``at_once``: what it does not want is out of the way.
    """
    failures = receiver.failures + 1
    pause = timedelta(seconds=find_pause(failures, error.retry_after, random.random()))
    state = {
        "fault": text,
        "tried_at": moment,
        "down_since": receiver.down_since or moment,
        "failures": 0 if at_once else failures,
        "try_after": None if at_once else moment + pause,
    }
    Receiver.objects.filter(pk=receiver.pk).update(**state | ({"enabled": False} if error.gone else {}))
    return state["try_after"]


def give_up(receiver, rows, text, moment):
    """Ends notices that did not arrive. Why stands in the admin: it names hosts, a timeline is for many."""
    for tried in dict.fromkeys(row.attempts for row in rows):
        times = count_words(tried, "attempt")
        same = [row for row in rows if row.attempts == tried]
        stamp(same, moment, Outcome.FAILED, text, f"Notice to {receiver} given up after {times}")


def stamp(rows, moment, outcome, error, text):
    """Ends notices, with a line on the timeline of each breach; without a text, without a line."""
    for at in range(0, len(rows), PART):
        stamp_part(rows[at : at + PART], moment, outcome, error, text)


def stamp_part(rows, moment, outcome, error, text):
    """One transaction of ``stamp``."""
    rows = {row.pk: row for row in rows}
    with transaction.atomic():
        waiting = Notice.objects.filter(pk__in=rows, done_at=None).select_for_update()
        # Another drain, which took over a turn that was too old, may have stamped some of them.
        ids = list(waiting.values_list("pk", flat=True))
        Notice.objects.filter(pk__in=ids).update(done_at=moment, outcome=outcome, error=error[:500])
        at = time.time_ns() // 1_000_000
        BreachEvent.objects.bulk_create(
            BreachEvent(breach_id=rows[pk].breach_id, at=at, kind="notice", text=text[:500])
            for pk in ids
            if text and rows[pk].breach_id
        )
