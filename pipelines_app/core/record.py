"""The track record of a suggestion, in words."""


def tell_counts(counts):
    """``Proposed 7 times before: 5 approved (2 effective), 1 rejected, 1 expired.``"""
    if not counts["total"]:
        return "The first of its kind."
    times = "once" if counts["total"] == 1 else f"{counts['total']} times"
    ends = [
        f"{counts[name]} {name}" for name in ("approved", "rejected", "expired", "withdrawn") if counts[name]
    ]
    effects = [
        f"{counts[name]} {name}" for name in ("effective", "ineffective", "harmful") if counts.get(name)
    ]
    if effects:
        ends[0] += f" ({', '.join(effects)})"
    return f"Proposed {times} before" + (f": {', '.join(ends)}." if ends else ".")
