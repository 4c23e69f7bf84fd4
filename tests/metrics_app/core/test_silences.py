"""When a silence acts, also in the nights in which clocks move."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core.silences import DAYS, Span, acts_until, is_matched

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
