"""What waits first."""

RANKS = {"critical": 0, "warning": 1, "info": 2}


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
