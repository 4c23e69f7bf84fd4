"""History in full, piece by piece: the same as at once, and every point in one row."""

import uuid
from itertools import chain
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from metrics_app import queries
from metrics_app.core.calendars import list_edges
from metrics_app.core.points import parse_iso
from metrics_app.exceptions import BadInput
from metrics_app.queries import exports
from metrics_app.queries.exports import find_span, list_columns, plan_calendar, plan_steps, read_rows
from metrics_app.services.archive import archive
from metrics_app.services.compact import compact_history
from metrics_app.services.corrections import void
from tests.metrics_app.histories import DAY, HOUR, MINUTE, Clockwork
from tests.metrics_app.points import publish, select

pytestmark = pytest.mark.django_db


@pytest.fixture
def small_pieces(monkeypatch):
    """So many pieces that there are seams everywhere."""
    monkeypatch.setattr(exports, "ROLLUPS", 7)


def remember(ages, values, *, compact=False):
    """A topic with points of these ages (ms); its clockwork, name and times."""
    clockwork, topic = Clockwork(), f"t{uuid.uuid4().hex}"
    ts = clockwork.now - np.asarray(ages, np.int64)
    publish(topic, ts, values)
    clockwork.collect()
    archive()
    if compact:
        compact_history(now=clockwork.now)
    return clockwork, topic, ts


def read_all(topic, plan):
    """All columns of an export as lists."""
    pieces = list(read_rows(topic, plan))
    return {name: list(chain.from_iterable(piece[name] for piece in pieces)) for name in list_columns()}


@pytest.fixture(scope="module")
def points():
    """Ages in ms and values of points over 90 days, most of them lately."""
    rng = np.random.default_rng(8)
    return (rng.exponential(8, 600) * DAY).astype(np.int64) % (90 * DAY), rng.lognormal(3, 1, 600)


@pytest.mark.parametrize(
    ("zone", "pruned"), [("UTC", False), ("Europe/Berlin", False), ("Asia/Kolkata", False), ("UTC", True)]
)
def test_pieces_add_up_to_what_stats_say_also_where_minutes_are_pruned(
    points, zone, pruned, small_pieces, metrics_settings
):
    days = {"MINUTES_DAYS": 5, "HOURS_DAYS": 20} if pruned else {}
    metrics_settings.METRICS_APP = {**metrics_settings.METRICS_APP, **days}
    clockwork, topic, ts = remember(*points, compact=True)
    start, end = clockwork.now - 90 * DAY, clockwork.now + 1000
    plans = [plan_calendar(start, end, calendar, zone=zone) for calendar in ("day", "week", "month")]
    plans += [plan_steps(start, end, step) for step in ([DAY] if pruned else [DAY, 7 * HOUR])]
    for plan in plans:
        rows = read_all(topic, plan)
        whole = queries.compare_span([topic], plan.edges[0], plan.edges[-1])[topic]
        assert sum(rows["count"]) == whole["count"] == len(ts)
        assert sum(rows["sum"]) == pytest.approx(whole["sum"]) == pytest.approx(points[1].sum())
        assert (min(x for x in rows["min"] if x), max(x or 0 for x in rows["max"])) == (
            whole["min"],
            whole["max"],
        )


def test_pieces_are_what_the_calendar_says_at_once(points, small_pieces):
    clockwork, topic, _ = remember(*points)
    span = clockwork.now - 20 * DAY, clockwork.now
    for calendar in ("hour", "day", "week"):
        rows = read_all(topic, plan_calendar(*span, calendar, zone="America/New_York"))
        columns = queries.calendar_series(topic, *span, calendar, "America/New_York")
        for name in ("ts", "end", "count", "sum", "mean", "min", "max", "p50", "p95", "revised"):
            assert rows[name] == columns[name], name


def test_hot_minutes_and_history_meet_without_a_seam(small_pieces):
    ages = np.arange(0, 5 * HOUR, 20_000)
    clockwork, topic, ts = remember(ages, np.arange(len(ages)))
    end = clockwork.now // MINUTE * MINUTE + MINUTE
    for step in (MINUTE, 5 * MINUTE, HOUR):
        rows = read_all(topic, plan_steps(end - 5 * HOUR, end, step))
        assert rows["count"] == [len(select(ts, ts, at, at + step)) for at in rows["ts"]]
    clockwork.seal(clockwork.now + HOUR)
    archive()
    rows = read_all(topic, plan_steps(end - 5 * HOUR, end, MINUTE))
    assert rows["count"] == [len(select(ts, ts, at, at + MINUTE)) for at in rows["ts"]]


@pytest.mark.parametrize(("day", "hours"), [("2025-03-30", 23), ("2025-10-26", 25), ("2025-06-01", 24)])
def test_a_local_day_is_as_long_as_daylight_saving_makes_it(day, hours, small_pieces):
    zone = ZoneInfo("Europe/Berlin")
    noon = parse_iso(f"{day}T12:00Z")
    start, end = list_edges(noon, noon + 1, "day", zone)
    clockwork = Clockwork()
    every = np.arange(start - 3 * HOUR, end + 3 * HOUR, 10 * MINUTE)
    topic, _, ts = remember(clockwork.now - every, every % 997)[1:] + (every,)
    rows = read_all(topic, plan_calendar(noon, noon + 1, "day", zone="Europe/Berlin"))
    assert (rows["ts"], rows["end"], rows["count"]) == ([start], [end], [hours * 6])
    assert (rows["local_start"][0][:19], rows["local_end"][0][11:19]) == (f"{day}T00:00:00", "00:00:00")
    by_hour = read_all(topic, plan_calendar(start, end, "hour", zone="Europe/Berlin"))
    assert by_hour["count"] == [6] * hours and sum(by_hour["sum"]) == rows["sum"][0]
    assert len(set(by_hour["local_start"])) == hours  # the doubled hour by its two offsets


def test_what_was_voided_or_came_late_is_marked_and_left_out_as_published(admin_user):
    clockwork, topic, ts = remember(np.arange(0, 40 * MINUTE, MINUTE), 1)
    clockwork.seal(clockwork.now + 2 * HOUR)
    archive()
    publish(topic, ts[-1], 5)
    clockwork.collect()
    archive()
    first, last = int(ts.min()) // HOUR * HOUR - 2 * HOUR, int(ts.max()) // MINUTE * MINUTE + MINUTE
    void(topic=topic, start=last - 3 * MINUTE, end=last, reason="a test", by=admin_user)
    corrected = read_all(topic, plan_steps(first, last, MINUTE))
    published = read_all(topic, plan_steps(first, last, MINUTE, view="published"))
    assert sum(published["count"]) == len(ts)
    assert sum(corrected["count"]) == len(select(ts, ts, 0, last - 3 * MINUTE)) + 1
    assert corrected["revised"][-4:] == [False, True, True, True] and sum(corrected["revised"]) == 4


def test_the_span_of_a_topic_is_found_in_history_and_before_there_is_any():
    clockwork, topic = Clockwork(), f"t{uuid.uuid4().hex}"
    assert find_span(topic) is None
    publish(topic, clockwork.now - 5_000)
    clockwork.collect()
    first = (clockwork.now - 5_000) // MINUTE * MINUTE
    assert find_span(topic) == (first, clockwork.now - 5_000)
    publish(topic, clockwork.now - 500 * DAY)
    clockwork.collect()
    archive()
    first = (clockwork.now - 500 * DAY) // MINUTE * MINUTE
    assert find_span(topic) == (first, clockwork.now - 5_000)
    compact_history(now=clockwork.now)
    assert find_span(topic) == (first // HOUR * HOUR, clockwork.now - 5_000)
    names = [f"t{uuid.uuid4().hex}" for _ in range(200)]
    beside, elsewhere = (
        next(name for name in names if (queries.shard_for(name) == queries.shard_for(topic)) is same)
        for same in (True, False)
    )
    for other in (beside, elsewhere):
        publish(other, [clockwork.now - 500 * DAY, clockwork.now - 2 * DAY])
    clockwork.collect()
    archive()
    last = (clockwork.now - 2 * DAY) // MINUTE * MINUTE
    # Where the minutes of a shard were pruned, what comes late is kept by the hour.
    assert find_span(beside) == (first // HOUR * HOUR, last)
    assert find_span(elsewhere) == (first, last)


@pytest.mark.parametrize("step", [1_000, 90_000, 2 * DAY, 0])
def test_a_step_that_history_does_not_have_is_refused(step):
    with pytest.raises(BadInput, match="no step of an export") as caught:
        plan_steps(0, DAY, step)
    assert caught.value.errors[0]["field"] == "step"


def test_too_many_rows_are_refused_before_they_are_read():
    for plan in (lambda: plan_steps(0, 3_000 * DAY, MINUTE, most=100_000),):
        with pytest.raises(BadInput, match="4320000 rows: expected at most 100000"):
            plan()
    with pytest.raises(BadInput, match="over 100 hours"):
        plan_calendar(0, 300 * DAY, "hour", most=100)


def test_a_piece_reads_a_bounded_number_of_rollups():
    start, end = parse_iso("2024-01-01T00:00Z"), parse_iso("2026-01-01T00:00Z")
    for zone in ("UTC", "Asia/Kolkata"):
        for calendar in ("hour", "day", "week", "month"):
            plan = plan_calendar(start, end, calendar, zone=zone)
            pieces = list(plan.pieces())
            assert max((len(piece) - 1) * plan.rollups for piece in pieces) <= exports.ROLLUPS
            assert [edge for piece in pieces for edge in piece[:-1]] == plan.edges[:-1]
