"""What became of the other proposals of a title, in words."""


def tell_counts(counts, *, beside=False):
    """``Proposed 7 times before: 5 approved in another form (2 effective), 1 rejected, 1 expired.``

    Of what the record of the suggestion does not count; ``beside``: it stands below that record, and
    is empty where there is nothing else.
    """
    if not counts["total"]:
        return "" if beside else "The first of its kind."
    times = "once" if counts["total"] == 1 else f"{counts['total']} times"
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
    lead = f"Besides, proposed {times} under this title" if beside else f"Proposed {times} before"
    return lead + (f": {', '.join(ends)}." if ends else ".")
