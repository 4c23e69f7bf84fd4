"""What an operator asks first: per hour now, today so far, against the same time of earlier days."""

from metrics_app import queries
from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.calendars import begin, check_zone, shift_back
from metrics_app.core.durations import HOUR_S, MINUTE_MS
from metrics_app.core.text.losses import tell_lost
from metrics_app.core.text.units import DASH, format_number, format_value
from metrics_app.core.text.words import tell_change

GONE = {"text": DASH, "beside": "its minutes are no longer kept"}
EARLIER = {"day": "yesterday by now", "week": "a week ago by now"}


def list_comparisons(kpi, now, zone, since):
    """``[{"label", "text", "beside"}, …]`` of a KPI at ``now`` (ms) in the reader's ``zone``, a name.

    ``since``: when (ms) it began to be watched; a day before that is not known, which is not zero.
    """
    rate = queries.stats(kpi.topic, HOUR_S, now=now)["rate_per_hour"]
    kept = list_kept(kpi.topic, now, zone)
    today = queries.so_far([kpi.topic], zone, compare=kept, now=now)[kpi.topic]
    # A rate over a part of a day says less than how many there were.
    name = "count" if get_aggregate(kpi.aggregate).is_rate else kpi.aggregate
    rows = [
        {"label": "per hour now", "text": format_number(rate), "beside": "points of the last hour"},
        {
            "label": "today since midnight",
            "text": format_value(today.get(name), kpi.unit, name),
            "beside": tell_points(today, name),
        },
    ]
    for back, label in EARLIER.items():
        told = tell_earlier(today, today["earlier"][back], kpi, name, since) if back in kept else GONE
        rows.append({"label": label} | told)
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


def tell_earlier(today, before, kpi, name, since):
    """The figure of an earlier day, and how today stands against it."""
    if not before["count"] and before["start"] < since:
        return {"text": DASH, "beside": "not watched then"}
    change = tell_change(today.get(name), before.get(name))
    beside = f"today {change}" if change else tell_points(before, name)
    return {"text": format_value(before.get(name), kpi.unit, name), "beside": beside}


def tell_points(day, name):
    """How many points stand behind a figure, where it is not itself a count."""
    points = "1 point" if day["count"] == 1 else f"{day['count']:,} points"
    return "" if get_aggregate(name).judges_empty else points
