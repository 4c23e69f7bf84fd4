"""The one rule of local time: what a time on a zone's clock means where clocks are moved.

At each instant a zone's clock shows one time. The other way round there are times that it
skips and times that it shows twice, so:

- a local time is the first instant at which the clock shows it or a later one. Of a time that
  comes twice that is the first; of one that is skipped, the instant of the jump;
- a span of local times is every instant at which the clock shows one of them: none of what is
  skipped, both of what comes twice.

Thus spans that meet on the clock meet in time, and nothing is counted twice or left out.
Instants are ms since the epoch (UTC), local times are naive datetimes.
"""

from bisect import bisect_left
from datetime import datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from metrics_app.core.durations import DAY_MS, HOUR_MS, SECOND_MS

NAIVE_EPOCH = datetime(1970, 1, 1)
MS = timedelta(milliseconds=1)
FURTHEST = 16 * HOUR_MS  # from UTC; Manila was 15:56 behind it until 1844
BLOCK = 32 * DAY_MS  # looked through for changes of a clock at once, and remembered
LOOK = DAY_MS  # between two looks; no zone has moved its clock twice within less than four days


class Stretch(NamedTuple):
    """The instants [start, end) ms in which a zone's clock is ``offset`` ms ahead of UTC."""

    start: int
    end: int
    offset: int


def find_offset(at, zone):
    """How far the clocks of a zone are ahead of UTC at an instant, in ms."""
    return datetime.fromtimestamp(at // SECOND_MS, zone).utcoffset() // MS


def read_clock(at, zone):
    """The local time that a zone's clock shows at an instant."""
    return NAIVE_EPOCH + timedelta(milliseconds=at + find_offset(at, zone))


def count_ms(local):
    """A local time in ms since the epoch of its own clock."""
    return (local - NAIVE_EPOCH) // MS


def count_clock_ms(clock):
    """A time of day in ms since midnight; what is less is left off."""
    return count_ms(datetime.combine(NAIVE_EPOCH, clock))


def find_instant(local, zone):
    """The first instant at which a zone's clock shows a local time or a later one."""
    shown = count_ms(local)
    stretches = list_stretches(shown - FURTHEST, shown + FURTHEST, zone)
    found = next(one for one in stretches if shown < one.end + one.offset)
    return max(found.start, shown - found.offset)


def find_midnight(day, zone):
    """The first instant of a local date; of one that a zone never had, the next one's."""
    return find_instant(datetime.combine(day, time()), zone)


def find_stretch(at, zone):
    """The Stretch that holds an instant, as far as it is within a month of it."""
    low, high = at // BLOCK * BLOCK, at // BLOCK * BLOCK + BLOCK
    return next(one for one in list_stretches(low, high, zone) if at < one.end)


def list_stretches(start, end, zone):
    """The Stretches of [start, end) in order; each but the first begins as the clock is moved."""
    shifts = [
        at
        for block in range(start // BLOCK, (end - 1) // BLOCK + 1)
        for at in list_shifts(block, zone)
        if start < at < end
    ]
    return [Stretch(*span, find_offset(span[0], zone)) for span in pairwise([start, *shifts, end])]


@lru_cache(8192)
def list_shifts(block, zone):
    """The instants at which a zone's clock is moved, in (start, end] of the numbered ``BLOCK``."""
    looks = range(block * BLOCK, (block + 1) * BLOCK + 1, LOOK)
    offsets = [find_offset(at, zone) for at in looks]
    return [
        find_shift(low, high, after, zone)
        for (low, high), (before, after) in zip(pairwise(looks), pairwise(offsets), strict=True)
        if before != after
    ]


def find_shift(low, high, after, zone):
    """The first instant in (low, high] from which on a clock is ``after`` ms ahead of UTC."""
    seconds = range(low // SECOND_MS + 1, high // SECOND_MS + 1)
    found = bisect_left(seconds, True, key=lambda at: find_offset(at * SECOND_MS, zone) == after)
    return seconds[found] * SECOND_MS
