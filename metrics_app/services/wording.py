"""Rules, values and events in the words of the people who read them."""

from metrics_app.core import watch
from metrics_app.core.entries import is_duration, write_duration, write_value
from metrics_app.core.units import format_duration, format_value, split_value
from metrics_app.models import Aggregate

OPERATORS = {"gt": "above", "gte": "at or above", "lt": "below", "lte": "at or below"}


def describe_rule(threshold):
    """ "mean over 30 min above 48 h"."""
    span = write_duration(threshold.window)
    return f"{name_aggregate(threshold)} over {span} {describe_limit(threshold)}"


def describe_limit(threshold):
    """ "above 48 h"."""
    return f"{OPERATORS[threshold.operator]} {show_exactly(threshold, threshold.limit)}"


def show(threshold, value):
    """A value of the threshold's aggregate, rounded for reading: "2 d 4 h"."""
    return format_value(value, threshold.kpi.unit, threshold.aggregate)


def show_exactly(threshold, value):
    """A limit as it was set: "48 h", "12.5 %"."""
    unit, aggregate = threshold.kpi.unit, threshold.aggregate
    text = write_value(value, unit, aggregate)
    return (
        text if is_duration(unit, aggregate) else f"{text} {split_value(value, unit, aggregate)[1]}".rstrip()
    )


def name_aggregate(threshold):
    """ "mean", "95th percentile"."""
    return Aggregate(threshold.aggregate).label


def describe_observation(threshold, state):
    """ "mean 2 d 4 h over 30 min, 12 points"."""
    points = "1 point" if state.n == 1 else f"{state.n:,} points"
    span = write_duration(threshold.window)
    return f"{name_aggregate(threshold)} {show(threshold, state.value)} over {span}, {points}"


def describe_event(event, threshold, state, breach):
    """A line of a breach's timeline."""
    seen = describe_observation(threshold, state)
    silence = write_duration(threshold.no_data_for)
    lasted = format_duration((state.last_slot - breach.fired_at) / 1000)
    return {
        watch.FIRED: f"Fired: {seen}; {describe_limit(threshold)}.",
        watch.REOPENED: f"Open again within the cool-down: {seen}. No new proposal.",
        watch.RECOVERING_BEGAN: f"On the good side again: {seen}.",
        watch.RELAPSED: f"Beyond the limit again before it had recovered: {seen}.",
        watch.RECOVERED: f"Recovered after {lasted}: {seen}. Worst {show(threshold, breach.peak)}.",
        watch.NO_DATA: f"No points for {silence}: it stays open, silence is not recovery.",
        watch.DATA_OPENED: f"No points for {silence}.",
        watch.DATA_CLOSED: f"Points arrive again after {lasted}.",
    }[event]
