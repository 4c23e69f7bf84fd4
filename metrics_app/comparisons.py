"""What an operator asks first: per hour now, today so far, against the same time of earlier days."""

from metrics_app import queries
from metrics_app.core.aggregates import AGGREGATES, QUANTILES, ZERO_WHEN_EMPTY
from metrics_app.core.days import describe_change, find_midnight, go_back
from metrics_app.core.units import DASH, format_number, format_value

HOUR = 3600  # seconds
DAYS = (("yesterday by now", 1), ("a week ago by now", 7))


def list_comparisons(kpi, now, zone, since):
    """``[{"label", "text", "beside"}, …]`` of a KPI at ``now`` (ms) in the reader's ``zone``.

    ``since``: when (ms) it began to be watched; a day before that is not known, which is not zero.
    """
    rate = queries.stats(kpi.topic, HOUR, now=now)["rate_per_hour"]
    start = find_midnight(now, zone)
    today = read_day(kpi, start, now)
    rows = [
        {"label": "per hour now", "text": format_number(rate), "beside": "points of the last hour"},
        {"label": "today since midnight", "text": write(kpi, today), "beside": count(today)},
    ]
    for label, days in DAYS:
        first, last = go_back(start, days, zone), go_back(now, days, zone)
        before = read_day(kpi, first, last)
        unknown = not before["n"] and first < since
        rows.append(
            {
                "label": label,
                "text": DASH if unknown else write(kpi, before),
                "beside": "not watched then" if unknown else describe_beside(today, before),
            }
        )
    return rows


def read_day(kpi, start, end):
    """``{"value", "n"}`` of [start, end) ms: the points counted, or the KPI's own aggregate of them."""
    quantiles = kpi.aggregate in QUANTILES
    whole = queries.span(kpi.topic, start, end, percentiles=quantiles)
    # A rate over a part of a day says less than how many there were.
    name = "count" if kpi.aggregate == "rate_per_hour" else kpi.aggregate
    return {"value": AGGREGATES[name](whole, (end - start) / 1000), "n": whole.count, "name": name}


def write(kpi, day):
    """The value in the KPI's unit."""
    return format_value(day["value"], kpi.unit, day["name"])


def count(day):
    """How many points stand behind it, where it is not itself a count."""
    return "" if day["name"] in ZERO_WHEN_EMPTY else f"{day['n']:,} points"


def describe_beside(today, before):
    """Today against it, in words."""
    change = describe_change(today["value"], before["value"])
    return f"today {change}" if change else count(before)
