"""Voiding and restoring spans of history: nothing is deleted, and everything follows.

A voided span counts nowhere: in no statistic, no series, no threshold that is judged from
now on. The roll-ups keep it, so do the evidence of past decisions and the records of what
the thresholds saw.
"""

from django.db import transaction
from django.utils import timezone

from metrics_app import queries, registry
from metrics_app.core.buckets import floor
from metrics_app.core.durations import DAY_MS, MINUTE_MS
from metrics_app.core.points import check_topic
from metrics_app.core.spans import ceil
from metrics_app.exceptions import BadInput, Conflict
from metrics_app.models import Correction, ShardHistory, Topic
from metrics_app.queries.logs import shard_for

LONGEST = 3_660 * DAY_MS


def void(*, topic, start, end, reason, by, who=None, now=None):
    """The Correction that takes [start, end) ms of a topic out of all figures, in whole minutes.

    Its ``points`` is how many counted until then. BadInput for an unknown topic, an empty reason, a
    span that is none, lies ahead of ``now`` (ms) or cuts what is kept by day only.
    """
    check_known(topic, who)
    reason = check_reason(reason)
    start, end = floor(start, MINUTE_MS), ceil(end, MINUTE_MS)
    check_span(start, end, queries.redis_now() if now is None else now)
    check_kept(topic, start, end)
    points = queries.span(topic, start, end).count
    row = Correction.objects.create(topic=topic, start=start, end=end, reason=reason, author=by)
    row.points = points
    return row


def check_known(topic, who=None):
    """BadInput for a topic without a KPI or a point, in the same words for one that is not for ``who``."""
    check_topic(topic)
    registry.look_again()
    if (who is None or registry.may_read(who, topic)) and is_known(topic):
        return
    raise BadInput(f"{topic!r} has no points: expected the topic of a KPI you may see", field="topic")


def is_known(topic):
    """Whether a topic is a KPI or ever had a point."""
    return registry.get_kpi(topic) or Topic.objects.filter(name=topic).exists() or queries.get_head(topic)


def check_span(start, end, now):
    """BadInput for a span that is none, too long, or not over: points to come are nobody's mistake yet."""
    if start >= end:
        raise BadInput(f"[{start}, {end}) is no span: expected a start before the end", field="end")
    if end > floor(now, MINUTE_MS) + MINUTE_MS:
        raise BadInput(f"the end {end} is in the future: expected a time up to now", field="end")
    if end - start > LONGEST:
        raise BadInput(f"[{start}, {end}) is too long: expected at most ten years", field="start")


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
        if state and edge % DAY_MS and edge < state.pruned_minutes:
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
