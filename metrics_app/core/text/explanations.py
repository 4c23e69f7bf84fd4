"""Why a slot did or did not fire, in words.

A *rule* has a threshold's fields in the version that was judged; ``unit`` is its KPI's.
"""

from metrics_app.core import watch
from metrics_app.core.classes import BAND, BREACH, CLEAR, EMPTY, ERROR, INCOMPARABLE, THIN, UNUSABLE
from metrics_app.core.deadman import is_silence_rule
from metrics_app.core.text.comparisons import tell_incomparable, tell_thin
from metrics_app.core.text.counts import count_words
from metrics_app.core.text.entries import write_duration
from metrics_app.core.text.phrases import OPERATORS, tell_gone, write_limit, write_seen
from metrics_app.core.text.units import format_value, tell_last
from metrics_app.core.text.words import name_state

SEEN = {
    BREACH: "beyond the limit",
    BAND: "within the limit, not yet recovered",
    CLEAR: "within the limit",
    THIN: "too few points to judge",
    EMPTY: "no points",
    INCOMPARABLE: "nothing to compare with",
    ERROR: "cannot be read",
}


def name_class(rule, seen):
    """What a slot of a rule counts as, for people: "within the limit", "points came as expected"."""
    if is_silence_rule(rule) and seen == CLEAR:
        return "points came as expected"
    return SEEN[seen]


def tell_judged(rule, state, *, data_breach=False):
    """What a rule was at a slot: "within limit"; "silent" or "not silent" of one that expects points."""
    if is_silence_rule(rule):
        return "silent" if data_breach else "not silent"
    return name_state(state, rule.operator)


def explain_slot(rule, unit, seen, before, after, missing=None, held=None):
    """Two sentences: what the window said, and what that did to the state; ``seen`` is a Record.

    ``missing``: for how many seconds a data breach has been open for want of points; None: none is open.
    ``held``: what is known today of both halves of a comparison, a ``comparisons.Held``; None: nothing.
    """
    if is_silence_rule(rule):
        return explain_silence(rule, seen)
    said = explain_class(rule, unit, seen, held)
    if missing is not None and seen.slot_class in (EMPTY, ERROR):
        gone = write_duration(round(max(missing, rule.no_data_for)))
        stays = f"The state of the limit stays {name(rule, after)}."
        return f"{said} No points for {gone}: a data breach is open. {stays}"
    return f"{said} {explain_change(rule, seen.slot_class, before, after)}"


def explain_silence(rule, seen):
    """What a dead man saw."""
    window, points = write_duration(rule.window), count_words(max(seen.n, 0), "point").capitalize()
    return {
        EMPTY: f"No point came for {window}, and one is expected at least so often: the KPI is silent, and "
        "a data breach is open until the next point.",
        ERROR: f"{tell_last(window).capitalize()} could not be read: that proves neither points nor silence.",
    }.get(seen.slot_class, f"{points} came within {window}, as expected.")


def explain_class(rule, unit, seen, held=None):
    """What the window said about the limit."""
    value, limit = write_seen(rule, unit, seen.value), write_limit(rule.limit, unit, rule.aggregate)
    window = write_duration(rule.window)
    back = rule.limit if rule.recovery_limit is None else rule.recovery_limit
    points = count_words(max(seen.n, 0), "point")
    return {
        BREACH: f"The {value} over {window} ({points}) is {OPERATORS[rule.operator]} the limit of {limit}.",
        BAND: f"The {value} over {window} ({points}) is within the limit of {limit}, but not yet back at "
        f"{format_value(back, unit, rule.aggregate)}.",
        CLEAR: f"The {value} over {window} ({points}) is on the good side of {limit}.",
        THIN: tell_thin(rule, seen.n, held),
        EMPTY: f"The window of {window} held no point.",
        INCOMPARABLE: tell_incomparable(rule, unit, seen.n, held),
        ERROR: tell_error(rule, window),
    }[seen.slot_class]


def tell_error(rule, window):
    """Why a window has no value though it may hold points."""
    gone = tell_gone(rule)
    return (
        f"{gone[0].upper()}{gone[1:]}: not judged." if gone else f"The window of {window} could not be read."
    )


def explain_change(rule, seen, before, after):
    """What the class of a slot did to the state."""
    if before is None:
        return f"It was {name(rule, after)} then; the state before is not known."
    if seen in UNUSABLE and before == after:
        return explain_hold(rule, seen, after)
    pending, keep = write_duration(rule.pending_for), write_duration(rule.keep_firing_for)
    return {
        (watch.OK, watch.OK): "It stays within limit.",
        (watch.OK, watch.PENDING): f"It is {name(rule, after)}: it fires once that has lasted {pending}.",
        (watch.OK, watch.FIRING): "It fires at once: the rule waits for nothing.",
        (watch.PENDING, watch.PENDING): f"It stays {name(rule, after)}: it fires once that has lasted "
        f"{pending}.",
        (watch.PENDING, watch.FIRING): f"It fires: that has lasted {pending}.",
        (watch.PENDING, watch.OK): explain_return(rule, seen),
        (watch.FIRING, watch.FIRING): "It stays beyond limit."
        if seen == BREACH
        else "It stays beyond limit until it is back.",
        (watch.FIRING, watch.RECOVERING): f"It begins to recover: that must last {keep}.",
        (watch.FIRING, watch.OK): "It has recovered: the rule waits for nothing.",
        (watch.RECOVERING, watch.RECOVERING): f"It goes on recovering: that must last {keep}.",
        (watch.RECOVERING, watch.FIRING): "It fires again, the same breach: it had not recovered yet.",
        (watch.RECOVERING, watch.OK): f"It has recovered: that has lasted {keep}.",
    }.get((before, after), f"It went from {name(rule, before)} to {name(rule, after)}.")


def name(rule, state):
    """A state as pages name it."""
    return name_state(state, rule.operator)


def explain_return(rule, seen):
    """Why pending ended without a breach."""
    if seen in UNUSABLE:
        silence = write_duration(rule.no_data_for)
        return f"It is within limit again without having fired: nothing usable came for {silence}."
    return "It is within limit again before it fired."


def explain_hold(rule, seen, state):
    """Why a slot without usable data changed nothing."""
    if state == watch.OK:
        return f"It stays within limit: {explain_policy(rule, seen)}."
    if state == watch.PENDING:
        return f"It stays {name(rule, state)}, and this slot does not count towards its time."
    silence = "silence" if seen == EMPTY else "what cannot be judged"
    return f"It stays {name(rule, state)}: {silence} is not recovery."


def explain_policy(rule, seen):
    """What a rule that is ok makes of a slot without usable data."""
    if seen == EMPTY and rule.no_data == "fire":
        return f"a data breach opens once no point has come for {write_duration(rule.no_data_for)}"
    if seen == EMPTY and rule.no_data == "ok":
        return f"to this rule no points for {write_duration(rule.no_data_for)} are good"
    if seen == INCOMPARABLE and rule.no_data == "fire":
        return "points came, so no data breach opens, and what cannot be compared changes no state"
    return "this rule keeps its state while nothing can be judged"
