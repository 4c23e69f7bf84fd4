"""Query parameters: read, or refused by name."""

import re

from metrics_app.core.points import EARLIEST, parse_iso
from metrics_app.exceptions import BadInput

EVERYWHERE = ("limit", "offset", "format")  # parameters of every list
WHOLE = re.compile(r"[+-]?[0-9]{1,18}\Z")
# A plus sign in a query string arrives as a space.
LOST_PLUS = re.compile(r"(T\S*) (\d\d:?\d\d)\Z")


def refuse_parameters(params, *names):
    """BadInput for every parameter of a list besides ``names``: a misspelt filter must not show all."""
    known = (*names, *EVERYWHERE)
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
    text = params.get(name, default)
    try:
        moment = int(text) if WHOLE.match(text) else parse_iso(LOST_PLUS.sub(r"\1+\2", text[:50]))
    except BadInput as error:
        raise BadInput(f"{error}, or seconds before now such as -3600", field=name) from None
    if moment <= 0:
        moment = now + moment * 1000
    if moment < EARLIEST:
        expected = "milliseconds since 2000-01-01, or seconds before now such as -3600"
        raise BadInput(f"{text[:50]} is too long ago: expected {expected}", field=name)
    return moment
