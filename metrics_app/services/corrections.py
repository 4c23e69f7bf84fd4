"""Voiding and restoring spans of history: nothing is deleted, and everything follows.

A voided span counts nowhere: in no statistic, no series, no threshold that is judged from
now on. The roll-ups keep it, so do the evidence of past decisions and the records of what
the thresholds saw.
"""

from django.db import transaction
from django.utils import timezone

from metrics_app.core.buckets import MINUTE
from metrics_app.core.points import check_topic
from metrics_app.core.spans import DAY, ceil
from metrics_app.exceptions import BadInput, Conflict
from metrics_app.models import Correction, ShardHistory
from metrics_app.queries.logs import shard_for

LONGEST = 3_660 * DAY


def void(*, topic, start, end, reason, by):
    """The Correction that takes [start, end) ms of a topic out of all figures, in whole minutes.

    BadInput for an empty reason, a span that is none, or one that cuts what is kept by day only.
    """
    check_topic(topic)
    start, end = start // MINUTE * MINUTE, ceil(end, MINUTE)
    if not 0 < end - start <= LONGEST:
        raise BadInput(f"[{start}, {end}) is no span: expected a start before the end", field="end")
    check_kept(topic, start, end)
    return Correction.objects.create(
        topic=topic, start=start, end=end, reason=check_reason(reason), author=by
    )


def check_reason(reason):
    """The reason without blanks around it, or BadInput."""
    reason = (reason or "").strip()
    if not reason or len(reason) > 500:
        raise BadInput("a correction needs a reason of 1 to 500 characters", field="reason")
    return reason


def check_kept(topic, start, end):
    """BadInput where an edge cuts a day whose minutes were pruned already."""
    state = ShardHistory.objects.filter(shard=shard_for(topic)).first()
    for name, edge in (("start", start), ("end", end)):
        if state and edge % DAY and edge < state.pruned_minutes:
            raise BadInput(
                f"{name} {edge} cuts a day whose minutes are not kept any more: take whole UTC days, "
                f"or a span after {state.pruned_minutes}",
                field=name,
            )


def restore(*, correction, reason, by):
    """Lets a voided span count again; the Correction. Conflict when somebody else has done it."""
    reason = check_reason(reason)
    with transaction.atomic():
        row = Correction.objects.select_for_update(of=("self",)).get(pk=correction.pk)
        if row.restored_at is not None:
            raise Conflict(
                f"{row.restored_by} has restored this span at {row.restored_at:%Y-%m-%d %H:%M} UTC"
            )
        row.restored_by, row.restored_at, row.restore_reason = by, timezone.now(), reason
        row.save(update_fields=["restored_by", "restored_at", "restore_reason"])
    return row
