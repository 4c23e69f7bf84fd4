"""What an operator asks first: per hour now, today so far, against the same time of earlier days."""

from metrics_app import queries
from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.calendars import begin, check_zone, shift_back
from metrics_app.core.durations import HOUR_S, MINUTE_MS
from metrics_app.core.recorded import is_enough
from metrics_app.core.text.counts import count_words
from metrics_app.core.text.losses import tell_lost
from metrics_app.core.text.units import DASH, format_number, format_value
from metrics_app.core.text.words import tell_change

GONE = {"text": DASH, "beside": "its minutes are no longer kept"}
NOTHING, PART, WHOLE = "nothing", "part", "whole"
EARLIER = {"day": "yesterday", "week": "a week ago"}


def list_comparisons(kpi, now, zone, limit=None, until=""):
    """``[{"label", "text", "beside"}, …]`` of a KPI at ``now`` (ms) in the reader's ``zone``, a name.

    Values are in the unit of the ``limit`` that they are read beside, if there is one.

    ``until``: what ``now`` is called where the collector stands still: "02:45 UTC".
    Of a span without points in which nobody counted nothing is known, which is not zero.
    """
    hour, kept = queries.stats(kpi.topic, HOUR_S, now=now), list_kept(kpi.topic, now, zone)
    today = queries.so_far([kpi.topic], zone, compare=kept, now=now)[kpi.topic]
    # A rate over a part of a day says less than how many there were.
    name = "count" if get_aggregate(kpi.aggregate).is_rate else kpi.aggregate
    rows = [
        {"label": f"per hour at {until}" if until else "per hour now"} | tell_hour(kpi.topic, hour, now),
        {"label": "today since midnight"} | tell_today(today, kpi, name, limit),
    ]
    for back, label in EARLIER.items():
        told = tell_earlier(today, today["earlier"][back], kpi, name, limit) if back in kept else GONE
        rows.append({"label": f"{label} by {until or 'now'}"} | told)
    return rows


def tell_lacking(topic, now, zone):
    """Sentences about points of the day so far that are lost: fewer came only in appearance."""
    lost = queries.list_losses(topic, begin(now, "day", check_zone(zone)), now)
    return [tell_lost(one.points) for one in lost if one.points != 0]


def list_kept(topic, now, zone):
    """The words of ``EARLIER`` whose minutes are still kept."""
    place = check_zone(zone)
    today = begin(now, "day", place)
    return tuple(
        back for back in EARLIER if queries.find_grain(topic, shift_back(today, back, place)) == MINUTE_MS
    )


def tell_hour(topic, hour, now):
    """How many points the last hour had, which is what they are per hour."""
    if not hour["count"] and not queries.is_recorded(topic, now - HOUR_S * 1000, now):
        return {"text": DASH, "beside": "the last hour was not recorded"}
    return {"text": format_number(hour["rate_per_hour"]), "beside": "points of the last hour"}


def tell_today(today, kpi, name, limit=None):
    """The figure of the day so far."""
    known = find_known(today, name)
    if known == NOTHING:
        return {"text": DASH, "beside": "not recorded yet"}
    beside = "only partly recorded" if known == PART else tell_points(today, name)
    return {"text": format_value(today.get(name), kpi.unit, name, limit), "beside": beside}


def find_known(figures, name):
    """Whether anybody counted in the span of figures: NOTHING, where it has no point either, PART or WHOLE.

    What does not grow with the points that came is whole wherever there are any.
    """
    is_grown = get_aggregate(name).judges_empty
    if figures["count"] and not is_grown:
        return WHOLE
    if is_enough(figures["recorded"]):
        return WHOLE
    return PART if figures["count"] else NOTHING


def tell_earlier(today, before, kpi, name, limit=None):
    """The figure of an earlier day, and how today stands against it where both were counted in full."""
    known = find_known(before, name)
    if known == NOTHING:
        return {"text": DASH, "beside": "not recorded then"}
    text = format_value(before.get(name), kpi.unit, name, limit)
    if known == PART:
        return {"text": text, "beside": "only partly recorded then"}
    change = tell_change(today.get(name), before.get(name)) if find_known(today, name) == WHOLE else ""
    beside = f"today {change}" if change else tell_points(before, name)
    return {"text": text, "beside": beside}


def tell_points(day, name):
    """ "mean of 50 points": what stands behind a figure, where it is not itself a count."""
    one = get_aggregate(name)
    return "" if one.judges_empty else f"{one.label} of {count_words(day['count'], 'point')}"
