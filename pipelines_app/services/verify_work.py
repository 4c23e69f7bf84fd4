"""Whether an open errand is as the drain leaves one: due, tried and held as long as it can have been.

The drain holds an errand for two minutes, and puts one off that failed by waits that are known: what says
more was written by somebody else. Clocks of workers may differ by a minute.
"""

from datetime import timedelta

from django.utils import timezone

from pipelines_app import conf
from pipelines_app.core.errands import WAITS, find_wait
from pipelines_app.models import Errand
from pipelines_app.queries.unless import WATCH
from pipelines_app.services.errands.mail import SPAN
from pipelines_app.services.errands.plan import ACT, ANSWER, BELIEVED, CLAIM, FIGURE, MAIL
from pipelines_app.services.errands.watch import LOOK
from pipelines_app.services.verify_ends import find_key, name_row

SKEW = timedelta(minutes=1)
# What postpones one that did not fail, and for how long a receiver may ask to be left alone.
PAUSES = {MAIL: SPAN, WATCH: LOOK, ACT: timedelta(seconds=WAITS[-1])}


def check_work(story, report, using):
    """Names each open errand that is held for longer, or was tried more often, than can be."""
    now = timezone.now()
    for row in Errand.objects.using(using).filter(done_at=None).order_by("pk").iterator(chunk_size=2000):
        if row.claimed_until and row.claimed_until > now + BELIEVED:
            report.faults.append(f"{name_row(*find_key(row))} is held for longer than it can be")
        _, made_at = story.versions.get((row.pipeline_id, row.version), (None, None))
        if row.kind in (ANSWER, FIGURE) and is_put_off(row, find_latest(row, story, now), now):
            report.faults.append(f"{name_row(*find_key(row))} was put off")
        least = find_least(row.attempts)
        if made_at and least and least > max(now, row.due_at) + SKEW - made_at:
            report.faults.append(f"{name_row(*find_key(row))} was tried more often than it can have been")


def find_latest(row, story, now):
    """When a figure or an answer is due at the latest that never failed: a figure once nothing is undone."""
    told = story.asked.get(row.pipeline_id)
    after = timedelta(seconds=conf.get("EXECUTE_AFTER")) if row.kind == FIGURE else timedelta()
    return max(now, told.at if told else now) + SKEW + after


def find_least(attempts):
    """The least time in which so many attempts are made: after each it waits, or its claim has to end."""
    waits = (min(timedelta(seconds=find_wait(number)), CLAIM) for number in range(1, min(attempts, 10)))
    return sum(waits, timedelta()) + CLAIM * max(0, attempts - 10)


def is_put_off(row, due, now):
    """Whether an open errand that was planned for ``due`` is due later than its last attempt led to."""
    if not row.error:
        return row.due_at > due
    failed = timedelta(seconds=find_wait(max(1, row.attempts)))
    return row.due_at > max(due, now) + max(failed, PAUSES.get(row.kind, failed)) + SKEW
