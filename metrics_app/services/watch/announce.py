"""Breaches become known: each is handed to the handlers of the settings, at least once.

A breach without ``announced_at`` is the message. It is claimed for a while, handed
over, and marked; whoever dies in between leaves it to the next drain. Handlers are
idempotent by the origin ``breach:<id>``.
"""

import logging
import time
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.module_loading import import_string

from metrics_app import conf
from metrics_app.core.moments import to_ms
from metrics_app.models import Breach, BreachEvent
from metrics_app.services.silences import find_silence, is_silenced, list_acting

logger = logging.getLogger(__name__)

BATCH = 200  # breaches per drain; the next second takes the next
CLAIM = timedelta(seconds=30)  # how long a claim holds when its process dies
LONGEST_WAIT = timedelta(minutes=5)  # between two attempts of a handler that fails


def announce(*, now=None):
    """Hands every waiting breach to the handlers; how many are done. ``now``: aware datetime."""
    moment = now or timezone.now()
    take_up(moment)
    waiting = Breach.objects.filter(announced_at=None, announce_after__lte=moment)
    # While its threshold is catching up nobody knows whether it is still open.
    waiting = waiting.exclude(Q(caught_up=True) & Q(recovered_at=None))
    ids = waiting.order_by("pk").values_list("pk", flat=True)[:BATCH]
    return sum(announce_breach(pk, moment) for pk in list(ids))


def take_up(moment):
    """Puts back in the queue what is open and was handed to nobody, where nothing is against it any more.

    Its silence is over, or its threshold has a title by now. What was handed over once is not again.
    """
    if not conf.get("BREACH_HANDLERS"):
        return
    rows = Breach.objects.filter(recovered_at=None, caught_up=False, kind=Breach.Kind.LIMIT, handled_by=[])
    rows = rows.filter(announced_at__isnull=False, threshold__enabled=True).exclude(threshold__title="")
    kept_back = list(rows.select_related("threshold__kpi"))
    if kept_back:
        acting = list_acting(at=to_ms(moment))
        ids = [breach.pk for breach in kept_back if not is_silenced(breach.threshold, acting)]
        rows.filter(pk__in=ids).update(announced_at=None, announce_after=moment)


def announce_breach(pk, moment):
    """Claims one breach and hands it over; whether it is done."""
    claimed = Breach.objects.filter(pk=pk, announced_at=None, announce_after__lte=moment).update(
        announce_after=moment + CLAIM, attempts=F("attempts") + 1
    )
    if not claimed:
        return False
    breach = Breach.objects.select_related("threshold__kpi__owner", "threshold__edited_by").get(pk=pk)
    reason = find_reason_against(breach, moment)
    if reason:
        return finish(breach, [reason], [], moment)
    return hand_over(breach, moment)


def find_reason_against(breach, moment):
    """Why no handler needs to see a breach; None if they must."""
    if breach.caught_up:
        return "no proposal: it opened and closed while the evaluator was catching up"
    if breach.kind == Breach.Kind.DATA:
        # The suggestion answers a value beyond the limit, and there is no value.
        return "no proposal: points are missing, so nothing is known of the value"
    if not breach.threshold.title:
        return "no proposal: the threshold has no title"
    acting = list_acting(at=to_ms(moment))
    if (silence := find_silence(breach.threshold, acting)) is not None:
        suggestion = breach.threshold.suggestion or breach.threshold.title
        return f"would have proposed “{suggestion}”: {silence.describe()}"
    return None


def hand_over(breach, moment):
    """Calls every handler that has not had it yet; whether all are done."""
    outcomes, done, failed = [], [], False
    for path in conf.get("BREACH_HANDLERS"):
        if path in breach.handled_by:
            continue
        try:
            outcomes.append(import_string(path)(breach))
            done.append(path)
        except Exception:
            # One broken handler must not keep a breach from the others.
            failed = True
            logger.exception("%s failed with breach #%s, attempt %s", path, breach.pk, breach.attempts)
    if not failed and not outcomes and not breach.handled_by:
        outcomes = ["no proposal: METRICS_APP['BREACH_HANDLERS'] is empty"]
    return finish(breach, outcomes, done, moment, again=failed)


def finish(breach, outcomes, done, moment, *, again=False):
    """Writes what came of it on the breach and its timeline; False while a handler has to try again."""
    outcomes = [str(outcome)[:500] for outcome in outcomes if outcome]
    if outcomes:
        # Why nobody saw it before stays on the timeline.
        earlier = [breach.outcome] if breach.outcome and breach.handled_by else []
        breach.outcome = "; ".join(earlier + outcomes)[:500]
    breach.handled_by = breach.handled_by + done
    breach.announced_at = None if again else moment
    if again:
        breach.announce_after = moment + min(LONGEST_WAIT, timedelta(seconds=2 ** min(breach.attempts, 10)))
    at = int(time.time() * 1000)
    with transaction.atomic():
        breach.save(update_fields=["outcome", "handled_by", "announced_at", "announce_after"])
        BreachEvent.objects.bulk_create(
            BreachEvent(breach=breach, at=at, kind="announced", text=text) for text in outcomes
        )
    return not again
