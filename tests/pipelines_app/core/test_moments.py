"""Moments and milliseconds."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pipelines_app.core.moments import find_midnight, to_moment, to_ms
from tests.clocks import SIZES, walk


def test_milliseconds_are_whole_and_the_same_in_every_zone():
    moment = datetime(2026, 10, 25, 0, 30, 0, 123_999, tzinfo=UTC)
    assert to_ms(moment) == to_ms(moment.astimezone(ZoneInfo("Europe/Berlin"))) == 1_792_888_200_123
    # The second of the two hours that the clocks show twice.
    doubled = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin"))
    assert to_ms(doubled) == to_ms(moment) - 123 + 3_600_000


def test_a_moment_of_milliseconds_has_those_milliseconds():
    for at in range(1_792_888_200_000, 1_792_888_201_000, 7):
        assert to_ms(to_moment(at)) == at and to_moment(at) + timedelta(milliseconds=1) == to_moment(at + 1)


@pytest.mark.parametrize(("name", "day", "hours"), SIZES)
def test_a_day_begins_where_a_walk_over_every_minute_sees_it_begin(name, day, hours):
    zone, walked = ZoneInfo(name), {}
    for moment, local in walk(name, day, hours):
        walked.setdefault(local.date(), (moment, local))
    for date, (moment, local) in list(walked.items())[1:]:
        begun = find_midnight(date, zone)
        assert (to_ms(begun), begun.replace(tzinfo=None)) == (moment, local), date
