"""Query parameters: read, or refused by name."""

from metrics_app.core.moments import WHOLE, parse_moment
from metrics_app.exceptions import BadInput

EVERYWHERE = ("limit", "offset", "format")  # parameters of every list


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
    return parse_moment(params.get(name, default), now=now, field=name)
