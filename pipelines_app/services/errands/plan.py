"""Planning, claiming and ending errands; what moves a proposal stands on this, so it knows no kind.

What is due when it is planned is drained right after the commit, everything else by the beat.
"""

from datetime import timedelta

from django.db.models import F, Q
from django.db.models.functions import Least

from pipelines_app import conf
from pipelines_app.core.errands import MAILED, name_recipient
from pipelines_app.models import Errand
from pipelines_app.queries import list_origins
from pipelines_app.services.errands.bell import ring_if_due

ACT = "act"  # carries out what was approved
LONGEST = 500  # characters of an outcome or an error
CLAIM = timedelta(minutes=2)  # how long a claim holds when its process dies
BELIEVED = 2 * CLAIM  # a claim that says more was never made, by whatever clock
MOST_ATTEMPTS = 30_000  # that are counted; the column ends a little later
MAIL = "mail"
FIGURE = "figure"  # tells what watches the process
ANSWER = "answer"  # tells what opened a proposal what has become of it
MEASURE = "measure"  # judges what was carried out


def plan_errand(pipeline, kind, *, due_at, recipient=""):
    """The errand of the present version, made where it is missing; call it inside the cause's transaction."""
    key = {"pipeline": pipeline, "version": pipeline.version, "kind": kind, "recipient": recipient}
    ring_if_due(due_at)
    return Errand.objects.get_or_create(**key, defaults={"due_at": due_at})[0]


def describe_mails(people):
    """Whom the mails of an event go to, as its audit entry keeps it: an errand that vanished is missed."""
    return {MAILED: [user.pk for user in people]}


def plan_mails(pipeline, event, people, *, due_at):
    """A mail to each person, once per version and event of the audit chain (``core.errands.MAILINGS``)."""
    rows = [
        Errand(
            pipeline=pipeline,
            version=pipeline.version,
            kind=MAIL,
            recipient=name_recipient(event, user.pk),
            due_at=due_at,
        )
        for user in people
    ]
    Errand.objects.bulk_create(rows, ignore_conflicts=True)
    if rows:
        ring_if_due(due_at)


def find_unheld(moment):
    """Errands to do that no worker holds, or that somebody says are held for longer than one can be."""
    free = Q(claimed_until=None) | Q(claimed_until__lte=moment) | Q(claimed_until__gt=moment + BELIEVED)
    return Errand.objects.filter(free, done_at=None)


def claim(pk, moment):
    """The errand, if whoever calls is the one that took it; None for all others, or while it is not due."""
    taken = find_unheld(moment).filter(pk=pk, due_at__lte=moment)
    attempts = Least(F("attempts"), MOST_ATTEMPTS) + 1
    if not taken.update(claimed_until=moment + CLAIM, attempts=attempts):
        return None
    return Errand.objects.select_related("pipeline").get(pk=pk)


def end_errand(errand, outcome, *, at):
    """Ends a claimed errand; False where another has taken it over since, whose end counts."""
    mine = Errand.objects.filter(pk=errand.pk, done_at=None, claimed_until=errand.claimed_until)
    return bool(mine.update(done_at=at, outcome=outcome[:LONGEST], error="", claimed_until=None))


def put_off(errand, until, reason, *, attempts):
    """Gives a claimed errand back until later."""
    mine = Errand.objects.filter(pk=errand.pk, done_at=None, claimed_until=errand.claimed_until)
    mine.update(due_at=until, claimed_until=None, error=reason[:LONGEST], attempts=attempts)


def repeat_errand(pipeline, kind, *, due_at):
    """Asks anew for an errand of the present version that has ended; inside the cause's transaction."""
    errand = plan_errand(pipeline, kind, due_at=due_at)
    errand.due_at, errand.attempts, errand.claimed_until = due_at, 0, None
    errand.done_at, errand.outcome, errand.error = None, "", ""
    errand.save()


def plan_answer(pipeline, *, due_at):
    """Asks anew for what opened a proposal to be told of it, where somebody listens; as ``repeat_errand``."""
    if find_listener(pipeline):
        repeat_errand(pipeline, ANSWER, due_at=due_at)


def find_listener(pipeline):
    """The dotted path of ``ORIGINS`` for what opened it, or was noted on it since, by its prefix; or None."""
    listeners = conf.get("ORIGINS").items()
    origins = [pipeline.origin or "", pipeline.latest_origin]
    if listeners and pipeline.noted > 1:
        # The last one may name none where one before it did.
        origins += list_origins(pipeline)
    return next((path for prefix, path in listeners if any(one.startswith(prefix) for one in origins)), None)


def is_held(errand):
    """Whether a claimed errand is still this worker's."""
    return Errand.objects.filter(pk=errand.pk, done_at=None, claimed_until=errand.claimed_until).exists()
