"""The fields of a rule as files have them, in the words of rule tests: "30m", "48h", "90%"."""

import math

from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.text.entries import is_duration, parse_duration, parse_value, write_compact
from metrics_app.core.text.literals import show
from metrics_app.exceptions import BadInput

DURATIONS = frozenset(
    {"window", "interval", "pending_for", "keep_firing_for", "no_data_for", "cooldown", "delay"}
)
LIMITS = frozenset({"limit", "recovery_limit", "aggregate_value"})
PARAMS = "action_params"  # the one field that is a mapping
OPTIONAL = frozenset({"recovery_limit", "aggregate_value"})
LARGEST_EXACT = 2**53  # the whole numbers up to here are floats without loss


def read_field(name, value, unit="seconds", aggregate="mean"):
    """A field as the model has it; ``unit`` is the KPI's. BadInput for what is no duration or value."""
    if value is None:
        if name in OPTIONAL:
            return None
        raise BadInput("is empty: leave the line out for what it is at first", field=name)
    if name in DURATIONS:
        return parse_duration(value, name)
    if name in LIMITS:
        return read_limit(name, value, unit, "mean" if name == "aggregate_value" else aggregate)
    if isinstance(value, (list, dict)) and name != PARAMS:
        raise BadInput(f"{show(value)} is not a single value", field=name)
    return value


def read_limit(name, value, unit, aggregate):
    """The float of a limit; a number of YAML is taken as it is."""
    if type(value) in (int, float):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    return parse_value(value, unit, aggregate, field=name)


def write_field(name, value, unit="", aggregate="mean"):
    """A field as a file has it: a text or a number, read back as the same."""
    if value is None:
        return None
    if name in DURATIONS:
        return write_compact(value)
    if name not in LIMITS:
        return value
    aggregate = "mean" if name == "aggregate_value" else aggregate
    # There is one zero.
    value += 0.0
    whole = value.is_integer() and abs(value) < LARGEST_EXACT
    if whole and is_duration(unit, aggregate):
        return write_compact(int(value))
    number = int(value) if whole else value
    return f"{number}%" if get_aggregate(aggregate).unit == "%" else number
