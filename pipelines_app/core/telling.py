"""Moments as people read them: the one place of this app that knows when a day, a year and a zone are said.

The zone is always said, by its name at that very moment, the day where it is not today's, and the year where
it is not this one's. Moments are datetimes of the reader's zone. Pure; the pairs of ``tests/js/moments.json``
hold it to what the browser says.
"""


def name_zone(local):
    """``CET``, ``CEST``, and ``UTC+5:45`` where nobody has given the zone a name."""
    if local.tzname().isalpha():
        return local.tzname()
    minutes = round(local.utcoffset().total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'−' if minutes < 0 else '+'}{hours}{f':{rest:02}' if rest else ''}"


def tell_day(day, now, *, month="%b"):
    """``24 Nov``, ``24 Nov 2011``: a date or the day of a moment, with its year where it is not this one."""
    return f"{day.day} {day.strftime(month)}{'' if day.year == now.year else f' {day.year}'}"


def tell_whole_day(day, *, month="%b"):
    """``24 Nov 2026``: a date or the day of a moment with its year, for what is kept or sent."""
    return f"{day.day} {day.strftime(month)} {day.year}"


def tell_moment(local, now):
    """``10:06``, ``24 Nov 10:06``, ``24 Nov 2011 10:06``."""
    text = f"{local:%H:%M}"
    return text if local.date() == now.date() else f"{tell_day(local, now)} {text}"


def tell_moment_in_zone(local, now):
    """``10:06 CET``, ``24 Nov 10:06 CET``, ``24 Nov 2011 10:06 CET``."""
    return f"{tell_moment(local, now)} {name_zone(local)}"


def tell_when(local, now):
    """``at 10:06 CET``, ``on 24 Nov at 10:06 CET``: the same as part of a sentence."""
    text = f"at {tell_moment_in_zone(local, local)}"
    return text if local.date() == now.date() else f"on {tell_day(local, now)} {text}"


def tell_span(first, last):
    """``from 22 September 2026, 14:00, to 29 September 2026, 14:00 CEST``, for what is kept or sent.

    Both zones where the clocks change in it.
    """
    begin, end = (f"{tell_whole_day(one, month='%B')}, {one:%H:%M}" for one in (first, last))
    zone = name_zone(first)
    same = zone == name_zone(last)
    return f"from {begin}{'' if same else f' {zone}'}, to {end} {name_zone(last)}"


def tell_in_full(local):
    """``24 Nov 2026, 03:45 UTC``: all of a moment, for what is kept or sent."""
    return f"{tell_whole_day(local)}, {local:%H:%M} {name_zone(local)}"


def write_in_full(local):
    """``2026-11-24 03:31:00 CET``: all of a moment, to be sorted and compared."""
    return f"{local:%Y-%m-%d %H:%M:%S} {name_zone(local)}"
