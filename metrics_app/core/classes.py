"""The class of a slot: what its window said about the limit."""

from math import isfinite

import numpy as np

from metrics_app.core.aggregates import get_aggregate, needs_whole

BREACH, BAND, CLEAR = "breach", "band", "clear"
THIN, EMPTY, ERROR = "thin", "empty", "error"
# The window holds points, and what it would have to be held against does not: see ``Aggregate.compares``.
INCOMPARABLE = "incomparable"
UNUSABLE = frozenset({THIN, EMPTY, ERROR, INCOMPARABLE})


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
    """The class of a slot: breach, band, clear, thin, empty, incomparable or error."""
    value, n, partial = observation.value, observation.n, observation.partial
    if n < 0:
        return ERROR
    one = get_aggregate(rule.aggregate)
    if one.empty is not None:
        # "More than 90 an hour" must recover at night, "fewer than 1" must be able to fire.
        value = one.empty if n == 0 else value
    elif n == 0:
        return EMPTY
    elif value is None and one.compares:
        return INCOMPARABLE
    elif n < rule.min_count:
        return THIN
    if value is None or not isfinite(value):
        return ERROR
    recovery = rule.limit if rule.recovery_limit is None else rule.recovery_limit
    seen = BAND if is_beyond(value, rule.operator, recovery) else CLEAR
    seen = BREACH if is_beyond(value, rule.operator, rule.limit) else seen
    is_open = partial and not rule.judge_partial and needs_whole(rule.aggregate)
    return THIN if is_open and seen != find_proof(rule) else seen


def proves_nothing(data, aggregate):
    """Whether points came and no class does: with nothing to compare them with, or of part of a count."""
    return data == INCOMPARABLE or (data == THIN and needs_whole(aggregate))


def find_proof(rule):
    """The one class of which part of a window is proof: of a lower bound above the limit, or no more below.

    Of what further points could lower as well as raise nothing is: None.
    """
    if not get_aggregate(rule.aggregate).rises:
        return None
    return BREACH if rule.operator in ("gt", "gte") else CLEAR


def classify_many(rule, values, n, partial=None):
    """The class of each of many slots, as ``classify`` gives it; arrays of values (NaN: none) and n.

    ``partial``: whether the window of each is not known whole; None: all are. The rule's limits,
    ``min_count`` and ``judge_partial`` may be arrays as well: those of many rules that are else alike.
    """
    one = get_aggregate(rule.aggregate)
    idle = one.empty is not None
    values = np.where(n == 0, one.empty, values) if idle else values
    recovery = rule.limit if rule.recovery_limit is None else rule.recovery_limit
    few = np.zeros(len(n), bool)
    cases = [
        (ERROR, n < 0),
        (EMPTY, few if idle else n == 0),
        (INCOMPARABLE, np.isnan(values) if one.compares else few),
        (THIN, few if idle else n < rule.min_count),
        (ERROR, ~np.isfinite(values)),
        (BREACH, is_beyond(values, rule.operator, rule.limit)),
        (BAND, is_beyond(values, rule.operator, recovery)),
    ]
    names = np.array([name for name, _ in cases] + [CLEAR])
    found = names[np.select([chosen for _, chosen in cases], range(len(cases)), len(cases))]
    if partial is None or not needs_whole(rule.aggregate):
        return found
    proof = find_proof(rule)
    unproven = [one for one in (BREACH, BAND, CLEAR) if one != proof]
    is_open = partial & ~np.asarray(rule.judge_partial, bool) & np.isin(found, unproven)
    return np.where(is_open, THIN, found)
