"""How the notices do: for ``/readyz``, for Prometheus, for people."""

from datetime import timedelta
from typing import NamedTuple

from django.db.models import Count
from django.utils import timezone

from metrics_app.models import Notice, Receiver

LATE = timedelta(minutes=5)  # a notice that is due for so long is told of
DAY = timedelta(days=1)


class NoticeHealth(NamedTuple):
    """Counts of notices; ``overdue`` in seconds, of the one that is due for longest."""

    waiting: int
    overdue: float
    failed: int  # given up in the last 24 hours
    warning: str


def read_notice_health(*, now=None):
    """The NoticeHealth as of now."""
    moment = now or timezone.now()
    waiting = Notice.objects.filter(done_at=None)
    first = waiting.order_by("created_at").values_list("created_at", "receiver__group_wait").first()
    overdue = 0.0
    if first is not None:
        due = first[0] + timedelta(seconds=first[1])
        overdue = max(0.0, (moment - due).total_seconds())
    failed = Notice.objects.filter(outcome=Notice.Outcome.FAILED, done_at__gte=moment - DAY)
    # Whoever sent a test has read its outcome.
    failed = failed.exclude(event=Notice.Event.TEST).count()
    return NoticeHealth(waiting.count(), overdue, failed, find_warning(overdue, failed))


class Standing(NamedTuple):
    """How one receiver does; ``down`` in seconds since no attempt has worked, 0 where the last one did."""

    name: str
    down: float
    waiting: int


def read_standings(*, now=None):
    """The Standing of each receiver that is switched on, by name."""
    moment = now or timezone.now()
    # What was done long ago, and is kept for ever, is not looked through.
    queue = Notice.objects.filter(done_at=None).order_by().values_list("receiver")
    waiting = dict(queue.annotate(number=Count("pk")))
    rows = Receiver.objects.filter(enabled=True).order_by("name").values_list("pk", "name", "down_since")
    return [
        Standing(name, max(0.0, (moment - since).total_seconds()) if since else 0.0, waiting.get(pk, 0))
        for pk, name, since in rows
    ]


def find_warning(overdue, failed):
    """What people must know; "" where all is well."""
    faults = []
    if overdue > LATE.total_seconds():
        faults.append(
            "notices wait: see the receivers in the admin, and whether the worker of the queue slow runs"
        )
    if failed:
        faults.append("some were given up in the last 24 hours: the admin says why")
    return "; ".join(faults)
