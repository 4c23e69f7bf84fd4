"""Local days in history, and beside them an earlier time of the same clock."""

import uuid
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from metrics_app import queries
from metrics_app.core.calendars import list_edges, shift_back
from metrics_app.exceptions import BadInput
from metrics_app.services.archive import archive
from metrics_app.services.compact import compact_history
from tests.metrics_app.histories import DAY, HOUR, MINUTE, Clockwork
from tests.metrics_app.points import publish, select

pytestmark = pytest.mark.django_db
ZONES = ["UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]


@pytest.fixture(scope="module")
def points():
    """Ages in ms and values of points over three years, most of them lately."""
    rng = np.random.default_rng(5)
    return (rng.exponential(40, 400) * DAY).astype(np.int64) % (3 * 365 * DAY), rng.lognormal(3, 1, 400)


def remember(clockwork, points, *, compact=True):
    """A topic whose points are in history; its times and values."""
    topic, (ages, values) = f"t{uuid.uuid4().hex}", points
    publish(topic, clockwork.now - ages, values)
    clockwork.collect()
    archive()
    if compact:
        compact_history(now=clockwork.now)
    return topic, clockwork.now - ages, values


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("compact", [False, True])
def test_each_local_bucket_holds_its_own_points(points, zone, compact, metrics_settings):
    metrics_settings.METRICS_APP = {**metrics_settings.METRICS_APP, "MINUTES_DAYS": 1_200}
    clockwork = Clockwork()
    topic, ts, values = remember(clockwork, points, compact=compact)
    for calendar, back in (("hour", 9), ("day", 300), ("week", 700), ("month", 1_000)):
        columns = queries.calendar_series(topic, clockwork.now - back * DAY, clockwork.now, calendar, zone)
        spans = list(zip(columns["ts"], columns["end"], strict=True))
        edges = list_edges(clockwork.now - back * DAY, clockwork.now, calendar, ZoneInfo(zone))
        assert spans == list(pairwise(edges))
        assert columns["count"] == [len(select(ts, values, *span)) for span in spans]
        sums = [n * mean if n else 0 for n, mean in zip(columns["count"], columns["mean"], strict=True)]
        assert sums == pytest.approx([select(ts, values, *span).sum() for span in spans])
        assert len(columns["revised"]) == len(spans)


@pytest.mark.parametrize(
    ("zone", "calendar", "days"), [("America/New_York", "day", 55), ("UTC", "month", 1_095)]
)
def test_where_minutes_are_pruned_each_bucket_still_holds_its_own_points(
    points, zone, calendar, days, metrics_settings
):
    metrics_settings.METRICS_APP = {**metrics_settings.METRICS_APP, "MINUTES_DAYS": 5, "HOURS_DAYS": 60}
    clockwork = Clockwork()
    topic, ts, _ = remember(clockwork, points)
    columns = queries.calendar_series(topic, clockwork.now - days * DAY, clockwork.now, calendar, zone)
    spans = zip(columns["ts"], columns["end"], strict=True)
    assert columns["count"] == [len(select(ts, ts, *span)) for span in spans]


def test_the_same_buckets_earlier_stand_beside_those_of_now(points):
    clockwork = Clockwork()
    topic, ts, values = remember(clockwork, points)
    zone = ZoneInfo("America/New_York")
    edges = list_edges(clockwork.now - 20 * DAY, clockwork.now, "day", zone)
    columns = queries.compare_series(topic, edges, zone="America/New_York", compare=("week", "month"))
    assert set(columns["earlier"]) == {"week", "month"}
    for back, earlier in columns["earlier"].items():
        assert len(earlier["ts"]) == len(columns["ts"])
        assert earlier["ts"][0] == shift_back(edges[0], back, zone)
        spans = zip(earlier["ts"], earlier["end"], strict=True)
        assert earlier["count"] == [len(select(ts, values, *span)) for span in spans]


def test_today_so_far_stands_beside_yesterday_and_last_week_up_to_the_same_time():
    clockwork, topic, zone = Clockwork(), f"t{uuid.uuid4().hex}", "America/New_York"
    ts = clockwork.now - np.arange(0, 9 * DAY, 7 * MINUTE)
    publish(topic, ts, np.arange(len(ts)))
    clockwork.collect()
    archive()
    found = queries.so_far([topic, "never.seen"], zone, now=clockwork.now)
    today = found[topic]
    end = (clockwork.now // 1000 + 1) * 1000
    assert today["end"] == end and today["count"] == len(select(ts, ts, today["start"], end))
    for back, earlier in today["earlier"].items():
        low, high = (shift_back(at, back, ZoneInfo(zone)) for at in (today["start"], end))
        assert earlier["start"] == low and earlier["end"] == high // MINUTE * MINUTE
        assert earlier["count"] == len(select(ts, ts, low, earlier["end"]))
        assert earlier["rate_per_hour"] == pytest.approx(60 / 7, rel=0.3) or high - low < HOUR
    assert list(today["earlier"]) == ["day", "week"]
    nothing = found["never.seen"]
    assert nothing["count"] == 0 and nothing["mean"] is None and nothing["earlier"]["week"]["count"] == 0


@pytest.mark.parametrize(
    ("field", "ask"),
    [
        ("calendar", {"calendar": "fortnight"}),
        ("zone", {"zone": "Mars/Olympus"}),
        ("calendar", {"start": 946_684_800_000}),
    ],
)
def test_what_no_calendar_has_is_refused_by_name(field, ask):
    asked = {"start": 0, "end": 1_800_000_000_000, "calendar": "hour", "zone": "UTC"}
    if "start" not in ask:
        asked["start"] = asked["end"] - DAY
    with pytest.raises(BadInput) as caught:
        queries.calendar_series("er.wait", **asked | ask)
    assert caught.value.errors[0]["field"] == field


def test_a_word_that_is_no_earlier_time_is_refused():
    with pytest.raises(BadInput, match="expected day, week, month, year"):
        queries.so_far(["er.wait"], "UTC", compare=["decade"])
