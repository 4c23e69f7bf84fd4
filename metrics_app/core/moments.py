"""Times as people and programs write them."""

import re
from datetime import UTC, datetime, timedelta

from metrics_app.core.points import EARLIEST, parse_iso
from metrics_app.exceptions import BadInput

WHOLE = re.compile(r"[+-]?[0-9]{1,18}\Z")
# A plus sign in a query string arrives as a space.
LOST_PLUS = re.compile(r"(T\S*) (\d\d:?\d\d)\Z")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(moment):
    """Whole milliseconds since the epoch of an aware datetime; what is less is left off."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def parse_moment(text, *, now, field=None):
    """A time in ms: milliseconds, ISO 8601 with an offset, or seconds before ``now`` such as -3600."""
    try:
        is_whole = WHOLE.match(text)
        moment = int(text) if is_whole else parse_iso(LOST_PLUS.sub(r"\1+\2", text[:50]))
    except BadInput as error:
        raise BadInput(f"{error}, or seconds before now such as -3600", field=field) from None
    # Only a plain number is relative: an ISO time before 1970 is long ago, not now.
    if is_whole and moment <= 0:
        moment = now + moment * 1000
    if moment < EARLIEST:
        expected = "milliseconds since 2000-01-01, or seconds before now such as -3600"
        raise BadInput(f"{text[:50]} is too long ago: expected {expected}", field=field)
    return moment
