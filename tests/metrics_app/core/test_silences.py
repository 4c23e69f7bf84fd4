"""When a silence acts, also in the nights in which clocks move."""

from datetime import datetime, time, timedelta
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core.silences import DAYS, Span, acts_until, find_first, is_matched, list_links
from tests.clocks import HOUR, SIZES, walk

BERLIN = ZoneInfo("Europe/Berlin")


def ms(*when):
    return round(datetime(*when, tzinfo=BERLIN).timestamp() * 1000)


YEAR = ms(2026, 1, 1), ms(2027, 1, 1)
NIGHTS = Span(*YEAR, ("sat",), time(22), time(6), "Europe/Berlin")


def test_it_acts_from_its_start_until_before_its_end():
    span = Span(1000, 2000)
    assert [acts_until(span, at) for at in (999, 1000, 1999, 2000)] == [None, 2000, 2000, None]


@pytest.mark.parametrize(
    ("when", "until"),
    [
        ((2026, 3, 28, 21, 59), None),
        ((2026, 3, 28, 22, 0), (2026, 3, 29, 6, 0)),
        ((2026, 3, 29, 5, 59), (2026, 3, 29, 6, 0)),  # the night that has no 02:30
        ((2026, 3, 29, 6, 0), None),
        ((2026, 10, 25, 2, 30), (2026, 10, 25, 6, 0)),  # the night that has it twice
        ((2026, 3, 29, 22, 30), None),  # a Sunday
    ],
)
def test_hours_that_pass_midnight_belong_to_the_day_on_which_they_begin(when, until):
    assert acts_until(NIGHTS, ms(*when)) == (ms(*until) if until else None)


def test_equal_times_are_a_whole_day():
    span = Span(*YEAR, ("mon",), time(0), time(0), "Europe/Berlin")
    assert acts_until(span, ms(2026, 3, 30, 23, 59)) == ms(2026, 3, 31, 0, 0)


HOURS = [
    (time(2, 30), time(3, 15)),
    (time(1), time(2, 30)),
    (time(0), time(0, 30)),
    (time(23, 30), time(0, 15)),
    (time(22), time(6)),
    (time(0), time(0)),
    (time(3), time(2, 30)),
    (time(1, 59), time(2)),
]


def is_silent(local, days, opens, closes):
    """The plain rule: whether a clock that shows this is within the hours, or in those of the day before."""
    today, yesterday = DAYS[local.weekday()] in days, DAYS[local.weekday() - 1] in days
    if opens < closes:
        return today and opens <= local.time() < closes
    return (today and local.time() >= opens) or (yesterday and local.time() < closes)


@pytest.mark.parametrize(("name", "day", "hours"), SIZES)
def test_hours_are_those_of_the_clock_at_every_minute(name, day, hours):
    minutes, night = walk(name, day, hours), f"{datetime.fromisoformat(day):%a}".lower()
    begin, end = minutes[0][0], minutes[-1][0] + 60_000
    minute = timedelta(minutes=1)
    moved = [after[0] for before, after in pairwise(minutes) if after[1] - before[1] != minute]
    for number, (opens, closes) in enumerate(HOURS):
        days = DAYS if number % 2 else (night,)
        span = Span(begin, end, days, opens, closes, name)
        kept = [(moment, is_silent(local, days, opens, closes)) for moment, local in minutes]
        assert find_first(span) == next((moment for moment, silent in kept if silent), None)
        for silent, group in groupby(kept, key=lambda one: one[1]):
            stretch = [moment for moment, _ in group]
            until = stretch[-1] + 60_000 if silent else None
            # Every minute beside a change, and the edges of all hours.
            asked = [at for at in stretch if any(abs(at - other) < HOUR for other in moved)]
            for at in {stretch[0], stretch[-1], *asked}:
                assert acts_until(span, at) == until, (days, opens, closes, at)


def test_hours_that_never_come_silence_what_they_leave_and_those_that_come_twice_both():
    year = ms(2027, 1, 1), ms(2028, 1, 1)
    spring = Span(*year, ("sun",), time(2, 30), time(3, 15), "Europe/Berlin")
    assert acts_until(spring, ms(2027, 3, 28, 1, 59)) is None
    assert acts_until(spring, ms(2027, 3, 28, 3, 0)) == ms(2027, 3, 28, 3, 15)
    autumn = Span(*year, ("sun",), time(1), time(2, 30), "Europe/Berlin")
    first = ms(2027, 10, 31, 2, 0)
    assert [acts_until(autumn, first + step * HOUR // 2) for step in range(4)] == [
        first + HOUR // 2,
        None,
        first + HOUR * 3 // 2,
        None,
    ]


def test_hours_that_follow_on_each_other_are_told_to_their_true_end():
    week = Span(*YEAR, DAYS, time(0), time(0), "Europe/Berlin")
    assert acts_until(week, ms(2026, 5, 1)) == YEAR[1]
    weekend = Span(*YEAR, ("sat", "sun"), time(0), time(0), "Europe/Berlin")
    assert acts_until(weekend, ms(2026, 3, 28, 9)) == ms(2026, 3, 30)
    # On that night there is no half hour between them.
    nights = Span(*YEAR, DAYS, time(3), time(2), "Europe/Berlin")
    assert acts_until(nights, ms(2026, 3, 28, 9)) == ms(2026, 3, 30, 2)


@pytest.mark.parametrize("closes", [time(0, 0, 0, 100), time(0, 0, 0, 300)])
def test_hours_shorter_than_a_millisecond_neither_last_for_ever_nor_fail(closes):
    far = Span(0, ms(9000, 1, 1), DAYS, time(0, 0, 0, 200), closes, "Europe/Berlin")
    assert acts_until(far, YEAR[0]) == (far.ends if closes < far.opens else None)


def test_hours_that_never_come_within_its_time_have_no_first_moment():
    hours = ("sun",), time(2, 15), time(2, 45), "Europe/Berlin"
    saturday, monday = ms(2027, 3, 27), ms(2027, 3, 29)
    assert find_first(Span(saturday, monday, *hours)) is None  # the night without them
    assert find_first(Span(saturday, monday + 7 * 24 * HOUR, *hours)) == ms(2027, 4, 4, 2, 15)
    assert find_first(Span(saturday, monday)) == saturday


DAY, NIGHT = (
    Span(*YEAR, DAYS[:5], time(opens), time(closes), "Europe/Berlin") for opens, closes in ((6, 22), (22, 6))
)


@pytest.mark.parametrize(
    ("spans", "ends"),
    [
        # A whole day each day, and one Monday of them.
        ([Span(*YEAR, DAYS, time(0), time(0), "Europe/Berlin")], [(2027, 1, 1)]),
        ([Span(*YEAR, ("mon",), time(0), time(0), "Europe/Berlin")], [(2026, 3, 31, 0, 0)]),
        # Days and nights of a week that meet, until Saturday at six.
        ([DAY, NIGHT], [(2026, 4, 4, 6, 0)]),
        # One that ends where another begins; one that begins a second later.
        (
            [Span(ms(2026, 3, 30), ms(2026, 3, 30, 13)), Span(ms(2026, 3, 30, 13), ms(2026, 3, 30, 14))],
            [(2026, 3, 30, 14)],
        ),
        (
            [Span(ms(2026, 3, 30), ms(2026, 3, 30, 13)), Span(ms(2026, 3, 30, 13, 0, 1), YEAR[1])],
            [(2026, 3, 30, 13)],
        ),
        ([NIGHT], []),
    ],
)
def test_silences_that_follow_each_other_without_a_gap_end_with_the_last(spans, ends):
    links = list_links(spans, ms(2026, 3, 30, 12))
    assert [until for _, until in links][-1:] == [ms(*end) for end in ends]
    assert list_links(spans[::-1], ms(2026, 3, 30, 12))[-1:] == [
        (len(spans) - 1 - index, until) for index, until in links[-1:]
    ]


@given(st.integers(*YEAR), st.sampled_from(DAYS), st.times(), st.times())
def test_it_never_acts_beyond_its_end_and_never_in_the_past(at, day, opens, closes):
    until = acts_until(Span(*YEAR, (day,), opens, closes, "America/New_York"), at)
    assert until is None or at < until <= YEAR[1]


def test_every_matcher_that_is_set_must_fit():
    threshold = {"topic": "complaint.latency", "threshold": 7, "grade": "critical"}
    assert is_matched("complaint.*", "", None, **threshold)
    assert is_matched("", "critical", 7, **threshold)
    assert not is_matched("complaint.*", "info", None, **threshold)
    assert not is_matched("complaint.*", "", 8, **threshold)
    assert not is_matched("er.*", "", 7, **threshold)
