"""What an operator asks first: per hour now, today so far, against the same time of earlier days."""

from metrics_app import queries
from metrics_app.core.aggregates import ZERO_WHEN_EMPTY
from metrics_app.core.units import DASH, format_number, format_value
from metrics_app.core.words import describe_change

HOUR = 3600  # seconds
EARLIER = {"day": "yesterday by now", "week": "a week ago by now"}


def list_comparisons(kpi, now, zone, since):
    """``[{"label", "text", "beside"}, …]`` of a KPI at ``now`` (ms) in the reader's ``zone``, a name.

    ``since``: when (ms) it began to be watched; a day before that is not known, which is not zero.
    """
    rate = queries.stats(kpi.topic, HOUR, now=now)["rate_per_hour"]
    today = queries.so_far([kpi.topic], zone, compare=tuple(EARLIER), now=now)[kpi.topic]
    # A rate over a part of a day says less than how many there were.
    name = "count" if kpi.aggregate == "rate_per_hour" else kpi.aggregate
    rows = [
        {"label": "per hour now", "text": format_number(rate), "beside": "points of the last hour"},
        {
            "label": "today since midnight",
            "text": format_value(today[name], kpi.unit, name),
            "beside": tell_points(today, name),
        },
    ]
    for back, label in EARLIER.items():
        rows.append({"label": label} | tell_earlier(today, today["earlier"][back], kpi, name, since))
    return rows


def tell_earlier(today, before, kpi, name, since):
    """The figure of an earlier day, and how today stands against it."""
    if not before["count"] and before["start"] < since:
        return {"text": DASH, "beside": "not watched then"}
    change = describe_change(today[name], before[name])
    beside = f"today {change}" if change else tell_points(before, name)
    return {"text": format_value(before[name], kpi.unit, name), "beside": beside}


def tell_points(day, name):
    """How many points stand behind a figure, where it is not itself a count."""
    points = "1 point" if day["count"] == 1 else f"{day['count']:,} points"
    return "" if name in ZERO_WHEN_EMPTY else points
