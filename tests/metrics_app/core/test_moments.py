from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from metrics_app.core.moments import parse_moment, to_ms
from metrics_app.exceptions import BadInput

NOW = 1_764_000_000_000


@pytest.mark.parametrize(
    ("text", "moment"),
    [("0", NOW), ("-3600", NOW - 3_600_000), ("1763000000000", 1_763_000_000_000)]
    + [("2025-11-24T16:00:00Z", NOW), ("2025-11-24T17:00:00 01:00", NOW)],
)
def test_a_time_is_ms_iso_or_seconds_before_now(text, moment):
    assert parse_moment(text, now=NOW) == moment


@pytest.mark.parametrize("text", ["1970-01-01T00:00Z", "1969-12-31T23:59Z", "0001-01-01T00:00Z"])
def test_an_iso_time_long_ago_is_never_taken_for_now(text):
    with pytest.raises(BadInput, match="too long ago") as caught:
        parse_moment(text, now=NOW, field="start")
    assert caught.value.errors[0]["field"] == "start"


def test_milliseconds_are_whole_and_the_same_in_every_zone():
    moment = datetime(2026, 10, 25, 0, 30, 0, 123_999, tzinfo=UTC)
    assert to_ms(moment) == to_ms(moment.astimezone(ZoneInfo("Europe/Berlin"))) == 1_792_888_200_123
