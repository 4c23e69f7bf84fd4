"""The last line of a tile: its limit, since when, what happens next; or why no limit watches it."""

from metrics_app.core.text import words
from metrics_app.pages.lights import clock_with_zone, describe_timers
from metrics_app.pages.sparklines import tell_limit

# What absence keeps, in the footer of a tile without data.
KEPT_STATES = {"ok": "within limit", "pending": "over the limit", "recovering": "recovering"}


def tell_footer(rule, state, now):
    """Limit, since when, and what happens next."""
    timers = describe_timers(rule)
    timers.pop("operator")
    breach = rule.open_breach
    coming = words.tell_next(
        state,
        **timers,
        since=clock_with_zone(breach.since, now) if breach else "",
        outcome=tell_outcome(breach) if breach else "",
    )
    flapping = "flapping" if is_flapping(rule) else ""
    return join(tell_limit(rule), coming, flapping)


def tell_unwatched(seen, now):
    """What stands where a limit would: those that are switched off, or that only points are expected."""
    if seen.off:
        since = getattr(getattr(seen.off[-1], "state_row", None), "since", None)
        what = tell_limit(seen.off[0]) if len(seen.off) == 1 else f"all of {len(seen.off):,} limits"
        return f"{what} switched off{f' since {clock_with_zone(since, now)}' if since else ''}"
    if seen.dead_man:
        return "no limit is set, only silence is watched"
    return "no threshold watches it"


def is_flapping(rule):
    """Whether the state of a threshold changes too often to be relied on."""
    row = getattr(rule, "state_row", None)
    return row is not None and row.flapping


def tell_outcome(breach):
    """What came of a breach where no link says it."""
    return "" if words.PROPOSAL.search(breach.outcome) else breach.outcome


def tell_kept(rule, condition, seen_at):
    """The footer of a tile without data: its limit, and the state that absence does not change.

    ``seen_at``: when (ms) its last point came; before the first no state was ever found.
    """
    # Over an open breach "within limit" would soothe; and what was never judged, or by nothing that proves
    # it, has nothing to keep.
    is_found = condition.is_judged and seen_at is not None
    if condition.has_data_breach or condition.proves_nothing or not is_found:
        return tell_limit(rule)
    if condition.unjudged_since is not None:
        # What was judged last may have long been otherwise.
        return f"{tell_limit(rule)} · was {KEPT_STATES[condition.state]} then"
    if seen_at >= rule.state_row.last_slot:
        # What came is judged next, and may be the first of all: nothing is kept.
        return tell_limit(rule)
    return f"{tell_limit(rule)} · state kept: {KEPT_STATES[condition.state]}"


def join(*parts):
    """Those of the parts that say something, with a dot between them."""
    return " · ".join(filter(None, parts))
