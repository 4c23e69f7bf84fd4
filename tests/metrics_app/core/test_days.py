"""Days as people live them, also when the clocks change."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from metrics_app.core.days import describe_change, find_midnight, go_back, to_ms

BERLIN = ZoneInfo("Europe/Berlin")


def at(*parts):
    """A local moment in Berlin, in ms."""
    return to_ms(datetime(*parts, tzinfo=BERLIN))


def test_midnight_is_the_readers():
    moment = to_ms(datetime(2026, 3, 28, 23, 30, tzinfo=UTC))
    assert find_midnight(moment, BERLIN) == at(2026, 3, 29)
    assert find_midnight(moment, UTC) == to_ms(datetime(2026, 3, 28, tzinfo=UTC))


@pytest.mark.parametrize(("days", "expected"), [(1, (2026, 3, 28, 14)), (7, (2026, 3, 22, 14))])
def test_the_time_of_day_stays_over_a_change_of_the_clocks(days, expected):
    # Berlin went from UTC+1 to UTC+2 on 29 March 2026: 24 hours earlier would be 13:00.
    assert go_back(at(2026, 3, 29, 14), days, BERLIN) == at(*expected)


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [
        (110, 100, "10 % more"),
        (90, 100, "10 % less"),
        (100.1, 100, "the same"),
        (5000, 100, "50 times as much"),
        (None, 100, ""),
        (5, 0, ""),
        (5, None, ""),
    ],
)
def test_a_figure_is_set_against_an_earlier_one(now, before, words):
    assert describe_change(now, before) == words
