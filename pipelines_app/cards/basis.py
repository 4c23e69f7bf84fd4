"""What a proposal is judged by: the rule that fired, or what was measured when somebody proposed it.

A *basis* is a dict with ``aggregate``, ``window`` (seconds), ``limit`` (may be None), ``operator``,
``value``, ``n`` and, where they were frozen, ``minutes`` and ``measured_to`` (ms); empty without a KPI.
"""

from pipelines_app import queries

SECOND = 1000
BEYOND = {
    "gt": lambda value, limit: value > limit,
    "gte": lambda value, limit: value >= limit,
    "lt": lambda value, limit: value < limit,
    "lte": lambda value, limit: value <= limit,
}
RULE = ("limit", "operator", "aggregate", "window")


def find_basis(pipeline, evidence, watch):
    """The basis of a proposal; ``watch`` is what the project says of its KPI today."""
    if evidence.get("aggregate"):
        return evidence
    minutes = evidence.get("minutes") or {}
    summary = minutes.get("summary") or {}
    if not pipeline.topic or not (watch or summary.get("count")):
        return {}
    aggregate, end = watch.get("aggregate", "mean"), evidence.get("measured_to")
    span = (end - evidence["measured_from"]) // SECOND if end else 3600
    window = min(watch.get("window", span), span)
    value, count = measure_frozen(minutes, end, window, aggregate) if minutes else (None, 0)
    return {
        "aggregate": aggregate,
        "window": window,
        "limit": None,
        "operator": None,
        "value": value,
        "n": count,
        "minutes": minutes,
        "measured_to": end,
        "said": True,
    }


def measure_frozen(minutes, end, window, aggregate):
    """``(value, n)``: an aggregate over the last ``window`` seconds of frozen minutes."""
    summary, count = minutes.get("summary") or {}, 0
    columns = (minutes.get(name, []) for name in ("ts", "count", "mean", "min", "max"))
    rows = [row for row in zip(*columns, strict=False) if row[1] and row[0] >= end - window * SECOND]
    count = sum(row[1] for row in rows)
    if not count:
        return (0 if aggregate in ("count", "sum", "rate_per_hour") else None), 0
    total = sum(row[1] * row[2] for row in rows)
    found = {
        "count": count,
        "sum": total,
        "mean": total / count,
        "rate_per_hour": count * 3600 / window,
        "min": min(row[3] for row in rows),
        "max": max(row[4] for row in rows),
    }
    # A percentile cannot be made from minutes: that of the whole span was frozen with them.
    return found.get(aggregate, summary.get(aggregate)), count


def read_present(topic, aggregate, window, now):
    """An aggregate over the last ``window`` seconds up to ``now``, or None."""
    if not aggregate or not window:
        return None
    end = (queries.to_ms(now) // SECOND + 1) * SECOND
    step = SECOND if window <= 3600 else 60 * SECOND
    measured = queries.measure(topic, end - window * SECOND, end, step)
    if not measured:
        return None
    summary = measured["summary"]
    count = summary["count"]
    rates = {"count": count, "rate_per_hour": count * 3600 / window, "sum": count * (summary["mean"] or 0)}
    return rates.get(aggregate, summary.get(aggregate))


def is_beyond(value, rule):
    """Whether a value is beyond a rule's limit; nothing is beyond none."""
    return value is not None and BEYOND[rule["operator"]](value, rule["limit"])


def find_today(basis, watch):
    """``(known, rule)``: the rule that watches the KPI today; ``known`` is whether anyone can tell.

    For a breach its own threshold, for what somebody proposed the first that judges the same figure.
    """
    rules = watch.get("rules")
    if rules is None:
        return False, None
    if basis.get("threshold"):
        return True, next((rule for rule in rules if rule["id"] == basis["threshold"]["id"]), None)
    same = (basis.get("aggregate"), basis.get("window"))
    return True, next((rule for rule in rules if (rule["aggregate"], rule["window"]) == same), None)


def is_same(basis, rule):
    """Whether a rule still judges as it did."""
    return all(basis.get(name) == rule[name] for name in RULE)
