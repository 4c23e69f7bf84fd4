"""Moments as people read them: the one place of this app that knows when a day, a year and a zone are said.

The day is said where it is not today's, the year where it is not this one's, and a zone by its name at that
very moment. Moments are datetimes of the reader's zone. Pure; the pairs of ``tests/js/moments.json`` hold it
to what the browser says.
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


def tell_moment(local, now):
    """``10:06``, ``24 Nov 10:06``, ``24 Nov 2011 10:06``."""
    text = f"{local:%H:%M}"
    return text if local.date() == now.date() else f"{tell_day(local, now)} {text}"


def tell_date(local):
    """``24 Nov 2026, 03:45 UTC``: all of a moment, for what is kept or sent."""
    return f"{local.day} {local:%b %Y, %H:%M} {name_zone(local)}"
