"""Values in the reader's units: "2 d 4 h", not 187200.

``static/metrics_app/units.js`` says the same in the browser; the pairs of
``tests/js/units.json`` hold both to it.
"""

import math

from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.durations import HOUR_S, MINUTE_S

DASH = "—"


def format_number(value):
    """A number as people write it: grouped, about three digits, no needless zeros."""
    if value is None or not math.isfinite(value):
        return DASH
    size = abs(value)
    if size and (size < 0.001 or size >= 1e15):
        return f"{value:.2e}".replace("-", "−")
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 4
    text = f"{round_half_up(value, digits):,.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text.replace("-", "−")


def round_half_up(value, digits):
    """Rounds as the browser does; Python's ``round`` goes to the even neighbour."""
    factor = 10**digits
    return math.floor(value * factor + 0.5) / factor


def format_duration(seconds, beside=None):
    """A duration in its two largest units: "4 min 10 s", "51 min", "48 h", "2 d 4 h".

    ``beside`` is the limit it is read next to, in seconds: both then speak of hours, or both of days.
    """
    if seconds is None or not math.isfinite(seconds):
        return DASH
    if seconds < 0:
        return "−" + format_duration(-seconds, beside)
    if seconds < MINUTE_S - 0.5:
        return f"{format_number(seconds if seconds < 10 else math.floor(seconds + 0.5))} s"
    if seconds < HOUR_S - 0.5:
        return join_units(math.floor(seconds + 0.5), (MINUTE_S, "min"), (1, "s"))
    minutes = math.floor(seconds / MINUTE_S + 0.5)
    if minutes <= find_most_hours(beside) * 60:
        return join_units(minutes, (60, "h"), (1, "min"))
    return format_days(minutes)


def tell_last(duration):
    """ "the last hour", "the last 30 min": the span that ends now, of a duration in words."""
    alone = {"1 s": "second", "1 min": "minute", "1 h": "hour", "1 hour": "hour"}
    return f"the last {alone.get(duration, duration)}"


def find_most_hours(beside):
    """Up to how many hours a duration is written in hours."""
    # 48 h stays 48 h: so the rule is written, and so people say it.
    if beside is None:
        return 48
    return 100 if abs(beside) <= 48 * HOUR_S else 24


def format_days(minutes):
    """A duration of more than two days; the minutes only where they are all there is."""
    hours = math.floor(minutes / 60 + 0.5)
    if hours % 24 == 0 and minutes % 60 and minutes < 10 * 24 * 60 and minutes >= hours * 60:
        return join_units(minutes, (24 * 60, "d"), (1, "min"))
    if hours >= 365 * 24:
        return f"{math.floor(hours / 24 + 0.5):,} d"
    return join_units(hours, (24, "d"), (1, "h"))


def join_units(total, *units):
    """``join_units(250, (60, "min"), (1, "s"))`` is "4 min 10 s"; empty parts are left out."""
    words = []
    for size, name in units:
        amount, total = divmod(total, size)
        if amount:
            words.append(f"{amount} {name}")
    return " ".join(words)


def split_value(value, unit="", aggregate="mean", beside=None):
    """The number and what stands small behind it: ("62", "per hour"), ("2 d 4 h", "").

    ``beside`` is the limit it is read next to, or None.
    """
    unit = get_aggregate(aggregate).unit_of(unit)
    if unit == "seconds":
        return format_duration(value, beside), ""
    return format_number(value), unit


def format_value(value, unit="", aggregate="mean", beside=None):
    """``split_value`` in one text; a missing value is a dash without a unit."""
    number, suffix = split_value(value, unit, aggregate, beside)
    return number if number == DASH or not suffix else f"{number} {suffix}"
