"""The class of a slot: what its window said about the limit."""

from math import isfinite

import numpy as np

from metrics_app.core.aggregates import get_aggregate

BREACH, BAND, CLEAR = "breach", "band", "clear"
THIN, EMPTY, ERROR = "thin", "empty", "error"
UNUSABLE = frozenset({THIN, EMPTY, ERROR})


def is_beyond(value, operator, limit):
    """Whether a value is on the bad side of a limit."""
    if operator == "gt":
        return value > limit
    if operator == "gte":
        return value >= limit
    if operator == "lt":
        return value < limit
    return value <= limit


def worse(operator, one, other):
    """The worse of two values (either may be None) in the operator's direction."""
    if one is None or other is None:
        return other if one is None else one
    return max(one, other) if operator in ("gt", "gte") else min(one, other)


def classify(rule, observation):
    """The class of a slot: breach, band, clear, thin, empty or error."""
    value, n = observation
    if n < 0:
        return ERROR
    empty = get_aggregate(rule.aggregate).empty
    if empty is not None:
        # "More than 90 an hour" must recover at night, "fewer than 1" must be able to fire.
        value = empty if n == 0 else value
    elif n == 0:
        return EMPTY
    elif n < rule.min_count:
        return THIN
    if value is None or not isfinite(value):
        return ERROR
    if is_beyond(value, rule.operator, rule.limit):
        return BREACH
    recovery = rule.limit if rule.recovery_limit is None else rule.recovery_limit
    return BAND if is_beyond(value, rule.operator, recovery) else CLEAR


def classify_many(rule, values, n):
    """The class of each of many slots, as ``classify`` gives it; arrays of values (NaN: none) and n.

    The rule's limits and ``min_count`` may be arrays as well: those of many rules that are else alike.
    """
    empty = get_aggregate(rule.aggregate).empty
    idle = empty is not None
    values = np.where(n == 0, empty, values) if idle else values
    recovery = rule.limit if rule.recovery_limit is None else rule.recovery_limit
    few = np.zeros(len(n), bool)
    cases = [
        (ERROR, n < 0),
        (EMPTY, few if idle else n == 0),
        (THIN, few if idle else n < rule.min_count),
        (ERROR, ~np.isfinite(values)),
        (BREACH, is_beyond(values, rule.operator, rule.limit)),
        (BAND, is_beyond(values, rule.operator, recovery)),
    ]
    names = np.array([name for name, _ in cases] + [CLEAR])
    return names[np.select([chosen for _, chosen in cases], range(len(cases)), len(cases))]
