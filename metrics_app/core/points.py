"""Points and topics: what they are and when they are refused.

Whoever only emits needs this and no NumPy.
"""

import math
import re
from datetime import datetime
from decimal import Decimal
from numbers import Real
from zlib import crc32

from metrics_app.core.text.literals import show
from metrics_app.exceptions import BadInput

MAX_TOPIC = 100
TOPIC = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)*\Z")
# Milliseconds of 2000-01-01T00:00Z. Anything before is most likely in seconds.
EARLIEST = 946_684_800_000
DECADES = 10**9  # seconds; further ahead the exact number tells nobody anything
ISO = re.compile(r"[0-9W-]+(?:[Tt ][0-9:.,+-]+[Zz]?)?\Z")


def check_topic(topic):
    """The topic itself, or BadInput that says what a topic looks like."""
    if isinstance(topic, str) and len(topic) <= MAX_TOPIC and TOPIC.match(topic):
        return topic
    if isinstance(topic, str) and len(topic) > MAX_TOPIC:
        raise BadInput(f"topic has {len(topic)} characters, at most {MAX_TOPIC} are allowed", field="topic")
    raise BadInput(
        f"{show(topic)} is not a topic: use lower-case words of letters, digits and _ "
        "joined by dots, such as 'er.wait'",
        field="topic",
    )


def check_pattern(pattern):
    """A topic or a pattern (``complaint.*``, or ``*`` for all), or BadInput."""
    if pattern == "*":
        return pattern
    if isinstance(pattern, str) and pattern.endswith(".*"):
        check_topic(pattern[:-2])
        return pattern
    return check_topic(pattern)


def match_topic(pattern, topic):
    """Whether ``topic`` is the pattern itself or lies below it."""
    if pattern == "*":
        return True
    if pattern.endswith(".*"):
        return topic.startswith(pattern[:-1])
    return pattern == topic


def overlaps(pattern, other):
    """Whether two topics or patterns may have a topic in common, decided by their names alone."""
    if not pattern.endswith("*"):
        return match_topic(other, pattern)
    if not other.endswith("*"):
        return match_topic(pattern, other)
    return pattern.startswith(other[:-1]) or other.startswith(pattern[:-1])


def check_value(value):
    """The value as a float, or BadInput: only finite numbers are measurements."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadInput(f"{show(value)} is not a number", field="value")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise BadInput(f"{show(value)} is not a finite number", field="value")
    return number


def read_number(value):
    """Any real number as a float: NumPy's and Decimal's too. ValueError unless it is finite."""
    if isinstance(value, (Real, Decimal)) and not isinstance(value, bool):
        try:
            return check_value(float(value))
        except OverflowError:
            pass
    return check_value(value)


def check_ts(ts, *, now, max_future=5):
    """Milliseconds since the epoch, or BadInput.

    ``ts`` is an integer of milliseconds or ISO 8601 with an offset; ``now`` is in
    milliseconds, ``max_future`` in seconds.
    """
    text = ts if isinstance(ts, str) else None
    if text is not None:
        ts = parse_iso(text)
    if isinstance(ts, bool) or not isinstance(ts, int):
        raise refuse_time(ts)
    if ts < EARLIEST and text is not None:
        raise BadInput(f"{show(text)} is before 2000-01-01, the earliest time that is taken", field="ts")
    if ts < EARLIEST:
        early = f"{show(ts)} is before 2000-01-01 and" if ts < 0 else str(ts)
        raise BadInput(f"{early} looks like seconds, expected milliseconds", field="ts")
    if ts > now + max_future * 1000:
        seconds = -(-(ts - now) // 1000)
        ahead = f"{seconds} s" if seconds < DECADES else "decades"
        message = f"{show(ts)} is {ahead} in the future, at most {max_future} s are allowed"
        raise BadInput(message, field="ts", ahead=ts - now)
    return ts


def refuse_time(ts):
    """The error that says what a time looks like."""
    return BadInput(
        f"{show(ts)} is not a time: expected integer milliseconds since the epoch, "
        "or ISO 8601 with an offset",
        field="ts",
    )


def parse_iso(text):
    """Milliseconds since the epoch of an ISO 8601 time with an explicit offset."""
    # fromisoformat takes any character between date and time, and a NUL behind it.
    if not ISO.match(text):
        raise refuse_time(text)
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        raise refuse_time(text) from None
    if moment.tzinfo is None:
        raise BadInput(f"{show(text)} has no UTC offset: write 'Z' or '+01:00' behind it", field="ts")
    return round(moment.timestamp() * 1000)


def shard_of(topic, shards):
    """The shard that owns a topic; fixed once points have been written."""
    return crc32(topic.encode()) % shards
