"""Notices become rows: in the transaction that moves the breach, and when a reminder is due."""

from datetime import timedelta

from django.db.models import Count, Exists, Max, OuterRef, Q, Subquery
from django.utils import timezone

from metrics_app.core import notices
from metrics_app.core.conditions import FIRING, OK
from metrics_app.core.moments import to_ms
from metrics_app.core.text.phrases import tell_observation
from metrics_app.core.text.units import format_duration
from metrics_app.models import Breach, Notice, Receiver
from metrics_app.services.conditions import judge_threshold
from metrics_app.services.moments import write_moment
from metrics_app.services.silences import is_silenced, list_acting
from metrics_app.services.watch.states import read_clock

BATCH = 500  # rows of one insert
CLOSING = {kind for kind, event in notices.EVENTS.items() if event in notices.ENDINGS}
LATEST_TOLD = ("-done_at", "-at", "-pk")  # a slot that is judged late is told late
TOLD = {"ok": "within limit", "pending": "over the limit for now", "recovering": "recovering"}
FLAPPED = timedelta(days=31)  # a threshold of the longest interval is calm again by then


def write_notices(lines, *, now=None):
    """Notices of what stands on timelines: ``(BreachEvent, State or None)`` pairs, saved breaches.

    One read (two where a breach ends), and one insert for every 500 notices; nothing without a line that
    somebody may want to hear of.
    """
    lines = [(line, state) for line, state in lines if line.kind in notices.EVENTS]
    heard = list_heard({line.breach.pk for line, _ in lines if line.kind in CLOSING})
    # One that is deleted in this very moment makes the transaction fail, and the next second judges again.
    asked = Q(enabled=True) | Q(pk__in={receiver for receiver, _ in heard})
    receivers = list(Receiver.objects.filter(asked)) if lines else []
    moment = now or timezone.now()
    rows = [
        make_notice(receiver, line, state, moment)
        for line, state in lines
        for receiver in receivers
        if is_for(receiver, line, heard)
    ]
    insert(rows)


def list_heard(breaches):
    """``{(receiver id, breach id), …}`` of who may have been told, or will be, that breaches (ids) began."""
    if not breaches:
        return set()
    rows = Notice.objects.filter(breach__in=breaches, receiver__isnull=False)
    return set(rows.order_by().values_list("receiver", "breach"))


def is_for(receiver, line, heard):
    """Whether a receiver gets a row of a line: it asks for such, or may have heard of what ends there."""
    event, breach = notices.EVENTS[line.kind], line.breach
    # Whatever it asks for by now, and also where it is switched off: see ``owed``.
    if event in notices.ENDINGS and (receiver.pk, breach.pk) in heard:
        return notices.chose(receiver, event)
    return receiver.enabled and notices.wants(receiver, event, breach.severity, breach.threshold.kpi)


def make_notice(receiver, line, state, moment):
    """The row of one line for one receiver."""
    event = notices.EVENTS[line.kind]
    # While a threshold flaps there is one message that says so, in place of the pairs. What was told to
    # have begun before is told to be over: the judge knows.
    flaps = state is not None and state.flapping and line.breach.kind == Breach.Kind.LIMIT
    return Notice(
        receiver=receiver,
        breach=line.breach,
        event=notices.FLAPPING if flaps and event in notices.OPENINGS else event,
        at=line.at,
        value=state.value if state else None,
        text=line.text,
        cause=line.cause[:200],
        try_after=moment + timedelta(seconds=receiver.group_wait),
    )


def insert(rows):
    """Writes rows; those that are there already stay as they are."""
    if rows:
        Notice.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)


def write_reminders(moment):
    """A notice for each breach that is still open ``repeat_after`` its receiver last heard of it."""
    for receiver in Receiver.objects.filter(enabled=True, repeat_after__isnull=False):
        last = find_last_told(receiver, moment - timedelta(seconds=receiver.repeat_after))
        if not last:
            continue
        acting, clock = list_acting(at=to_ms(moment)), read_clock()
        breaches = list_believed(receiver, last)
        insert(
            # The time comes from the row before: two drains at once make the same row.
            make_reminder(receiver, breach, to_ms(last[breach.pk]), moment, clock)
            for breach in breaches
            if wants_reminder(receiver, breach)
            and not breach.threshold.state_row.flapping
            and not is_silenced(breach.threshold, acting)
        )


def wants_reminder(receiver, breach):
    """Whether a receiver asked to hear that such a breach begins, and may still know of it."""
    return notices.wants(receiver, notices.find_opening(breach.kind), breach.severity, breach.threshold.kpi)


def find_last_told(receiver, until):
    """``{breach id: datetime}`` of open breaches that a receiver last heard of up to then."""
    rows = Notice.objects.filter(receiver=receiver, breach__recovered_at=None, breach__isnull=False)
    rows = rows.filter(breach__caught_up=False).order_by().values("breach")
    rows = rows.annotate(last=Max("done_at"), waiting=Count("pk", filter=Q(done_at=None)))
    return dict(rows.filter(waiting=0, last__lte=until).values_list("breach", "last"))


def list_believed(receiver, ids):
    """Of some breaches those that a receiver may be reminded of: it was not told that they are over."""
    sent = Notice.objects.filter(receiver=receiver, breach=OuterRef("pk"), outcome=Notice.Outcome.SENT)
    rows = Breach.objects.filter(pk__in=ids, threshold__enabled=True)
    rows = rows.annotate(told=Subquery(sent.order_by(*LATEST_TOLD).values("event")[:1]))
    rows = rows.filter(Q(told=None) | ~Q(told__in=notices.ENDINGS))
    return rows.select_related("threshold__kpi", "threshold__state_row")


def make_reminder(receiver, breach, last, moment, clock):
    """The row that says that a breach is still open, and whether anybody judges it; ``last`` in ms."""
    return Notice(
        receiver=receiver,
        breach=breach,
        event=notices.STILL,
        at=last + receiver.repeat_after * 1000,
        value=breach.threshold.state_row.value,
        text=tell_open(breach, moment, clock)[:500],
        try_after=moment,
    )


def tell_open(breach, moment, clock):
    """ "Open for 4 h: mean 54 h over 30 min, 12 points; not judged since 2026-11-24 08:00 UTC." """
    threshold = breach.threshold
    lasted = format_duration(moment.timestamp() - breach.fired_at / 1000)
    seen = tell_observation(threshold, threshold.kpi.unit, threshold.state_row)
    text = f"Open for {lasted}" + ("" if breach.kind == Breach.Kind.DATA else f": {seen}")
    unjudged = tell_unjudged(judge_threshold(threshold, clock))
    return f"{text}{unjudged and f'; {unjudged}'}."


def write_resting(moment):
    """A notice that says how it stands, for whoever was told that a threshold flaps, once it is calm."""
    later = Notice.objects.filter(
        receiver=OuterRef("receiver"),
        breach__threshold=OuterRef("breach__threshold"),
        pk__gt=OuterRef("pk"),
    )
    recovered = Q(event=notices.RECOVERED) & ~Q(outcome=Notice.Outcome.WITHHELD)
    later = later.filter(Q(event__in=[notices.CALM, notices.FLAPPING]) | recovered)
    rows = Notice.objects.filter(
        event=notices.FLAPPING,
        done_at__gte=moment - FLAPPED,
        breach__threshold__state_row__flapping=False,
        receiver__enabled=True,
    ).exclude(Exists(later))
    rows = rows.select_related("receiver", "breach__threshold__kpi", "breach__threshold__state_row")
    if rows:
        acting, clock = list_acting(at=to_ms(moment)), read_clock()
        insert(
            make_resting(row, moment, clock)
            for row in rows
            # What is still open is told once no silence keeps it back.
            if row.breach.recovered_at is not None or not is_silenced(row.breach.threshold, acting)
        )


def make_resting(row, moment, clock):
    """The row that follows the last one about what flapped: it has recovered, or is still open."""
    breach, threshold = row.breach, row.breach.threshold
    state = threshold.state_row
    condition = judge_threshold(threshold, clock)
    words, seen = tell_standing(condition), tell_observation(threshold, threshold.kpi.unit, state)
    is_over = breach.recovered_at is not None
    return Notice(
        receiver=row.receiver,
        breach=breach,
        event=notices.RECOVERED if is_over else notices.CALM,
        # Behind the recovery that was withheld while it flapped.
        at=breach.recovered_at + 1 if is_over else row.at,
        # One that is beyond the limit once more has not recovered by that.
        value=state.value if not is_over or condition.state == OK else None,
        text=f"No longer flapping, {words}: {seen}."[:500],
        try_after=moment,
    )


def tell_standing(condition):
    """How a threshold stands: "within limit", "beyond limit; not judged since 2026-11-24 08:00 UTC"."""
    if not condition.is_watched:
        return "switched off"
    unjudged = tell_unjudged(condition)
    if condition.state == FIRING:
        return "; ".join(filter(None, ("beyond limit", unjudged)))
    return unjudged or TOLD[condition.state]


def tell_unjudged(condition):
    """ "not judged since 2026-11-24 08:00 UTC"; "" where somebody judges."""
    since = condition.unjudged_since
    return "" if since is None else f"not judged since {write_moment(since)}"
