"""Times that people write: by the clock of their own zone, also in the nights in which it is moved."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from metrics_app.core.wallclock import find_instant
from metrics_app.fields import LocalTimeField, SplitLocalTimeField, UtcTimeField
from tests.clocks import NIGHTS, walk


def write(text, zone="Europe/Berlin", field=LocalTimeField):
    """What both kinds of fields make of a text, in UTC without an offset."""
    with timezone.override(ZoneInfo(zone)):
        return f"{field().clean(text).astimezone(UTC):%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-06-01 12:00", "2027-06-01 10:00:00"),
        ("2027-10-31 02:30", "2027-10-31 00:30:00"),  # comes twice: the first
        ("2027-10-31 02:30+01:00", "2027-10-31 01:30:00"),
        ("2027-03-28 01:59:59", "2027-03-28 00:59:59"),
        ("2027-03-28 03:00", "2027-03-28 01:00:00"),
        ("2027-03-28T02:30Z", "2027-03-28 02:30:00"),
    ],
)
def test_a_time_is_that_of_the_readers_clock_unless_it_names_an_offset(text, moment):
    assert write(text) == moment
    if len(text) == len("2027-06-01 12:00"):
        assert write(text.split(" "), field=SplitLocalTimeField) == moment


@pytest.mark.parametrize(
    ("text", "zone", "jump"),
    [
        ("2027-03-28 02:30", "Europe/Berlin", "Europe/Berlin go from 02:00 to 03:00 then"),
        ("2026-03-08 00:00", "America/Havana", "America/Havana go from 00:00 to 01:00 then"),
        ("2026-10-04 02:15", "Australia/Lord_Howe", "Australia/Lord_Howe go from 02:00 to 02:30 then"),
        ("2011-12-30 12:00", "Pacific/Apia", "go from 2011-12-30 00:00 to 2011-12-31 00:00 then"),
    ],
)
def test_a_time_that_never_comes_is_refused_with_the_jump(text, zone, jump):
    for field, given in ((LocalTimeField, text), (SplitLocalTimeField, text.split(" "))):
        with pytest.raises(
            ValidationError, match=f"{text} never comes: the clocks of .*{jump}. Write a time"
        ):
            write(given, zone, field)


@pytest.mark.parametrize("text", ["0001-01-01 00:00", "9999-12-31 23:59"])
def test_the_ends_of_the_calendar_are_refused(text):
    for zone in ("Asia/Tokyo", "America/New_York"):
        with pytest.raises(ValidationError, match="beyond what calendars hold"):
            write(text, zone)


@pytest.mark.parametrize(("name", "day"), NIGHTS, ids=map(" ".join, NIGHTS))
def test_fields_and_rule_agree_about_every_quarter_of_an_hour(name, day):
    zone, minutes = ZoneInfo(name), walk(name, day, 40)
    shown = {local for _, local in minutes}
    noon = datetime.fromisoformat(f"{day}T12:00")
    for number in range(-24 * 4, 12 * 4):
        local = noon + timedelta(minutes=15 * number)
        try:
            written = write(f"{local:%Y-%m-%d %H:%M}", name)
        except ValidationError:
            assert local not in shown
            continue
        moment = datetime.fromtimestamp(find_instant(local, zone) / 1000, UTC)
        assert local in shown and written == f"{moment:%Y-%m-%d %H:%M:%S}"


def test_a_time_in_utc_is_one_whatever_the_readers_zone():
    assert write("2027-03-28 02:30", "Europe/Berlin", UtcTimeField) == "2027-03-28 02:30:00"
