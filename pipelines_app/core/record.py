"""What became of the other proposals of a title, in words."""

from pipelines_app.core.counts import write_times


def tell_counts(counts, *, beside=False, is_decided=False):
    """``Proposed 7 times before: 5 approved in another form (2 effective), 1 rejected, 1 expired.``

    Of what the record of the suggestion does not count; ``beside``: it stands below that record, and
    is empty where there is nothing else. ``is_decided``: what is counted was there when it was decided.
    """
    if not counts["total"]:
        first = "The first of its kind, when it was decided." if is_decided else "The first of its kind."
        return "" if beside else first
    times = write_times(counts["total"])
    names = {"approved": "approved in another form"}
    ends = [
        f"{counts[name]} {names.get(name, name)}"
        for name in ("approved", "rejected", "expired", "withdrawn")
        if counts[name]
    ]
    effects = [
        f"{counts[name]} {name}" for name in ("effective", "ineffective", "harmful") if counts.get(name)
    ]
    if effects:
        ends[0] += f" ({', '.join(effects)})"
    until = " by then" if is_decided else ""
    lead = f"Besides, proposed {times} under this title{until}" if beside else f"Proposed {times} before"
    return lead + (f": {', '.join(ends)}." if ends else ".")
