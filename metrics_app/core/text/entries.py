"""Values as people type them into a form: "48 h", "10 min", "12.5"; ``units`` shows them.

What is written here is exact: it is read back as the same number.
"""

import math
import re

from metrics_app.core.aggregates import COUNTED, get_aggregate
from metrics_app.core.durations import DAY_S, HOUR_S, MINUTE_S
from metrics_app.exceptions import BadInput

# What people type for each unit. "m" is minutes: nobody sets a limit in months.
SECONDS = {
    **dict.fromkeys(["w", "week", "weeks"], 7 * DAY_S),
    **dict.fromkeys(["d", "day", "days"], DAY_S),
    **dict.fromkeys(["h", "hr", "hrs", "hour", "hours"], HOUR_S),
    **dict.fromkeys(["m", "min", "mins", "minute", "minutes"], MINUTE_S),
    **dict.fromkeys(["s", "sec", "secs", "second", "seconds", ""], 1),
    "ms": 0.001,
}
# A comma before exactly three digits may part thousands as well as decimals: neither is guessed.
AMOUNT = r"[0-9]+\.[0-9]+|0,[0-9]+|[0-9]+,(?![0-9]{3}(?![0-9]))[0-9]+|[0-9]+(?![.,]?[0-9])|[.,][0-9]+"
PART = re.compile(rf"\s*({AMOUNT})\s*([a-z]*)\s*")
# float() reads "1_5" as 15, and digits of every script.
PLAIN = re.compile(r"[+-]?(?:[0-9.]+(?:e[+-]?[0-9]+)?|inf|infinity|nan)\Z", re.IGNORECASE)


def is_duration(unit, aggregate="mean"):
    """Whether such values are seconds; a count of them is a plain number, a share of them per cent."""
    return get_aggregate(aggregate).unit_of(unit) == "seconds"


def write_duration(seconds):
    """Exact, in one unit: 172800 is "48 h", 600 is "10 min", 604800 is "7 d"."""
    for size, name in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "min")):
        # Service levels are spoken in hours up to three days: 48 h, 72 h.
        if seconds and seconds % size == 0 and (size != DAY_S or abs(seconds) > 3 * DAY_S):
            return f"{int(seconds // size)} {name}"
    return f"{write_number(seconds)} s"


def write_compact(seconds):
    """Exact, as in a rule's file: "30m", "48h", "7d", "45s"."""
    return write_duration(seconds).replace(" min", "m").replace(" ", "")


def write_number(value):
    """The shortest text that is read back as the same float."""
    return repr(float(value)).removesuffix(".0")


def write_value(value, unit="", aggregate="mean"):
    """A value for a form field, without its unit unless it is a duration; "" for None."""
    if value is None:
        return ""
    return write_duration(value) if is_duration(unit, aggregate) else write_number(value)


def parse_duration(text, field=None):
    """Seconds of "48h", "10 min", "2 d 4 h", "1.5h" or "90"; BadInput otherwise."""
    rest = str(text).strip().lower()
    sign, rest = (-1, rest[1:]) if rest.startswith(("-", "−")) else (1, rest)
    parts = read_parts(rest)
    # A bare number is seconds, but only alone: "1 h 5" leaves open what the 5 is.
    if not parts or (len(parts) > 1 and any(unit == "" for _, unit in parts)):
        raise refuse_duration(text, field)
    total = sum(amount * SECONDS[unit] for amount, unit in parts)
    if not math.isfinite(total):
        raise refuse_duration(text, field)
    return sign * (int(total) if total == int(total) else round(total, 6))


def read_parts(text):
    """``[(2.0, "d"), (4.0, "h")]`` of "2 d 4 h"; empty when the text is something else."""
    parts, position = [], 0
    while position < len(text):
        part = PART.match(text, position)
        if part is None or part[2] not in SECONDS:
            return []
        parts.append((float(part[1].replace(",", ".")), part[2]))
        position = part.end()
    return parts


def refuse_duration(text, field):
    """The error that shows what a duration looks like."""
    shown = str(text)[:50]
    return BadInput(
        f"{shown!r} is not a duration: write '48 h', '10 min', '2 d 4 h' or a number of seconds", field=field
    )


def parse_value(text, unit="", aggregate="mean", field=None):
    """The number a person typed for a value of this unit; BadInput otherwise."""
    one = get_aggregate(aggregate)
    counts = COUNTED in one.unit
    # "90" of a rate may be written "90 calls" as well as "90 calls per hour".
    suffixes = [one.unit_of(unit), unit] if counts else [one.unit_of(unit)]
    text = str(text).strip()
    bare = next((text.removesuffix(suffix) for suffix in suffixes if suffix and text.endswith(suffix)), text)
    number = read_plain(bare.strip())
    if number is None:
        if is_duration(unit, aggregate):
            return float(parse_duration(text, field))
        expected = "a number" + (f" of {suffixes[0]}" if suffixes[0] and not counts else "")
        raise BadInput(f"{text[:50]!r} is not a value: expected {expected}", field=field)
    if not math.isfinite(number):
        raise BadInput(f"{text[:50]!r} is not a finite number", field=field)
    return number


def read_plain(text):
    """The float of a plain number, with a minus of either kind; None for anything else."""
    text = text.replace("−", "-", 1)
    try:
        return float(text) if PLAIN.match(text) else None
    except ValueError:
        return None
