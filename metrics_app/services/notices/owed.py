"""What receivers should know and do not, whatever has changed since it happened.

Notices are written when a breach begins and ends, for whoever asks for it then. That alone would
leave out who asks later: once a silence is over, a severity is raised, a receiver is new, is switched on
again or asks for more. So the open breaches are gone through before each drain.
"""

from datetime import timedelta

from django.db.models import Exists, OuterRef, Q, Subquery

from metrics_app import conf
from metrics_app.core import notices
from metrics_app.core.moments import to_ms
from metrics_app.models import Breach, Notice, Receiver
from metrics_app.services.notices.write import LATEST_TOLD, insert, tell_open
from metrics_app.services.silences import is_silenced, list_acting
from metrics_app.services.watch.states import read_clock

Outcome = Notice.Outcome
SAID = (Outcome.SENT, Outcome.FAILED)  # what a receiver did not want is tried again by hand
OWED_FOR = timedelta(days=31)  # nobody asks for an end that is older


def write_owed(moment):
    """A notice for each open breach that a receiver asks for, may know of, and has not been told of."""
    found = [
        (receiver, breach)
        for receiver in Receiver.objects.filter(enabled=True)
        for breach in list_unknown(receiver)
        if notices.wants(receiver, find_event(breach), breach.severity, breach.threshold.kpi)
        and not is_flapping(breach)
    ]
    if found:
        acting, clock = list_acting(at=to_ms(moment)), read_clock()
        insert(
            make_owed(receiver, breach, moment, clock)
            for receiver, breach in found
            if not is_silenced(breach.threshold, acting)
        )


def list_unknown(receiver):
    """Open breaches of which a receiver knows nothing, or that they are over; none of which a notice waits.

    Each with the ``last`` event it was told, when its newest notice happened (``newest``, ms) and, where
    that was withheld, ``why``.
    """
    own = Notice.objects.filter(receiver=receiver, breach=OuterRef("pk"))
    latest = own.order_by("-at", "-pk")
    # What its outage outlasted it has not heard: as long as that is open it is told anew, at its own pace.
    said = Q(outcome__in=SAID) & ~Q(outcome=Outcome.FAILED, attempts__gte=conf.get("NOTICE_ATTEMPTS"))
    rows = Breach.objects.filter(recovered_at=None, caught_up=False, threshold__enabled=True)
    rows = rows.filter(severity__in=receiver.severities).exclude(Exists(own.filter(done_at=None)))
    rows = rows.annotate(
        last=Subquery(own.filter(said).order_by(*LATEST_TOLD).values("event")[:1]),
        newest=Subquery(latest.values("at")[:1]),
        why=Subquery(latest.filter(outcome=Outcome.WITHHELD).values("error")[:1]),
    ).filter(Q(last=None) | ~Q(last__in=notices.KNOWN_OPEN))
    return rows.select_related("threshold__kpi", "threshold__state_row")


def find_event(breach):
    """What is to be told of a breach of ``list_unknown``: that it began, or that it is open once more."""
    return notices.REOPENED if breach.last in notices.ENDINGS else notices.find_opening(breach.kind)


def is_flapping(breach):
    """Whether its threshold flaps, which is told in place of it."""
    return breach.kind == Breach.Kind.LIMIT and breach.threshold.state_row.flapping


def make_owed(receiver, breach, moment, clock):
    """The row that tells late what is still open: the value that fired, and how it stands now."""
    held = f" Withheld until now: {breach.why}." if breach.why else ""
    return Notice(
        receiver=receiver,
        breach=breach,
        event=find_event(breach),
        # The time comes from the row before: two drains at once make the same row.
        at=breach.fired_at if breach.newest is None else breach.newest + 1,
        value=breach.value,
        text=f"{tell_open(breach, moment, clock)}{held}"[:500],
        # As a first notice does, so that it carries what is proposed now.
        try_after=moment + timedelta(seconds=receiver.group_wait),
    )


def write_owed_ends(receiver, moment):
    """A notice of each breach that has ended, as a receiver that was told it began does not know.

    It was switched off when that happened: its notices of that were withheld.
    """
    own = Notice.objects.filter(receiver=receiver, breach=OuterRef("breach"))
    last = own.filter(Q(done_at=None) | Q(outcome__in=SAID)).order_by("-at", "-pk").values("event")[:1]
    rows = Notice.objects.filter(receiver=receiver, event__in=notices.ENDINGS, outcome=Outcome.WITHHELD)
    rows = rows.filter(done_at__gte=moment - OWED_FOR, breach__recovered_at__isnull=False)
    rows = rows.annotate(last=Subquery(last)).filter(last__in=notices.KNOWN_OPEN)
    newest = {row.breach_id: row for row in rows.order_by("at", "pk")}
    insert(make_owed_end(row, moment) for row in newest.values())


def make_owed_end(row, moment):
    """The row that was withheld, once more."""
    told = {name: getattr(row, name) for name in ("receiver", "breach", "event", "value", "text", "cause")}
    return Notice(**told, at=row.at + 1, try_after=moment)
