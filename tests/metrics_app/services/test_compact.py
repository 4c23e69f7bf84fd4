import numpy as np
import pytest

from metrics_app import queries
from metrics_app.models import DayRollup, HourRollup, MinuteRollup, ShardHistory
from metrics_app.services.archive import archive
from metrics_app.services.compact import compact_history
from metrics_app.services.corrections import void
from tests.metrics_app.histories import DAY, HOUR, MINUTE, Clockwork, check
from tests.metrics_app.points import publish, select

pytestmark = pytest.mark.django_db


@pytest.fixture
def week():
    """The Clockwork, times and values of a week that ended two days ago, archived."""
    clockwork, rng = Clockwork(), np.random.default_rng(1)
    today = clockwork.now // DAY * DAY
    ts = today - 9 * DAY + rng.integers(0, 7 * DAY, 800)
    values = rng.lognormal(5, 1, len(ts))
    publish("er.wait", ts, values)
    clockwork.collect()
    archive()
    return clockwork, ts, values


def compare(clockwork, ts, values):
    today = clockwork.now // DAY * DAY
    for start, end in ((today - 10 * DAY, today), (today - 8 * DAY + 7 * HOUR, today - 3 * DAY - HOUR)):
        check(queries.span("er.wait", start, end, percentiles=True), select(ts, values, start, end))
    for step in (HOUR, DAY):
        columns = queries.series("er.wait", today - 9 * DAY, today, step)
        assert columns["count"] == [len(select(ts, values, at, at + step)) for at in columns["ts"]]


def test_days_answer_as_their_points_would_and_a_second_run_does_nothing_new(week):
    clockwork, ts, values = week
    assert compact_history(now=clockwork.now).days == len(set(ts // DAY))
    assert sum(row.count for row in DayRollup.objects.all()) == len(ts)
    compare(*week)
    assert compact_history(now=clockwork.now) == (0, 0, 0)
    MinuteRollup.objects.all()._raw_delete("default")
    compare_days = queries.series("er.wait", clockwork.now // DAY * DAY - 9 * DAY, clockwork.now, DAY)
    assert sum(compare_days["count"]) == len(ts)


def test_late_points_reach_days_that_are_written(week):
    clockwork, ts, values = week
    compact_history(now=clockwork.now)
    late = np.array([ts[0], ts[0] + 1, ts[5]])
    publish("er.wait", late, 9.0)
    publish("other", late, 9.0)
    clockwork.collect()
    archive()
    compare(clockwork, np.concatenate([ts, late]), np.concatenate([values, [9.0, 9.0, 9.0]]))
    assert sum(queries.series("other", ts.min() // DAY * DAY, clockwork.now, DAY)["count"]) == 3


def test_an_hour_that_is_not_the_sum_of_its_minutes_is_mended_and_named(week, caplog):
    row = HourRollup.objects.order_by("start")[3]
    HourRollup.objects.filter(topic=row.topic, start=row.start).update(count=row.count + 5)
    assert compact_history(now=week[0].now).repaired == 1
    assert "not the sum of its minutes" in caplog.text
    compare(*week)


def test_it_prunes_what_is_older_than_it_is_kept_for_and_coarser_roll_ups_answer(week, settings):
    clockwork, ts, values = week
    settings.METRICS_APP = {**settings.METRICS_APP, "MINUTES_DAYS": 4, "HOURS_DAYS": 6}
    today = clockwork.now // DAY * DAY
    assert compact_history(now=clockwork.now).pruned > 0
    assert MinuteRollup.objects.order_by("start").first().start >= today - 4 * DAY
    assert HourRollup.objects.order_by("start").first().start >= today - 6 * DAY
    check(queries.span("er.wait", today - 9 * DAY, today, percentiles=True), values)
    start = today - 5 * DAY + 90 * MINUTE
    found = queries.span("er.wait", start, today)
    assert found.count == len(select(ts, values, start // HOUR * HOUR, today))
    columns = queries.series("er.wait", today - 9 * DAY, today, DAY)
    assert columns["count"] == [len(select(ts, values, at, at + DAY)) for at in columns["ts"]]
    assert compact_history(now=clockwork.now).pruned == 0


def test_what_a_correction_cuts_is_not_pruned(week, settings, django_user_model):
    clockwork, ts, values = week
    settings.METRICS_APP = {**settings.METRICS_APP, "MINUTES_DAYS": 2, "HOURS_DAYS": 2}
    today = clockwork.now // DAY * DAY
    low, high = today - 8 * DAY + 5 * MINUTE, today - 8 * DAY + 20 * HOUR + 7 * MINUTE
    ann = django_user_model.objects.create_user("ann")
    void(topic="er.wait", start=low, end=high, reason="a test", by=ann)
    compact_history(now=clockwork.now)
    left = values[(ts < low) | (ts >= high)]
    check(queries.span("er.wait", today - 9 * DAY, today, percentiles=True), left)


def test_stopped_anywhere_it_goes_on(week):
    clockwork, ts, values = week
    assert compact_history(now=clockwork.now, patience=-1).days == 0
    assert ShardHistory.objects.get(shard=queries.shard_for("er.wait")).days_through == 0
    publish("er.wait", ts[:1], 3.0)
    clockwork.collect()
    archive()
    compact_history(now=clockwork.now)
    compare(clockwork, np.append(ts, ts[0]), np.append(values, 3.0))
