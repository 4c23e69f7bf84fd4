"""The figures that stand on the page of open data: of which hour and days, and what was known of these."""

from datetime import datetime

from metrics_app import conf
from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.calendars import begin, check_zone, shift_back
from metrics_app.core.recorded import is_enough
from metrics_app.core.text.counts import count_words
from metrics_app.core.text.moments import tell_day, tell_moment, tell_moment_in_zone
from metrics_app.core.text.units import DASH, format_duration, format_value

SPANS = ("The last full hour", "Yesterday", "The last 7 full days")


def list_recent(now):
    """``(start, end)`` in ms of the last full hour, of yesterday, of the last seven days, in that zone."""
    zone = check_zone(conf.get("OPEN_DATA_ZONE"))
    hour, day = begin(now, "hour", zone), begin(now, "day", zone)
    return [
        (begin(hour - 1, "hour", zone), hour),
        (begin(day - 1, "day", zone), day),
        (shift_back(day, "week", zone), day),
    ]


def tell_recent(name, start, end):
    """ "Yesterday, 23 Nov 2026", "The last full hour, 24 Nov 2026 10:00 to 11:00 CET"; times in ms."""
    zone = check_zone(conf.get("OPEN_DATA_ZONE"))
    first, after, last = (datetime.fromtimestamp(at / 1000, zone) for at in (start, end, end - 1))
    # A figure is copied, and read later: it says its year.
    day = tell_day(last, last, with_year=True)
    if name == SPANS[0]:
        begins = tell_moment(first, first, with_year=True)
        return f"{name}, {begins} to {tell_moment_in_zone(after, first)}"
    if first.date() == last.date():
        return f"{name}, {day}"
    return f"{name}, {tell_day(first, last)} to {day}"


def describe_figures(kpi, figures):
    """``(value, points)`` in words; a rate is over what was recorded of the span, and it is said how much."""
    count, recorded, name = figures["count"], figures["recorded"], kpi.aggregate
    if not count and not is_enough(recorded):
        return DASH, "not recorded" if not recorded else f"no point; {tell_part(figures)}"
    value = figures.get(name)
    points = count_words(count, "point")
    if recorded and not is_enough(recorded):
        value = value / recorded if get_aggregate(name).is_rate and value is not None else value
        points = f"{points}; {tell_part(figures)}"
    return format_value(value, kpi.unit, name), points


def tell_part(figures):
    """ "recorded for 5 h of it"."""
    seconds = figures["recorded"] * (figures["end"] - figures["start"]) / 1000
    return f"recorded for {format_duration(max(seconds // 60 * 60, 60))} of it"
