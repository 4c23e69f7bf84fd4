"""When a silence acts: until its end, or within hours of the week in a zone of its own."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from metrics_app.core.points import match_topic

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Span(NamedTuple):
    """A silence without its words; ``days`` empty: it acts without pause.

    ``starts`` and ``ends`` are ms; ``opens`` and ``closes`` are ``datetime.time`` in ``zone``.
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
    if not span.days:
        return span.ends
    zone = ZoneInfo(span.zone)
    today = datetime.fromtimestamp(at / 1000, zone).date()
    # Hours that pass midnight belong to the day on which they begin.
    for day in (today - timedelta(days=1), today):
        if DAYS[day.weekday()] in span.days:
            opens, closes = find_hours(span, day, zone)
            if opens <= at < closes:
                return min(closes, span.ends)
    return None


def find_hours(span, day, zone):
    """``(opens, closes)`` in ms of the hours that begin on a day; equal times are a whole day."""
    last = day + timedelta(days=span.closes <= span.opens)
    pairs = ((day, span.opens), (last, span.closes))
    return tuple(
        round(datetime.combine(date, clock, zone).astimezone(UTC).timestamp() * 1000) for date, clock in pairs
    )


def is_matched(topic_pattern, severity, threshold_id, *, topic, threshold, grade):
    """Whether a threshold (its id, its KPI's topic, its severity) fits every matcher that is set."""
    return (
        (not topic_pattern or match_topic(topic_pattern, topic))
        and (not severity or severity == grade)
        and (threshold_id is None or threshold_id == threshold)
    )
