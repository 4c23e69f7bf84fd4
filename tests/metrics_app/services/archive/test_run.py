"""What the archiver promises: everything once, nothing twice, whatever happens in between."""

import itertools
import time
from contextlib import suppress

import numpy as np
import pytest

from metrics_app import queries, window
from metrics_app.connection import get_redis, key
from metrics_app.models import LATE, Generation, HourRollup, MinuteRollup
from metrics_app.services.archive import archive, late, minutes, run
from metrics_app.window.backup import begin_anew
from tests.metrics_app.histories import DAY, HOUR, MINUTE, Clockwork, check
from tests.metrics_app.points import publish, select

pytestmark = pytest.mark.django_db


@pytest.fixture
def clockwork():
    return Clockwork()


@pytest.fixture
def hour(clockwork):
    """Times and values of an hour of points, some minutes crowded."""
    rng = np.random.default_rng(1)
    crowded = clockwork.now - 40 * MINUTE + rng.integers(0, 3 * MINUTE, 2_000)
    ts = np.concatenate([clockwork.now - rng.integers(0, 60 * MINUTE, 1_000), crowded])
    values = rng.lognormal(5, 1, len(ts))
    publish("er.wait", ts, values)
    clockwork.collect()
    return ts, values


def whole(clockwork, topic="er.wait", **options):
    """Everything of two days, percentiles included."""
    start = (clockwork.now - 2 * DAY) // HOUR * HOUR
    return queries.span(topic, start, clockwork.now + MINUTE, percentiles=True, **options)


def check_series(clockwork, ts, values):
    """Minutes and hours over the hot edge against their points."""
    for step, back in ((MINUTE, HOUR), (HOUR, 6 * HOUR)):
        start, end = (clockwork.now - back) // step * step, (clockwork.now // step + 1) * step
        columns = queries.series("er.wait", start, end, step)
        assert columns["ts"] == list(range(start, end, step))
        for at, *found in zip(
            *(columns[name] for name in ("ts", "count", "mean", "min", "max", "p95")), strict=True
        ):
            part = select(ts, values, at, at + step)
            assert found[0] == len(part)
            if len(part):
                ends = [np.quantile(part, 0.95, method=end) for end in ("lower", "higher")]
                assert found[1:4] == pytest.approx([part.mean(), part.min(), part.max()])
                assert ends[0] * 0.99 <= found[4] <= ends[1] * 1.01


def read_minutes():
    """``{(topic, start, generation): count}`` of all archived minutes."""
    rows = MinuteRollup.objects.values_list("topic", "start", "generation", "count")
    return {row[:3]: row[3] for row in rows}


def dirty(topic="er.wait"):
    return window.list_dirty(queries.shard_for(topic))


def test_minutes_and_hours_are_what_was_collected(clockwork, hour):
    ts, values = hour
    assert archive().minutes == len(set(ts // MINUTE))
    assert sum(row.count for row in MinuteRollup.objects.all()) == len(ts)
    assert sorted(HourRollup.objects.values_list("start", flat=True)) == np.unique(ts // HOUR * HOUR).tolist()
    for row in HourRollup.objects.all():
        assert row.count == len(select(ts, values, row.start, row.start + HOUR))
    assert dirty() == []
    assert archive() == (0, 0)


def test_a_query_over_the_hot_edge_is_the_same_before_and_after_archiving(clockwork, hour):
    ts, values = hour
    check(whole(clockwork), values)
    check_series(clockwork, ts, values)
    for later in (0, 20, 45, 180):
        clockwork.seal(clockwork.now + later * MINUTE)
        check(whole(clockwork), values)
        check_series(clockwork, ts, values)
        archive()
        check(whole(clockwork), values)
        check_series(clockwork, ts, values)
    assert not get_redis().exists(key(queries.shard_for("er.wait"), "held:er.wait"))


def test_a_minute_that_grows_is_replaced_and_stays_dirty_until_it_is_archived(clockwork, hour):
    ts, values = hour
    archive()
    publish("er.wait", clockwork.now, 7)
    clockwork.collect()
    assert len(dirty()) == 1
    assert archive().minutes == 1
    clockwork.seal(clockwork.now + 3 * HOUR)
    check(whole(clockwork), [*values, 7])


def test_a_minute_that_grew_while_it_was_written_is_not_let_go(clockwork, hour):
    shard = queries.shard_for("er.wait")
    taken = window.take(shard, window.list_dirty(shard))
    minutes.write_minutes(shard, taken)
    publish("er.wait", clockwork.now, 7)
    clockwork.collect()
    window.clean(shard, taken.generations, [(t, m, s.count) for t, m, s in taken.minutes])
    assert len(dirty()) == 1
    archive()
    clockwork.seal(clockwork.now + 3 * HOUR)
    check(whole(clockwork), [*hour[1], 7])


@pytest.mark.parametrize("at", range(6))
def test_a_crash_anywhere_neither_loses_nor_doubles(clockwork, hour, monkeypatch, at):
    """The archiver dies before and after each of its steps; another one comes."""
    clockwork.seal(clockwork.now + 30 * MINUTE)
    publish("er.wait", np.full(5, clockwork.now - 5 * HOUR), np.arange(5.0))
    clockwork.collect()
    steps = [(minutes, "replace"), (run, "write_minutes"), (late, "add_points"), (run, "write_late")]
    places = [*((m, n, True) for m, n in steps), (window, "clean", False), (window, "clean", True)]
    module, name, after = places[at]
    real, deaths = getattr(module, name), []

    def die(*arguments, **options):
        if after:
            real(*arguments, **options)
        deaths.append(at)
        raise KeyboardInterrupt

    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, die)
            with suppress(KeyboardInterrupt):
                archive()
        publish("er.wait", clockwork.now, 1)
        clockwork.collect()
    archive()
    assert deaths
    assert not get_redis().xlen(key(queries.shard_for("er.wait"), "late"))
    check(whole(clockwork), [*hour[1], *range(5), 1, 1])
    assert Generation.objects.get(shard=queries.shard_for("er.wait")).late_position == 5


def test_late_points_are_additions_and_what_was_published_stays(clockwork, hour):
    ts, values = hour
    clockwork.seal(clockwork.now + 3 * HOUR)
    archive()
    for part in range(3):
        publish("er.wait", [clockwork.now - 30 * MINUTE, clockwork.now - 25 * HOUR], part)
        clockwork.collect()
        archive()
    check(whole(clockwork), [*values, 0, 0, 1, 1, 2, 2])
    check(whole(clockwork, view="published"), values)
    assert sum(row.count for row in MinuteRollup.objects.filter(generation=LATE)) == 6
    assert get_redis().xlen(key(queries.shard_for("er.wait"), "late")) == 0


def test_a_large_late_entry_goes_on_in_its_middle(clockwork, monkeypatch):
    ts = clockwork.now - 3 * DAY + np.arange(50) * 7_000
    publish("er.wait", ts, np.arange(50.0))
    clockwork.collect()
    monkeypatch.setattr(late, "CHUNK", 8)
    real, calls = late.add_points, itertools.count()

    def die(*arguments):
        if next(calls) == 3:
            raise KeyboardInterrupt
        real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(late, "add_points", die)
        with pytest.raises(KeyboardInterrupt):
            archive()
    assert Generation.objects.get(shard=queries.shard_for("er.wait")).late_position == 24
    archive()
    check(queries.span("er.wait", clockwork.now - 4 * DAY, clockwork.now, percentiles=True), np.arange(50.0))


def test_late_points_that_sql_has_hold_up_nobody_once_a_new_generation_has_begun(clockwork, monkeypatch):
    """As after a restore of a backup that was taken between the two halves of a step."""
    real, shard = run.write_late, queries.shard_for("er.wait")

    def die(*arguments):
        real(*arguments)
        raise MemoryError

    publish("er.wait", clockwork.now - 2 * DAY + np.arange(5), 1.0)
    clockwork.collect()
    with monkeypatch.context() as patch, suppress(MemoryError):
        patch.setattr(run, "write_late", die)
        archive()
    begin_anew()
    asked = []
    monkeypatch.setattr(run, "read_entries", lambda *of: asked.append(1) or late.read_entries(*of))
    run.archive_shard(shard, deadline=time.monotonic() + 5)
    assert len(asked) == 2 and not get_redis().xlen(key(shard, "late"))
    publish("er.wait", clockwork.now - 2 * DAY + np.arange(3), 2.0)
    clockwork.collect()
    archive()
    found = whole(clockwork)
    assert (found.count, found.sum) == (8, 11)


def test_late_points_shuffled_over_three_days_are_the_same_history_as_ordered_ones(clockwork):
    rng = np.random.default_rng(3)
    ts = np.sort(clockwork.now - 4 * DAY + rng.integers(0, 3 * DAY, 3_000))
    values = rng.lognormal(5, 1, len(ts))
    for topic, order in (("ordered", np.arange(len(ts))), ("shuffled", rng.permutation(len(ts)))):
        for part in np.array_split(order, 9):
            publish(topic, ts[part], values[part])
            clockwork.collect()
            if topic == "shuffled":
                archive()
    archive()
    spans = clockwork.now - 4 * DAY, clockwork.now - DAY
    one, other = (queries.series(topic, *spans, HOUR) for topic in ("ordered", "shuffled"))
    for name in ("ts", "count", "min", "max"):
        assert one[name] == other[name]
    for name in ("mean", "p50", "p95"):
        assert one[name] == pytest.approx(other[name])
    check(queries.span("shuffled", *spans, percentiles=True), values)


def test_a_flush_of_redis_loses_at_most_what_was_not_archived_and_counts_it(clockwork, hour):
    ts, values = hour
    archive()
    archived = read_minutes()
    publish("er.wait", np.full(10, clockwork.now), 3.0)
    clockwork.collect()
    shard = queries.shard_for("er.wait")
    # The archiver looked, and was stopped before it could write.
    minutes.write_minutes(shard, window.take(shard, []))
    client, prefix = get_redis(), key(0, "").split(":")[0].strip("{")
    for name in client.scan_iter(f"*{prefix}:*"):
        client.delete(name)
    check(whole(clockwork), values)
    publish("er.wait", np.full(4, clockwork.now), 5.0)
    clockwork.collect()
    check(whole(clockwork), [*values, 5, 5, 5, 5])
    archive()
    check(whole(clockwork), [*values, 5, 5, 5, 5])
    window_of = ("er.wait", clockwork.now - 50 * MINUTE, clockwork.now + MINUTE, "count")
    assert queries.observe([window_of])[0].n > 2_000
    assert [row.lost for row in Generation.objects.filter(shard=shard).order_by("id")] == [10, None]
    clockwork.seal(clockwork.now + 3 * HOUR)
    archive()
    check(whole(clockwork), [*values, 5, 5, 5, 5])
    # Not one archived minute changed: what came later is a row of the new generation beside it.
    after = read_minutes()
    assert archived.items() <= after.items()
    assert sum(after.values()) == sum(archived.values()) + 4


def test_a_restart_that_forgot_the_meta_alone_doubles_nothing(clockwork, hour):
    ts, values = hour
    archive()
    get_redis().delete(key(queries.shard_for("er.wait"), "meta"))
    publish("er.wait", clockwork.now, 7)
    clockwork.collect()
    archive()
    check(whole(clockwork), [*values, 7])
    clockwork.seal(clockwork.now + 3 * HOUR)
    archive()
    check(whole(clockwork), [*values, 7])


def test_beside_an_older_generation_the_minute_at_the_mark_counts_once(clockwork, hour):
    archive()
    get_redis().delete(key(queries.shard_for("er.wait"), "meta"))
    ts = clockwork.now - np.arange(60) * MINUTE
    publish("er.wait", ts, 7.0)
    clockwork.collect()
    expected = [*hour[1], *np.full(60, 7.0)]
    for later in (0, 20, 45, 180):
        clockwork.seal(clockwork.now + later * MINUTE)
        check(whole(clockwork), expected)
        archive()
        check(whole(clockwork), expected)


def test_after_hours_away_it_catches_up(clockwork, hour):
    ts, values = hour
    for later in range(1, 6):
        clockwork.seal(clockwork.now + later * HOUR)
        publish("er.wait", clockwork.now - 2 * HOUR + later, later)
        clockwork.collect()
    archive()
    check(whole(clockwork), [*values, 1, 2, 3, 4, 5])
    assert dirty() == []


def test_it_warns_before_the_bound_and_counts_that_it_did(clockwork, hour, settings, caplog):
    settings.METRICS_APP = {**settings.METRICS_APP, "HELD_HOURS": 2}
    archive()
    assert "HELD_HOURS" in caplog.text
    assert int(get_redis().get(f"{settings.METRICS_APP['REDIS_PREFIX']}:archive_warnings")) == 1
    caplog.clear()
    archive()
    assert "HELD_HOURS" not in caplog.text
