"""Which side of a limit is the bad one; operators are ``gt``, ``gte``, ``lt`` and ``lte``."""

SIDES = {"gt": "above", "gte": "at or above", "lt": "below", "lte": "at or below"}
BEYOND = {
    "gt": lambda value, limit: value > limit,
    "gte": lambda value, limit: value >= limit,
    "lt": lambda value, limit: value < limit,
    "lte": lambda value, limit: value <= limit,
}


def is_beyond(value, rule):
    """Whether a value is beyond a rule's limit; nothing is beyond none."""
    beyond = BEYOND.get(rule.get("operator"))
    return None not in (value, beyond, rule.get("limit")) and beyond(value, rule["limit"])


def is_worse(value, other, operator):
    """Whether a value is further on the bad side than another."""
    return value > other if operator in ("gt", "gte") else value < other
