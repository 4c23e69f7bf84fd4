"""One rule for local times that are skipped or come twice, held against a walk over every minute."""

from bisect import bisect_left
from datetime import date, datetime, timedelta
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core.wallclock import (
    find_instant,
    find_midnight,
    find_stretch,
    list_stretches,
    read_clock,
)
from tests.clocks import HOUR, NIGHTS, SIZES, at, walk

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = sorted({name for name, _ in NIGHTS})


def clock(text):
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(("name", "day", "hours"), SIZES)
def test_a_local_time_is_the_first_instant_that_shows_it_or_a_later_one(name, day, hours):
    minutes, zone = walk(name, day, hours), ZoneInfo(name)
    shown = list(accumulate((local for _, local in minutes), max))
    first = minutes[0][1]
    for number in range(1, (len(minutes) - 26 * 60) * 7, 7):  # a clock is at most 26 h behind another
        local = first + timedelta(minutes=number)
        if local > shown[-1]:
            break
        assert find_instant(local, zone) == minutes[bisect_left(shown, local)][0], local


def test_what_is_skipped_is_the_jump_and_what_comes_twice_the_first():
    for text in ("02:00", "02:59", "03:00"):
        assert find_instant(clock(f"2027-03-28T{text}"), BERLIN) == at("2027-03-28T01:00")
    assert find_instant(clock("2027-10-31T02:30"), BERLIN) == at("2027-10-31T00:30")


def test_a_date_begins_where_its_clock_first_shows_it():
    havana, apia = ZoneInfo("America/Havana"), ZoneInfo("Pacific/Apia")
    assert find_midnight(date(2026, 3, 8), havana) == at("2026-03-08T05:00")  # it is 01:00
    assert find_midnight(date(2026, 11, 1), havana) == at("2026-11-01T04:00")
    assert find_midnight(date(2011, 12, 30), apia) == find_midnight(date(2011, 12, 31), apia)
    # From half past eleven to half past twelve.
    assert find_midnight(date(1919, 3, 31), ZoneInfo("America/Toronto")) == at("1919-03-31T04:30")


@given(
    st.integers(at("2000-01-01"), at("2037-01-01")), st.integers(1, 400 * 24 * HOUR), st.sampled_from(ZONES)
)
def test_stretches_hold_their_span_and_say_what_the_clock_shows(start, length, name):
    zone = ZoneInfo(name)
    found = list_stretches(start, start + length, zone)
    assert found[0].start == start and found[-1].end == start + length
    assert all(one.end == after.start and one.offset != after.offset for one, after in pairwise(found))
    for one in found:
        for moment in (one.start, one.end - 1):
            assert moment + one.offset == at(read_clock(moment, zone).isoformat())
    held = find_stretch(start, zone)
    assert held.start <= start < held.end and held.offset == found[0].offset


@given(st.datetimes(clock("2000-01-01"), clock("2037-01-01")), st.sampled_from(ZONES))
def test_what_a_clock_shows_is_never_before_what_was_asked_for(local, name):
    local, zone = local.replace(microsecond=0), ZoneInfo(name)
    moment = find_instant(local, zone)
    assert read_clock(moment, zone) >= local > read_clock(moment - 1000, zone)
