"""Which windows are not known whole: they reach back before their KPI began, over points that are lost, or
over a time in which the site was away.

A KPI begins with its row, or with an older point that is kept of it. Both are remembered in the process:
that something began so early stays true, that it did not is asked again after ``FRESH`` seconds.
"""

import time

import numpy as np
from django.core.signals import setting_changed
from django.db.models import OuterRef, Subquery

from metrics_app.core.aggregates import list_names, needs_whole
from metrics_app.core.buckets import floor
from metrics_app.core.durations import DAY_MS, HOUR_MS, MINUTE_MS
from metrics_app.core.moments import to_ms
from metrics_app.models import DayRollup, HourRollup, Kpi, Loss, MinuteRollup, Topic
from metrics_app.queries.losses import list_losses_of
from metrics_app.queries.observations import make_plain
from metrics_app.queries.recordings import find_broken

FRESH = 60  # seconds
MOST_KNOWN = 200_000

_births = {}  # topic -> (ms, monotonic seconds until which it is fresh)


def find_partial(asked):
    """Whether each of ``Asked`` windows, or the one it is compared with, is known in part only: an array.

    Of what does not count, nor compares what does, that makes no difference: False.
    """
    partial = np.zeros(len(asked.topics), bool)
    chosen = asked.find({name for name in list_names() if needs_whole(name)})
    if len(chosen):
        counted = asked.take(chosen)
        partial[chosen] = is_partial(counted)
        changes = counted.find(list_names("is_change"))
        if len(changes):
            partial[chosen[changes]] |= is_partial(make_plain(counted.take(changes), earlier=True))
    return partial


def is_partial(asked):
    """The same of the very windows."""
    births = read_births(asked.topics, asked.starts)
    born = np.array([births.get(topic, 0) for topic in asked.topics], np.int64)
    # A window that ends before is asked of the past: nothing says that nobody counted then.
    partial = (asked.starts < born) & (born < asked.ends)
    return partial | is_lossy(asked) | find_broken(asked.starts, asked.ends)


def is_lossy(asked):
    """Whether points of each window are known to be lost: a comparison of arrays for each span of a loss."""
    lossy = np.zeros(len(asked.topics), bool)
    low, high = asked.starts.min().item(), asked.ends.max().item()
    if not Loss.objects.filter(end__gte=low, start__lte=high).exists():
        return lossy
    losses = list_losses_of(dict.fromkeys(asked.topics), low, high)
    # Most topics of a shard lost the same spans, or none: their windows are compared with them at once.
    together = {}
    for at, topic in enumerate(asked.topics):
        spans = tuple((one.start, max(one.end, one.start + 1)) for one in losses[topic] if one.points != 0)
        if spans:
            together.setdefault(spans, []).append(at)
    for spans, places in together.items():
        starts, ends = asked.starts[places], asked.ends[places]
        lossy[places] = np.any([(low < ends) & (high > starts) for low, high in spans], axis=0)
    return lossy


def read_births(topics, starts=None):
    """``{topic: ms}`` of when KPIs began, where one did; ``starts`` (ms): how far back matters of each."""
    now, wanted = time.monotonic(), set()
    for topic, start in zip(topics, topics if starts is None else starts.tolist(), strict=True):
        born, fresh = _births.get(topic, (None, 0.0))
        if born is None or (now >= fresh and (starts is None or born > start)):
            wanted.add(topic)
    if wanted:
        if len(_births) > MOST_KNOWN:
            _births.clear()
        _births.update({topic: (born, now + FRESH) for topic, born in fetch_births(wanted).items()})
    return {topic: _births[topic][0] for topic in topics if topic in _births}


def fetch_births(topics):
    """``{topic: ms}`` of KPIs: their row, or the oldest point that is kept from before it."""
    births = {
        topic: to_ms(made)
        for topic, made in Kpi.objects.filter(topic__in=topics).values_list("topic", "created_at")
    }
    if not births:
        return births
    topics = Topic.objects.filter(name__in=births).order_by()
    # An hour, or a day, that holds the beginning says nothing of what came before it: minutes do.
    for model, size in ((MinuteRollup, MINUTE_MS), (HourRollup, HOUR_MS), (DayRollup, DAY_MS)):
        # Of each topic one step into its index: all that is kept of all would be years of minutes.
        first = model.objects.filter(topic=OuterRef("id")).order_by("start").values("start")[:1]
        for name, start in topics.values_list("name", Subquery(first)):
            if start is not None and start < floor(births[name], size):
                births[name] = start
    return births


def forget_births(*, setting, **kwargs):
    """Forgets when a test overrides the settings: it also has a database of its own."""
    if setting == "METRICS_APP":
        _births.clear()


setting_changed.connect(forget_births)
