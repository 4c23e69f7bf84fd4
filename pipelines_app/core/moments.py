"""Moments: as somebody writes them, and as milliseconds."""

from datetime import UTC, datetime, time, timedelta

from pipelines_app.core.fields import shorten
from pipelines_app.exceptions import BadInput

# Of the years 2000 to 2099; what is smaller was meant as seconds.
FIRST_MS, LAST_MS = 946_684_800_000, 4_102_444_799_999
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(moment):
    """Whole milliseconds since the epoch of an aware datetime; what is less is left off."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def find_midnight(day, zone):
    """The first instant of a local date, as its clock then shows it: the jump, where clocks skip midnight.

    Where midnight comes twice, the first. OverflowError beyond the years 1 to 9999.
    """
    # Python's midnight that never comes is the jump itself, told as the clock stood before it: wherever
    # clocks have skipped midnight since 1920, the jump began there.
    return datetime.combine(day, time(), zone).astimezone(UTC).astimezone(zone)


def to_moment(ms):
    """The aware datetime, in UTC, of milliseconds since the epoch."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def check_moment(value, *, field):
    """An aware datetime from ms since the epoch, or from ISO 8601 with an offset; BadInput."""
    if type(value) is int and FIRST_MS <= value <= LAST_MS:
        return to_moment(value)
    try:
        moment = datetime.fromisoformat(value).astimezone(UTC) if has_offset(value) else None
    except (ValueError, OverflowError):
        moment = None
    if moment is None or not 2000 <= moment.year < 2100:
        raise BadInput(
            f"{shorten(value)} is no moment: expected ms since the epoch from 2000 on, or ISO 8601 with an "
            "offset such as 2026-03-01T08:00:00+00:00",
            field=field,
        )
    return moment


def has_offset(value):
    """Whether a value is a text of ISO 8601 that says how far it is from UTC; ValueError for other texts."""
    return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
