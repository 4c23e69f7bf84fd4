"""Nights in which clocks are moved, walked minute by minute: what the rule of local time is held against."""

from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from metrics_app.core.moments import to_ms

MINUTE, HOUR = 60_000, 3_600_000
# A local date beside the change, in each zone one of a skipped and one of a doubled time.
NIGHTS = [
    ("Europe/Berlin", "2027-03-28"),
    ("Europe/Berlin", "2027-10-31"),
    ("Australia/Lord_Howe", "2026-10-04"),  # half an hour
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Antarctica/Troll", "2026-03-29"),  # two hours
    ("Antarctica/Troll", "2026-10-25"),
    ("America/Havana", "2026-03-08"),  # there is no midnight
    ("America/Havana", "2026-11-01"),  # midnight comes twice
    ("Asia/Beirut", "2026-03-29"),
    ("Asia/Beirut", "2026-10-25"),  # from midnight back to 23:00
    ("Africa/Cairo", "2026-04-24"),
    ("Africa/Cairo", "2026-10-30"),
    ("America/Asuncion", "2023-10-01"),
    ("America/Asuncion", "2024-03-24"),
    ("Africa/Casablanca", "2026-03-22"),  # behind while Ramadan lasts
    ("Africa/Casablanca", "2026-02-15"),
    ("America/St_Johns", "2010-03-14"),  # at one minute past midnight
    ("America/St_Johns", "2010-11-07"),  # back into the day before
    ("America/Caracas", "2016-05-01"),  # half an hour in the middle of one
    ("America/Caracas", "2007-12-09"),
    ("Pacific/Apia", "2011-12-30"),  # a day that never was
    ("Pacific/Apia", "2012-04-01"),
]
SIZES = [
    *(pytest.param(*night, 40, id=" ".join(night)) for night in NIGHTS),
    *(pytest.param(*night, 4_400, id=f"{night[0]} full", marks=pytest.mark.long) for night in NIGHTS[::2]),
]


def at(text, zone=UTC):
    """ms of a time of a clock that is not being moved then."""
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=zone))


def read(moment, zone):
    """The local time of ms, as Python has it."""
    return datetime.fromtimestamp(moment // 1000, zone).replace(tzinfo=None)


@lru_cache(2)
def walk(name, day, hours):
    """``[(ms, local time), …]`` of every minute from ``hours`` before noon (UTC) of a date on."""
    zone, noon = ZoneInfo(name), at(f"{day}T12:00")
    minutes = range(noon - hours * HOUR, noon + hours * HOUR, MINUTE)
    found = [(moment, read(moment, zone)) for moment in minutes]
    assert any((after[1] - before[1]).total_seconds() != 60 for before, after in pairwise(found)), "no change"
    return found
