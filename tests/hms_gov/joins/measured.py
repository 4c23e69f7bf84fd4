"""A year of hours in the roll-ups, and a proposal that was carried out three weeks ago."""

import time
from datetime import UTC, datetime, timedelta

import numpy as np
from django.utils import timezone

from bench.history import write_rows
from metrics_app.core.sketch import Sketch
from metrics_app.models import Generation, HourRollup, Kpi, Topic
from metrics_app.queries import shard_for
from metrics_app.registry import forget
from pipelines_app.models import Pipeline
from pipelines_app.services import approve, confirm, propose, run_errands
from tests.metrics_app.watching import TOPIC, send

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SECONDS = 40 * 3600  # of a usual answer
SHAPE = Sketch.of(np.full(4, float(SECONDS))).pack()


def seed(*, topic=TOPIC, factor=1.0, noise=0.05, days=400, gap=None, direction="lower", seed=1):
    """Hours of the KPI up to now: an action three weeks ago multiplied what followed. When it fired (ms).

    ``gap`` is a day (from when it fired on) without points.
    """
    Kpi.objects.update_or_create(topic=topic, defaults={"unit": "seconds", "direction": direction})
    forget()
    # The collector has read the bus to its end: what is not in the history was not measured.
    send((int(time.time() * 1000) - 1000, SECONDS), topic=topic)
    end = int(time.time() * 1000) // HOUR_MS * HOUR_MS - 2 * HOUR_MS
    fired = end - 21 * DAY_MS
    starts = np.arange(end - days * DAY_MS, end, HOUR_MS)
    draw = np.random.default_rng(seed)
    values = SECONDS * np.exp(draw.normal(0, noise, len(starts)))
    values = np.where(starts >= fired, values * factor, values)
    if gap is not None:
        kept = (starts < fired + gap * DAY_MS) | (starts >= fired + (gap + 1) * DAY_MS)
        starts, values = starts[kept], values[kept]
    store_hours(starts, values, topic)
    return fired


def store_hours(starts, values, topic=TOPIC):
    """Four points an hour, as the archiver keeps them."""
    life, _ = Generation.objects.get_or_create(shard=shard_for(topic), name="seeded")
    topic, _ = Topic.objects.get_or_create(name=topic)
    rows = (
        (topic.pk, int(at), life.pk, 4, 4 * value, 0.0, value, value, SHAPE)
        for at, value in zip(starts, map(float, values), strict=True)
    )
    write_rows(HourRollup, rows)


def at(ms):
    """Milliseconds as a datetime."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def carry_out(fired, by, **more):
    """A proposal about the KPI that was opened when it fired, approved at once and done the same day."""
    now = at(fired)
    pipeline = propose(topic=TOPIC, now=now, **{"title": "Slow", "suggestion": "Hire 2"} | more)[0]
    approve(pipeline=pipeline, by=by, version=1, now=now)
    now += timedelta(seconds=10)
    run_errands(now=now)
    day = f"{timezone.localdate(now)}"
    return load(confirm(pipeline=pipeline, by=by, version=1, day=day, now=now))


def load(pipeline):
    """As it stands."""
    return Pipeline.objects.get(pk=pipeline.pk)


def find_due(pipeline):
    """When its effect is due to be judged."""
    return pipeline.errands.get(kind="measure").due_at


def judge(pipeline):
    """What a drain does once the span is over."""
    run_errands(now=find_due(pipeline))
    return load(pipeline)
