"""Query parameters: read, or refused by name."""

from metrics_app.core.calendars import CALENDARS, SPANS, check_zone
from metrics_app.core.moments import WHOLE, parse_moment
from metrics_app.exceptions import BadInput

EVERYWHERE = ("limit", "offset", "format")  # parameters of every list


LATEST = 4_102_444_800_000  # ms, 2100: calendars of later years are anybody's guess


def refuse_parameters(params, *names):
    """BadInput for every parameter of a list besides ``names``: a misspelt filter must not show all."""
    refuse_others(params, *names, *EVERYWHERE)


def refuse_others(params, *known):
    """BadInput for every parameter that is not known."""
    errors = [
        {"field": name[:100], "message": f"unknown parameter: expected {', '.join(known)}"}
        for name in params
        if name not in known
    ]
    if errors:
        raise BadInput(errors[0]["message"], errors=errors[:20])


def read_integer(params, name, *, default, low, high):
    """A whole number from ``low`` to ``high``, or BadInput."""
    text = params.get(name)
    if text is None:
        return default
    if not WHOLE.match(text) or not low <= int(text) <= high:
        raise BadInput(f"{text[:50]!r} is not a whole number from {low} to {high}", field=name)
    return int(text)


def read_time(params, name, *, default, now):
    """A time in ms: milliseconds, ISO 8601 with an offset, or seconds before ``now`` such as -3600."""
    return parse_moment(params.get(name, default), now=now, field=name)


def read_word(params, name, words, *, default):
    """One of some words, or BadInput that lists them."""
    word = params.get(name, default)
    if word not in words:
        raise BadInput(f"{word[:50]!r} is not known: expected {', '.join(words)}", field=name)
    return word


def read_calendar(params, default=None):
    """``by``: hour, day, week or month."""
    return read_word(params, "by", CALENDARS, default=default) if default or "by" in params else None


def read_zone(params):
    """``zone``: the name of a time zone, by default UTC."""
    zone = params.get("zone", "UTC")
    check_zone(zone)
    return zone


def read_compare(params, default=""):
    """``compare``: day, week, month, year, by comma, in the order given and each once; BadInput."""
    text = params.get("compare", default)
    words = list(dict.fromkeys(text.split(","))) if text or "compare" in params else []
    for word in words:
        if word not in SPANS:
            expected = f"{', '.join(SPANS)}, by comma"
            raise BadInput(f"{word[:50]!r} cannot be compared with: expected {expected}", field="compare")
    return words


def read_bounds(params, *, start, end, now):
    """``(start, end)`` in ms; the defaults are times, as text. BadInput."""
    start = read_time(params, "start", default=start, now=now)
    end = read_time(params, "end", default=end, now=now)
    for name, moment in (("start", start), ("end", end)):
        if moment > LATEST:
            raise BadInput(f"{moment} is too far ahead: expected a time before 2100", field=name)
    if start >= end:
        raise BadInput(f"start ({start}) is not before end ({end})", field="start")
    return start, end
