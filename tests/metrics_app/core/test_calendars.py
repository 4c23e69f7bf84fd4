"""The clocks of people: days of 23 and 25 hours, half hours, months of their own length."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core.calendars import (
    CALENDARS,
    SPANS,
    begin,
    check_zone,
    list_edges,
    shift_back,
    to_local,
)
from metrics_app.exceptions import BadInput
from tests.clocks import HOUR, SIZES, walk

DAY = 86_400_000
NEW_YORK = ZoneInfo("America/New_York")
ZONES = ["UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Havana", "Pacific/Apia"]


def at(text, zone=UTC):
    """ms of a local time."""
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def lengths(edges):
    """Hours between neighbouring edges."""
    return [(after - before) / HOUR for before, after in pairwise(edges)]


def test_a_day_has_23_hours_in_spring_and_25_in_autumn():
    spring = list_edges(at("2026-03-07T12:00", NEW_YORK), at("2026-03-09T12:00", NEW_YORK), "day", NEW_YORK)
    autumn = list_edges(at("2026-10-31T12:00", NEW_YORK), at("2026-11-02T12:00", NEW_YORK), "day", NEW_YORK)
    assert lengths(spring) == [24, 23, 24] and lengths(autumn) == [24, 25, 24]
    assert spring[0] == at("2026-03-07T00:00", NEW_YORK)


def test_the_doubled_hour_is_two_and_the_skipped_one_none():
    autumn = list_edges(at("2026-11-01T00:00", NEW_YORK), at("2026-11-02T00:00", NEW_YORK), "hour", NEW_YORK)
    spring = list_edges(at("2026-03-08T00:00", NEW_YORK), at("2026-03-09T00:00", NEW_YORK), "hour", NEW_YORK)
    assert [to_local(edge, NEW_YORK).hour for edge in autumn[:4]] == [0, 1, 1, 2] and len(autumn) == 26
    assert [to_local(edge, NEW_YORK).hour for edge in spring[:4]] == [0, 1, 3, 4] and len(spring) == 24


def test_hours_of_a_zone_half_an_hour_off_begin_on_its_own_hour():
    edges = list_edges(at("2026-05-01T00:10"), at("2026-05-01T03:00"), "hour", ZoneInfo("Asia/Kolkata"))
    assert edges[0] == at("2026-04-30T23:30") and lengths(edges) == [1, 1, 1, 1]


def test_weeks_begin_on_monday_and_months_on_their_first():
    edges = list_edges(at("2026-02-11T08:00", NEW_YORK), at("2026-03-20T00:00", NEW_YORK), "week", NEW_YORK)
    assert all(to_local(edge, NEW_YORK).strftime("%a %H:%M") == "Mon 00:00" for edge in edges)
    months = list_edges(at("2024-01-31T08:00", NEW_YORK), at("2024-04-01T00:00", NEW_YORK), "month", NEW_YORK)
    assert [to_local(edge, NEW_YORK).strftime("%m-%d %H:%M") for edge in months] == [
        "01-01 00:00",
        "02-01 00:00",
        "03-01 00:00",
        "04-01 00:00",
    ]


def test_a_day_that_a_zone_never_had_is_left_out():
    apia = ZoneInfo("Pacific/Apia")
    edges = list_edges(at("2011-12-29T00:00", apia), at("2012-01-01T00:00", apia), "day", apia)
    assert [to_local(edge, apia).day for edge in edges] == [29, 31, 1]


NAMES = {
    "day": lambda local: local.date(),
    "week": lambda local: local.date() - timedelta(days=local.weekday()),
    "month": lambda local: local.date().replace(day=1),
}


@pytest.mark.parametrize(("name", "day", "hours"), SIZES)
def test_buckets_begin_where_a_walk_over_every_minute_sees_them_begin(name, day, hours):
    minutes, zone = walk(name, day, hours), ZoneInfo(name)
    start, end = minutes[0][0], minutes[-1][0]
    for calendar, name_of in NAMES.items():
        newest = name_of(minutes[0][1])
        walked = []
        for moment, local in minutes:
            if name_of(local) > newest:
                newest = name_of(local)
                walked.append(moment)
        assert list_edges(start, end, calendar, zone)[1:-1] == [moment for moment in walked if moment < end]
    walked = [
        moment
        for (_, before), (moment, local) in pairwise(minutes)
        if local - before != timedelta(minutes=1) or local.minute == 0
    ]
    # Of the last minute the walk does not say how its bucket ends.
    assert list_edges(start, end, "hour", zone)[1:-1] == [moment for moment in walked if moment < end]


@given(
    st.integers(946_684_800_000, 2_000_000_000_000),
    st.integers(0, 90 * DAY),
    st.sampled_from(CALENDARS),
    st.sampled_from(ZONES),
)
def test_edges_hold_the_span_rise_and_do_not_depend_on_where_it_begins(start, length, calendar, zone):
    zone = ZoneInfo(zone)
    edges = list_edges(start, start + length, calendar, zone)
    assert edges[0] <= start < edges[1] and edges[-2] < max(start + length, start + 1) <= edges[-1]
    assert all(before < after for before, after in pairwise(edges))
    for edge in (edges[0], edges[len(edges) // 2], edges[-1]):
        assert begin(edge, calendar, zone) == edge
    assert begin(edges[1] - 1, calendar, zone) == edges[0]


def test_the_same_time_earlier_is_that_of_the_local_clock():
    noon = at("2026-03-08T12:00", NEW_YORK)
    assert noon - shift_back(noon, "day", NEW_YORK) == 23 * HOUR
    assert shift_back(at("2026-03-31T09:00"), "month", UTC) == at("2026-02-28T09:00")
    assert shift_back(at("2026-01-31T09:00"), "month", UTC) == at("2025-12-31T09:00")
    assert shift_back(at("2024-02-29T09:00"), "year", UTC) == at("2023-02-28T09:00")
    assert shift_back(at("2026-03-15T02:30", NEW_YORK), "week", NEW_YORK) == at("2026-03-08T07:00")


@given(st.integers(946_684_800_000, 2_000_000_000_000), st.sampled_from(SPANS), st.sampled_from(ZONES))
def test_earlier_is_earlier_by_about_its_name(moment, back, zone):
    days = {"day": 1, "week": 7, "month": 30, "year": 365}[back]
    earlier = (moment - shift_back(moment, back, ZoneInfo(zone))) / DAY
    assert days - 2.1 <= earlier <= days + 2.1


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "x" * 5000, "\0", "EST5EDT "])
def test_a_zone_that_does_not_exist_is_named(name):
    with pytest.raises(BadInput, match="no time zone: expected a name such as"):
        check_zone(name)
