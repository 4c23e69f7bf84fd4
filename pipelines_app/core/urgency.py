"""What waits first, and what the waiting costs."""

from dataclasses import dataclass

RANKS = {"critical": 0, "warning": 1, "info": 2}
HOUR = 3_600_000
# These count things over a span; the others say how large each thing was.
PER_HOUR = "rate_per_hour"
PER_WINDOW = ("count", "sum")


@dataclass(frozen=True)
class Cost:
    """What lies beyond the limit since ``since`` (ms), in the KPI's own unit."""

    value: float
    per_hour: float
    since: int
    kind: str  # "excess": so many too many; "overrun": the sum of what each was over


def measure_overrun(value, limit, operator):
    """How far a value is beyond its limit, as a share of the limit; 0 on the good side, None unknown."""
    if value is None or limit is None:
        return None
    beyond = value - limit if operator in ("gt", "gte") else limit - value
    # A limit of 0 has no share: the plain distance then orders well enough.
    return max(beyond, 0.0) / (abs(limit) or 1.0)


def sort_key(*, severity, overrun, hours_waiting, due):
    """Severity, then (overrun ÷ limit) × hours waiting, then the due time: smallest first."""
    return (RANKS.get(severity, len(RANKS)), -(overrun or 0.0) * hours_waiting, due)


def cost_of_waiting(columns, *, aggregate, operator, limit, window, start, end):
    """The Cost of a span from its ``columns`` (ts, count, mean), or None.

    ``window`` is in seconds, ``start`` and ``end`` in ms. Counting aggregates: how many
    more (or fewer) than the limit allows over the span. The others: each measurement's
    distance from the limit, summed, by the mean of its bucket.
    """
    hours = (end - start) / HOUR
    if hours <= 0 or limit is None or not columns["ts"]:
        return None
    sign = 1 if operator in ("gt", "gte") else -1
    pairs = [(n, mean) for n, mean in zip(columns["count"], columns["mean"], strict=True) if n]
    if aggregate == PER_HOUR or aggregate in PER_WINDOW:
        allowed = limit if aggregate == PER_HOUR else limit * 3600 / window
        total = sum(n * mean if aggregate == "sum" else n for n, mean in pairs)
        value, kind = max(sign * (total - allowed * hours), 0.0), "excess"
    else:
        value, kind = sum(n * max(sign * (mean - limit), 0.0) for n, mean in pairs), "overrun"
    return Cost(value=value, per_hour=value / hours, since=start, kind=kind)
