"""Moments as people read them: the one place that knows when a day, a year and a zone are said.

The zone is always said, by its name at that very moment (CET of a January, also when it is read in July),
the day where it is not today's, and the year where it is not this one's. A time of day without its zone is
for what says it beside it: a span that ends with it, a list. Moments are datetimes of the reader's zone.
``static/metrics_app/moments.js`` says the same in the browser, ``pipelines_app/core/telling.py`` in that app;
the pairs of ``tests/js/moments.json`` hold all three to it. Pure.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

FIRST, LAST = 2000, 2040  # years whose seasons are looked at
STEP = timedelta(days=14)  # shorter than any season of a clock


def name_zone(local):
    """ "CET", "CEST", and "UTC+5:45" where nobody has given the zone a name."""
    return local.tzname() if local.tzname().isalpha() else write_offset(local.utcoffset())


def write_offset(offset):
    """ "UTC+5:45", "UTC−3", of a timedelta."""
    minutes = round(offset.total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'−' if minutes < 0 else '+'}{hours}{f':{rest:02}' if rest else ''}"


def tell_day(day, now, *, with_year=False, month="%b"):
    """ "24 Nov", "24 Nov 2011": a date, or the day of a moment, with its year where it is not this one."""
    year = f" {day.year}" if with_year or day.year != now.year else ""
    return f"{day.day} {day.strftime(month)}{year}"


def tell_moment(local, now, *, seconds=False, with_day=False, with_year=False):
    """ "10:06", "24 Nov 10:06", "24 Nov 2011 10:06"; with ``seconds`` "10:06:31"."""
    text = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    is_today = local.date() == now.date()
    if is_today and not with_day and not with_year:
        return text
    return f"{tell_day(local, now, with_year=with_year)} {text}"


def tell_moment_in_zone(local, now, *, seconds=False, with_day=False):
    """ "24 Nov 2011 10:06 CET"."""
    return f"{tell_moment(local, now, seconds=seconds, with_day=with_day)} {name_zone(local)}"


def tell_when(local, now, *, seconds=False, with_day=False):
    """ "at 10:06 CET", "on 24 Nov at 10:06 CET": the same as part of a sentence."""
    text = f"at {tell_moment(local, local, seconds=seconds)} {name_zone(local)}"
    is_today = local.date() == now.date()
    return text if is_today and not with_day else f"on {tell_day(local, now)} {text}"


def write_in_full(local, *, seconds=True):
    """ "2026-11-24 03:31:00 CET": all of a moment, for what is kept, sent or sorted."""
    text = f"{local:%Y-%m-%d %H:%M:%S}" if seconds else f"{local:%Y-%m-%d %H:%M}"
    return f"{text} {name_zone(local)}"


@lru_cache(64)
def list_zone_names(zone):
    """``{offset from UTC in minutes: name}`` of a ZoneInfo, of all its seasons, for the browser.

    Of two names at one offset the later one counts.
    """
    found, at = {}, datetime(FIRST, 1, 1, tzinfo=UTC)
    while at.year < LAST:
        local = at.astimezone(zone)
        found[round(local.utcoffset().total_seconds() / 60)] = name_zone(local)
        at += STEP
    return found
