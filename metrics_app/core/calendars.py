"""Hours, days, weeks and months as people of a zone count them, by the one rule of ``core.wallclock``.

An hour that daylight saving doubles is two buckets, one that it skips is none; the day
has 25 hours then, or 23. Weeks begin on Monday.
"""

from bisect import bisect_right
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from metrics_app.core.durations import HOUR_MS
from metrics_app.core.moments import EPOCH
from metrics_app.core.wallclock import find_instant, find_midnight, list_stretches, read_clock
from metrics_app.exceptions import BadInput

CALENDARS = ("hour", "day", "week", "month")
SPANS = ("day", "week", "month", "year")
LARGEST_ZONE = 64


@lru_cache(1)
def list_zones():
    """The names of all zones; reading the directories takes 50 ms."""
    return frozenset(available_timezones())


def check_zone(name, field="zone"):
    """The ZoneInfo of a name such as Europe/Berlin, or BadInput."""
    if name not in list_zones():
        shown = repr(name[:LARGEST_ZONE])
        raise BadInput(f"{shown} is no time zone: expected a name such as Europe/Berlin", field=field)
    return ZoneInfo(name)


def list_edges(start, end, calendar, zone):
    """The edges (ms, ascending) of the buckets that hold [start, end): the first is not after ``start``."""
    end = max(end, start + 1)
    days = [first_day(start, calendar, zone)]
    while find_midnight(days[-1], zone) < end:
        days.append(next_day(days[-1], calendar))
    # A day that a zone has never had (Samoa, 30 December 2011) begins where it ends.
    edges = list(dict.fromkeys(find_midnight(day, zone) for day in days))
    if calendar == "hour":
        edges = [*list_hours(edges[0], edges[-1], zone), edges[-1]]
    low = bisect_right(edges, start) - 1
    high = next(at for at, edge in enumerate(edges) if edge >= end)
    return edges[low : high + 1]


def list_hours(start, end, zone):
    """The beginnings of the local hours of whole days [start, end) in ms, in order.

    Each begins where the clock shows a whole hour, or is moved: some zones are half an hour off
    the others, and some move their clocks by half an hour or in the middle of one.
    """
    for stretch in list_stretches(start, end, zone):
        yield stretch.start
        whole = (stretch.start + stretch.offset) // HOUR_MS * HOUR_MS + HOUR_MS - stretch.offset
        yield from range(whole, stretch.end, HOUR_MS)


def first_day(at, calendar, zone):
    """The local date on which the bucket that holds ``at`` (ms) begins."""
    day = read_clock(at, zone).date()
    if calendar == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if calendar == "month" else day


def next_day(day, calendar):
    """The local date on which the next bucket begins; hours are cut from days."""
    if calendar == "month":
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day + timedelta(days=7 if calendar == "week" else 1)


def begin(at, calendar, zone):
    """Where the bucket that holds ``at`` (ms) begins."""
    return list_edges(at, at + 1, calendar, zone)[0]


def shift_back(at, back, zone):
    """The same local time a day, week, month or year earlier, in ms.

    A date that does not exist is the last one of its month; a time that is skipped is the
    instant of the jump, of one that comes twice the first.
    """
    local = read_clock(at, zone)
    return find_instant(datetime.combine(step_back(local.date(), back), local.time()), zone)


def step_back(day, back):
    """The date a day, week, month or year earlier."""
    if back in ("day", "week"):
        return day - timedelta(days=7 if back == "week" else 1)
    months = day.year * 12 + day.month - 1 - (12 if back == "year" else 1)
    year, month = months // 12, months % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month, min(day.day, last))


def to_local(at, zone):
    """The local time of an instant in ms; exact, which a float of seconds is not."""
    return (EPOCH + timedelta(milliseconds=at)).astimezone(zone)
