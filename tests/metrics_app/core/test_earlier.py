"""The window a change is held against, by the clock of a zone."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core.backtest import backtest
from metrics_app.core.durations import DAY_MS, HOUR_MS, MINUTE_MS
from metrics_app.core.earlier import find_earlier, list_agos, list_bends
from metrics_app.core.moments import to_ms
from metrics_app.core.wallclock import find_instant, read_clock
from metrics_app.core.watch import Rule
from metrics_app.core.windows import expand, list_slots, list_turns, make_pieces, view_windows

WEEK_MS = 7 * DAY_MS
# Of each zone a day in the night before which clocks go forward, and one before which they go back.
NIGHTS = {
    "Europe/Berlin": ("2026-03-29", "2026-10-25"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "Australia/Lord_Howe": ("2026-10-04", "2026-04-05"),
    "Pacific/Apia": ("2020-09-27", "2021-04-04"),
    "Africa/Casablanca": ("2026-03-22", "2026-02-15"),
}
EACH = [(zone, day) for zone, days in NIGHTS.items() for day in days]


def at(zone, text, fold=0):
    """ms of a local time."""
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold))


def back(zone, ms, ago=WEEK_MS):
    """Where one window before ends."""
    return find_earlier(np.array([ms]), ago, zone).item()


@pytest.mark.parametrize(("zone", "day"), EACH)
@pytest.mark.parametrize("ago", [DAY_MS, WEEK_MS])
def test_it_ends_at_the_same_local_time_on_every_minute_of_the_days_after_clocks_move(zone, day, ago):
    begin = at(zone, day) - DAY_MS
    ends = np.arange(begin, begin + 9 * DAY_MS, 7 * MINUTE_MS)
    clock = ZoneInfo(zone)
    for end, found in zip(ends.tolist(), find_earlier(ends, ago, zone).tolist(), strict=True):
        # By the one rule for local times, which is tested for itself.
        local = read_clock(end, clock) - timedelta(milliseconds=ago)
        assert found == find_instant(local, clock)
    assert (ends - find_earlier(ends, ago)).tolist() == [ago] * len(ends), "without a zone it is UTC"


@pytest.mark.parametrize(("zone", "day"), EACH)
def test_noon_is_held_against_noon_though_that_is_167_or_169_hours_ago(zone, day):
    noon = at(zone, f"{day}T12:00")
    found = back(zone, noon)
    assert datetime.fromtimestamp(found / 1000, ZoneInfo(zone)).hour == 12
    moved = noon - found - WEEK_MS
    assert abs(moved) in (HOUR_MS, HOUR_MS // 2), "the clocks were moved between the two"
    assert back(zone, noon + WEEK_MS) == noon


def test_a_time_that_was_skipped_is_the_jump_and_one_that_came_twice_the_first_of_both():
    jump = at("Europe/Berlin", "2026-03-29T03:00")
    assert back("Europe/Berlin", at("Europe/Berlin", "2026-04-05T02:30")) == jump
    assert back("Europe/Berlin", at("Europe/Berlin", "2026-11-01T02:30")) == to_ms(
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    )
    twice = [at("Europe/Berlin", "2026-10-25T02:30", fold) for fold in (0, 1)]
    assert back("Europe/Berlin", twice[0]) == back("Europe/Berlin", twice[1]) == twice[0] - WEEK_MS


def test_a_date_that_a_zone_never_had_is_the_one_before_it():
    # Samoa went from 29 to 31 December 2011: what is held against itself never changes.
    assert back("Pacific/Apia", at("Pacific/Apia", "2011-12-31T10:00"), DAY_MS) == at(
        "Pacific/Apia", "2011-12-29T10:00"
    )
    assert back("Pacific/Apia", at("Pacific/Apia", "2012-01-06T10:00")) == at(
        "Pacific/Apia", "2011-12-29T10:00"
    )


@pytest.mark.parametrize(("zone", "day"), [*EACH, ("Pacific/Apia", "2011-12-31")])
def test_between_the_bends_it_lies_a_known_time_back_or_stands_still(zone, day):
    begin = at(zone, day) - 2 * DAY_MS
    span = begin, begin + 10 * DAY_MS
    bends = list_bends(*span, WEEK_MS, zone).tolist()
    assert bends, "clocks were moved"
    agos = set(list_agos(*span, WEEK_MS, zone))
    for low, high in pairwise([begin, *bends, span[1]]):
        ends = np.arange(low, high, 10 * MINUTE_MS)
        found = find_earlier(ends, WEEK_MS, zone)
        assert set((ends - found).tolist()) <= agos or len(set(found.tolist())) == 1


@pytest.mark.parametrize(("zone", "day"), EACH)
@given(
    st.lists(st.integers(0, 20 * DAY_MS // MINUTE_MS), min_size=1, max_size=12), st.sampled_from([600, 7200])
)
def test_leaving_out_slots_at_which_nothing_changes_gives_what_each_slot_gives(zone, day, minutes, window):
    begin = at(zone, day) - 10 * DAY_MS
    pieces = make_pieces([begin + minute * MINUTE_MS for minute in minutes], [1.0] * len(minutes))
    options = 1800, window, "rate_change_week", zone
    turns, lengths = list_turns(pieces, *options)
    slots = list_slots(pieces, 1800, window)
    seen, every = (
        expand(view_windows(pieces, some, "rate_change_week", window, zone=zone)) for some in (turns, slots)
    )
    for few, all_ in zip(seen, every, strict=True):
        assert np.array_equal(np.repeat(few, lengths), all_, equal_nan=True)


def test_a_backtest_compares_by_the_clock_that_its_rule_names():
    # One call every quarter of an hour from 08:00 to 17:00 there, before and after the clocks moved.
    zone = ZoneInfo("Europe/Berlin")
    days = [datetime(2026, 3, 20, tzinfo=zone) + timedelta(days=day) for day in range(18)]
    ts = [to_ms(day.replace(hour=8) + timedelta(minutes=15 * number)) for day in days for number in range(36)]
    pieces = make_pieces(ts, [1.0] * len(ts))
    rule = Rule("rate_change_week", 1800, "gt", 50, interval=300)
    assert backtest(rule, pieces).fired > 0, "by UTC the calls of 08:00 are held against those of 07:00"
    assert backtest(rule._replace(zone="Europe/Berlin"), pieces).fired == 0
