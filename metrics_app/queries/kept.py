"""How fine the past still is: pruning leaves hours, then days, which nothing can cut any more."""

from datetime import UTC, datetime

from django.db.models import OuterRef, Subquery

from metrics_app.core.buckets import floor
from metrics_app.core.durations import DAY_MS, HOUR_MS, MINUTE_MS
from metrics_app.exceptions import NotKept
from metrics_app.models import DayRollup, HourRollup, MinuteRollup, ShardHistory, Topic
from metrics_app.queries.logs import clock, shard_for

# Minutes are kept so long whatever the settings say: those of yesterday may still be held back in Redis.
LEAST_DAYS = 2
NAMES = {HOUR_MS: "minutes", DAY_MS: "hours"}
WHOLE = {HOUR_MS: "hour", DAY_MS: "UTC day"}


def find_grain(topic, at):
    """The finest roll-up (ms) that is kept of a topic from ``at`` (ms) on: a minute, an hour or a day."""
    if at >= clock() - LEAST_DAYS * DAY_MS:
        return MINUTE_MS
    state = ShardHistory.objects.filter(shard=shard_for(topic)).first()
    return grain_of(state, at) if state else MINUTE_MS


def grain_of(state, at):
    """The same, of a ShardHistory at hand."""
    return DAY_MS if at < state.pruned_hours else HOUR_MS if at < state.pruned_minutes else MINUTE_MS


def check_edges(topic, edges, *, field, expected):
    """NotKept where one of the ``edges`` (ms, ascending) cuts points that are kept by hour or day only.

    ``expected`` says of an hour or a day (ms) what to ask for instead. An hour without points may be cut.
    """
    if not edges or edges[0] >= clock() - LEAST_DAYS * DAY_MS:
        return
    state = ShardHistory.objects.filter(shard=shard_for(topic)).first()
    if state is not None:
        check_cuts(topic, state, edges, field=field, expected=expected)


def check_cuts(topic, state, edges, *, field, expected):
    """``check_edges`` with a ShardHistory at hand."""
    for size, model, until in (
        (DAY_MS, DayRollup, state.pruned_hours),
        (HOUR_MS, HourRollup, state.pruned_minutes),
    ):
        cut = {floor(edge, size) for edge in edges if edge % size and edge < until}
        if not cut:
            continue
        rows = model.objects.filter(topic__in=find_topic(topic), start__gte=min(cut), start__lte=max(cut))
        if not cut.isdisjoint(rows.values_list("start", flat=True)):
            day = datetime.fromtimestamp(until / 1000, UTC).date()
            raise NotKept(f"{NAMES[size]} before {day} are no longer kept: {expected(size)}", field=field)


def find_topic(name):
    """The row of a topic by its name, as a subquery."""
    return Topic.objects.filter(name=name).values("id")


def find_last(name):
    """Where (ms) the newest roll-up of a topic begins, the finest there is; None without any.

    Its newest point came in that minute, or, where minutes are pruned, in that hour or UTC day: nothing
    finer is kept of what Redis has never had.
    """
    newest = [
        Subquery(model.objects.filter(topic=OuterRef("id")).order_by("-start").values("start")[:1])
        for model in (DayRollup, HourRollup, MinuteRollup)
    ]
    starts = Topic.objects.filter(name=name).values_list(*newest).first() or ()
    return max((start for start in starts if start is not None), default=None)


def take_step(size):
    """What a series may ask for where only hours or days are kept."""
    return f"take a step of {size // 1000} s or more, in multiples of it"


def take_zone(size):
    """What a calendar may ask for."""
    if size == DAY_MS:
        return "take days, weeks or months of the zone UTC"
    return "take a zone that is whole hours from UTC"


def take_whole(size):
    """What a span may begin and end with."""
    return f"expected a whole {WHOLE[size]}"
