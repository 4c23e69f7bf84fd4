"""What an import makes of a shard without history, and of points older than what is kept."""

import numpy as np
import pytest

from metrics_app import queries
from metrics_app.collector import collect_all
from metrics_app.core.rows import Block
from metrics_app.models import DayRollup, HourRollup, MinuteRollup, ShardHistory
from metrics_app.services.compact import compact_history
from metrics_app.services.corrections import void
from metrics_app.services.imports import begin_import, run_import
from tests.metrics_app.histories import DAY, HOUR, MINUTE, check
from tests.metrics_app.points import select

pytestmark = pytest.mark.django_db


@pytest.fixture
def points(settings):
    """Times and values of fifty days; minutes are kept for ten."""
    settings.METRICS_APP = {**settings.METRICS_APP, "MINUTES_DAYS": 10}
    collect_all()
    rng, now = np.random.default_rng(5), queries.redis_now()
    ts = np.sort(now - 2 * HOUR - rng.integers(0, 50 * DAY, 4_000))
    return ts, rng.lognormal(3, 1, len(ts))


def bring(ts, values, name="a file", topic="er.wait"):
    """Imports points of one topic as one block."""
    rows = len(ts)
    block = Block(0, rows, [topic], np.zeros(rows, np.int64), ts, values, [], [])
    return run_import(begin_import(name, name), [block])


def count(model):
    return sum(model.objects.values_list("count", flat=True))


def test_the_first_comes_as_days_and_hours_and_as_minutes_that_are_kept(points):
    ts, values = points
    assert bring(ts, values).added == len(ts)
    today = queries.redis_now() // DAY * DAY
    assert count(HourRollup) == len(ts)
    assert count(MinuteRollup) == (ts >= today - 10 * DAY).sum()
    assert count(DayRollup) == (ts < today).sum()
    for start, end in (
        (today - 51 * DAY, today + DAY),
        (today - 40 * DAY + 3 * HOUR, today - 2 * DAY + MINUTE),
    ):
        check(queries.span("er.wait", start, end, percentiles=True), select(ts, values, start, end), rel=0.02)


def test_the_night_after_finds_nothing_to_do(points):
    bring(*points)
    assert compact_history() == (0, 0, 0)


def test_a_second_one_adds_to_what_the_first_has_written(points):
    ts, values = points
    bring(ts, values)
    bring(ts[::3], values[::3] * 2, "another file")
    today = queries.redis_now() // DAY * DAY
    both = np.concatenate([ts, ts[::3]]), np.concatenate([values, values[::3] * 2])
    for model in (HourRollup, DayRollup):
        assert count(model) == (both[0] < (today if model is DayRollup else 2**62)).sum()
    check(queries.span("er.wait", today - 51 * DAY, today + DAY, percentiles=True), both[1], rel=0.02)
    start = today - 5 * DAY
    columns = queries.series("er.wait", start, start + DAY, 10 * MINUTE)
    assert columns["count"] == [len(select(*both, at, at + 10 * MINUTE)) for at in columns["ts"]]


def test_a_shard_that_holds_something_keeps_the_marks_of_its_own_night(points):
    ts, values = points
    bring(ts[-1:], values[-1:])
    # Soon after midnight the newest point is yesterday's, whose day is over.
    DayRollup.objects.all().delete()
    ShardHistory.objects.update(days_target=0, days_through=0, pruned_minutes=0)
    bring(ts[:-1], values[:-1], "another file")
    assert count(MinuteRollup) == len(ts)
    assert not DayRollup.objects.exists()


def test_an_old_day_that_a_correction_cuts_still_gets_its_minutes(points, settings, django_user_model):
    ts, values = points
    kept = settings.METRICS_APP
    settings.METRICS_APP = {**kept, "MINUTES_DAYS": 400}
    today = queries.redis_now() // DAY * DAY
    ann, day = django_user_model.objects.create_user("ann"), today - 30 * DAY
    low, high = day + 5 * HOUR, day + 7 * HOUR
    bring(ts[-1:], values[-1:])
    void(topic="er.wait", start=low, end=high, reason="a test", by=ann)
    settings.METRICS_APP = kept
    compact_history()
    bring(ts[:-1], values[:-1], "another file")
    kept = (ts >= today - 10 * DAY) | ((ts >= day) & (ts < day + DAY))
    assert count(MinuteRollup) == kept.sum()
    left = values[(ts < low) | (ts >= high)]
    check(queries.span("er.wait", today - 51 * DAY, today + DAY, percentiles=True), left, rel=0.02)
