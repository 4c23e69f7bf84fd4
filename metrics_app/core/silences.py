"""When a silence acts: until its end, or within hours of the week in a zone of its own.

The hours are spans of local time (``core.wallclock``): silenced is each instant whose clock lies in them.
"""

from typing import NamedTuple
from zoneinfo import ZoneInfo

from metrics_app.core.durations import DAY_MS
from metrics_app.core.points import match_topic
from metrics_app.core.wallclock import count_clock_ms, find_stretch

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EPOCH_DAY = DAYS.index("thu")
LONGEST_PAUSE = 22 * DAY_MS  # of hours of one day, of which a week may have none, where clocks skip them
LONGEST = 100  # links of a chain that are followed


class Span(NamedTuple):
    """A silence without its words; ``days`` empty: it acts without pause.

    ``starts`` and ``ends`` are ms; ``opens`` and ``closes`` are ``datetime.time`` in ``zone``, of
    equal ones the hours last until the next day. Hours that pass midnight belong to the day on
    which they begin.
    """

    starts: int
    ends: int
    days: tuple = ()
    opens: object = None
    closes: object = None
    zone: str = "UTC"


def acts_until(span, at):
    """ms until which a silence acts at a moment (ms) without pause; None where it does not act."""
    if not span.starts <= at < span.ends:
        return None
    if not span.days or never_pauses(span):
        return span.ends
    zone, until = ZoneInfo(span.zone), at
    # Hours that follow on each other, on the clock or because it is moved, are told as one.
    while until < span.ends:
        stretch = find_stretch(until, zone)
        shown = until + stretch.offset
        if not is_within(span, shown):
            break
        until = min(stretch.end, find_edge(span, shown) - stretch.offset)
    return min(until, span.ends) if until > at else None


def find_first(span):
    """The first moment (ms) at which a silence acts; None where its hours never come in its time."""
    if not span.days:
        return span.starts
    zone, at = ZoneInfo(span.zone), span.starts
    last = min(span.ends, span.starts + LONGEST_PAUSE)
    while at < last:
        stretch = find_stretch(at, zone)
        shown = at + stretch.offset
        if is_within(span, shown):
            return at
        at = min(stretch.end, find_edge(span, shown) - stretch.offset)
    return None


def never_pauses(span):
    """Whether the hours of a recurring silence fill all of the week."""
    opens, closes, passes_midnight = read_hours(span)
    return passes_midnight and opens == closes and set(DAYS) <= set(span.days)


def is_within(span, shown):
    """Whether a local time (ms of its own clock) lies within the hours of a recurring silence."""
    opens, closes, passes_midnight = read_hours(span)
    day, clock = divmod(shown, DAY_MS)
    today, yesterday = (DAYS[(number + EPOCH_DAY) % 7] in span.days for number in (day, day - 1))
    if passes_midnight:
        return (today and clock >= opens) or (yesterday and clock < closes)
    return today and opens <= clock < closes


def find_edge(span, shown):
    """The next local time (ms of its own clock) at which hours open or close on some day."""
    midnight = shown // DAY_MS * DAY_MS
    edges = (midnight + day + clock for day in (0, DAY_MS) for clock in read_hours(span)[:2])
    return min(edge for edge in edges if edge > shown)


def read_hours(span):
    """``(opens, closes, whether they pass midnight)``, in ms since midnight."""
    return *map(count_clock_ms, (span.opens, span.closes)), span.closes <= span.opens


def list_links(spans, at):
    """``[(index of a span, ms until which it acts), …]``: how spans go on from a moment (ms) without a gap.

    The last one says when it really ends; empty where none acts. Nobody looks further than ``LONGEST`` links.
    """
    links, until = [], at
    for _ in range(LONGEST):
        ends = [(acts_until(span, until) or until, -index) for index, span in enumerate(spans)]
        further, index = max(ends, default=(until, 0))
        if further <= until:
            break
        links.append((-index, further))
        until = further
    return links


def is_matched(topic_pattern, severity, threshold_id, *, topic, threshold, grade):
    """Whether a threshold (its id, its KPI's topic, its severity) fits every matcher that is set."""
    return (
        (not topic_pattern or match_topic(topic_pattern, topic))
        and (not severity or severity == grade)
        and (threshold_id is None or threshold_id == threshold)
    )
