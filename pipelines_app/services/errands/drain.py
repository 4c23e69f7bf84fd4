"""The drain: claims errands that are due, does them, and writes what came of each.

Any number of drains may run at once. A claim whose worker died is taken again after its time.
"""

import logging
from collections import deque
from datetime import timedelta
from itertools import groupby
from operator import attrgetter

from django.db.models import F, Q
from django.utils import timezone

from pipelines_app import conf
from pipelines_app.core.counts import count_words
from pipelines_app.core.errands import find_pause, flatten
from pipelines_app.exceptions import Impossible, NotMeasured, Postponed
from pipelines_app.services.errands.ends import settle, settle_pointless
from pipelines_app.services.errands.kinds import KINDS
from pipelines_app.services.errands.places import TURN, hold_back, list_places
from pipelines_app.services.errands.plan import claim, find_unheld, put_off

logger = logging.getLogger(__name__)

BATCH = 50  # errands per drain; the next takes the next
PART = "errands"  # of the service, as ON_WORK is told


def run_errands(*, now=None):
    """Does what is due; how many errands were taken up. ``now``: aware datetime."""
    end_pointless(now or timezone.now())
    count = 0
    for place, errand in claim_errands(now):
        if not run_errand(errand, now or timezone.now()):
            # What comes next there waits, and is not asked for one by one.
            errand.refresh_from_db(fields=["due_at"])
            hold_back(place, KINDS[place.kind], now or timezone.now(), errand.due_at)
            place.due.clear()
        count += 1
        tell_work(now)
    tell_work(now)
    return count


def tell_work(now):
    """Tells the project that the drain works; nothing of a moment that the caller chose."""
    note = conf.load("ON_WORK")
    if note is None or now is not None:
        return
    try:
        note(PART)
    except Exception:
        # What cannot be noted is done all the same.
        logger.exception("%s failed", conf.get("ON_WORK"))


def claim_errands(now=None):
    """Claims due errands, ``(Place, Errand)``, each just before it is done.

    Of every place the first, and then of every place the next, so that much for one keeps no other waiting.
    """
    moment, left = now or timezone.now(), BATCH
    places = deque(place for place in list_places(KINDS, moment) if is_free(place, moment))
    while places and left:
        place = places.popleft()
        if errand := claim(place.due.pop(0), now or timezone.now()):
            left -= 1
            yield place, errand
        else:
            # Another worker is at it: what follows there is for whoever comes once it has got through.
            place.due.clear()
        if place.due:
            places.append(place)


def is_free(place, moment):
    """Whether the first errand of a Place may be taken up; what waits behind one that may not is put off."""
    if place.free_at is not None:
        hold_back(place, KINDS[place.kind], moment, place.free_at)
    return place.free_at is None


def find_due(moment):
    """Errands that are due; those of an unknown kind are left to whoever was released with it."""
    return find_unheld(moment).filter(due_at__lte=moment, kind__in=list(KINDS))


def end_pointless(moment):
    """Ends errands that make no sense any more, due or not, each with the reason."""
    moot = ~Q(version=F("pipeline__version"))
    for name, kind in KINDS.items():
        moot |= Q(kind=name) & ~Q(pipeline__state__in=kind.states)
    found = find_unheld(moment).filter(moot, kind__in=list(KINDS)).select_related("pipeline")
    for pk, errands in groupby(found.order_by("pipeline_id", "pk")[:BATCH], key=attrgetter("pipeline_id")):
        outcomes = [(errand, f"not done: {tell_pointless(errand)}") for errand in errands]
        settle_pointless(pk, outcomes, at=moment)


def run_errand(errand, now):
    """Does one claimed errand, or ends it where it makes no sense any more; whether it has an end by that."""
    kind = KINDS[errand.kind]
    if reason := tell_pointless(errand):
        settle(errand, f"not done: {reason}", at=now)
        return True
    # Asked by whoever has claimed it: of two at once each sees the other, and neither goes beside it.
    if kind.waits and (reason := kind.waits(errand, now)):
        put_off(errand, now + TURN, reason, attempts=errand.attempts - 1)
        return False
    try:
        outcome = kind.do(errand, now)
    except Postponed as error:
        put_off(errand, error.until, str(error), attempts=errand.attempts - 1)
    except Exception as error:
        return fail(errand, kind, error, now)
    else:
        settle(errand, outcome, at=now)
        return True
    return False


def tell_pointless(errand):
    """Why an errand is not to be done, in words; empty where it is."""
    pipeline = errand.pipeline
    if pipeline.version != errand.version:
        return f"version {pipeline.version} took the place of version {errand.version}"
    return "" if pipeline.state in KINDS[errand.kind].states else f"the proposal is {pipeline.standing}"


def fail(errand, kind, error, now):
    """Plans the next attempt, or gives up after the last one; whether it did."""
    reason = flatten(error) or type(error).__name__
    over = isinstance(error, Impossible) or errand.attempts >= kind.attempts
    # A bug wants its traceback; what was foreseen has said all there is.
    foreseen = over or isinstance(error, NotMeasured)
    logger.warning(
        "%s failed (attempt %s): %s",
        *(errand, errand.attempts, reason),
        exc_info=not foreseen,
        # For what holds back in a log that a server is away: the reason is only its words.
        extra={"fault": error},
    )
    if not over:
        asked = getattr(error, "retry_after", None)
        later = now + timedelta(seconds=find_pause(errand.attempts, asked))
        put_off(errand, later, reason, attempts=errand.attempts)
        return False
    if kind.give_up:
        kind.give_up(errand, reason, now)
    settle(errand, f"failed after {count_words(errand.attempts, 'attempt')}: {reason}", at=now)
    return True
