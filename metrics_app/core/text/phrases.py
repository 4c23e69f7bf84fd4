"""Rules and events in the words of the people who read them.

A *rule* is anything with a threshold's fields; ``unit`` is its KPI's.
"""

import math

from metrics_app.core import watch
from metrics_app.core.aggregates import get_aggregate, is_known
from metrics_app.core.deadman import is_silence_rule
from metrics_app.core.durations import MINUTE_MS
from metrics_app.core.recorded import is_enough
from metrics_app.core.text.counts import count_words
from metrics_app.core.text.entries import is_duration, write_duration, write_value
from metrics_app.core.text.units import format_duration, format_value, split_value, tell_last
from metrics_app.core.trends import FAR

OPERATORS = {"gt": "above", "gte": "at or above", "lt": "below", "lte": "at or below"}
# From so many seconds on, a forecast is told in steps of so many.
ROUGH = ((6 * 3600, 3600), (3600, 600), (120, 60))
DURATIONS = {"window", "interval", "pending_for", "keep_firing_for", "cooldown", "delay", "no_data_for"}


def tell_rule(rule, unit):
    """ "mean over 30 min above 48 h"."""
    if is_silence_rule(rule):
        return f"no point for {write_duration(rule.window)}"
    window = write_duration(rule.window)
    return f"{name_aggregate(rule, unit)} over {window}{name_clock(rule)} {tell_bound(rule, unit)}"


def name_clock(rule):
    """ " by the clock of Europe/Berlin"; "" for UTC, as of a rule that was frozen before it could say."""
    zone = getattr(rule, "zone", "")
    return f" by the clock of {zone}" if zone else ""


def name_aggregate(rule, unit):
    """ "mean", "share above 48 h"."""
    one = get_aggregate(rule.aggregate)
    return f"{one.label} {write_limit(rule.aggregate_value, unit, 'mean')}" if one.asks else one.label


def tell_gone(rule):
    """Why a rule has no value whatever its window holds; "" for one whose aggregate is there."""
    return "" if is_known(rule.aggregate) else f"the project no longer knows the aggregate {rule.aggregate}"


def write_seen(rule, unit, value):
    """ "mean 52 h", "share above 48 h at 12 %": in the units of the rule's limit."""
    one = get_aggregate(rule.aggregate)
    if one.is_trend and value is not None and value >= FAR:
        return f"{name_aggregate(rule, unit)} (not in sight)"
    between = " at " if one.asks else " "
    text = format_value(value, unit, rule.aggregate, beside=rule.limit)
    return f"{name_aggregate(rule, unit)}{between}{text}"


def tell_bound(rule, unit):
    """ "above 48 h"."""
    return f"{OPERATORS[rule.operator]} {write_limit(rule.limit, unit, rule.aggregate)}"


def write_limit(value, unit, aggregate):
    """A limit as it was set, exact: "48 h", "12.5 %"."""
    text = write_value(value, unit, aggregate)
    return (
        text if is_duration(unit, aggregate) else f"{text} {split_value(value, unit, aggregate)[1]}".rstrip()
    )


def tell_observation(rule, unit, state):
    """ "mean 52 h over 30 min, 12 points": in the units of the rule's limit."""
    seen = f"{write_seen(rule, unit, state.value)} over {write_duration(rule.window)}"
    return f"{seen}, {count_words(max(state.n, 0), 'point')}"


def tell_event(event, rule, unit, state, breach, cause=""):
    """A line of a breach's timeline; ``state`` is that after the slot, ``cause`` why else it recovered."""
    because = f", because {cause}" if cause else ""
    silence = write_duration(rule.window if is_silence_rule(rule) else rule.no_data_for)
    seen = tell_observation(rule, unit, state)
    lasted = format_duration((state.last_slot - breach.fired_at) / 1000)
    # One that was kept back, by a silence or for want of a title, may be proposed yet.
    again = " No new proposal." if breach.handled_by else ""
    worst = format_value(breach.peak, unit, rule.aggregate, beside=rule.limit)
    return {
        watch.FIRED: f"Fired: {seen}; {tell_bound(rule, unit)}.",
        watch.REOPENED: f"Open again within the cool-down: {seen}.{again}",
        watch.RECOVERING_BEGAN: f"On the good side again: {seen}.",
        watch.RELAPSED: f"Back before it had recovered: {seen}.",
        watch.RECOVERED: f"Recovered after {lasted}{because}: {seen}. Worst {worst}.",
        watch.NO_DATA: f"No points for {silence}: it stays open, silence is not recovery.",
        watch.DATA_OPENED: f"No points for {silence}.",
        watch.DATA_CLOSED: f"Ended after {lasted}{because}."
        if cause
        else f"Points arrive again after {lasted}.",
    }[event]


def tell_changes(before, after, unit):
    """What differs between two stored rules: "limit: 48 h → 10 min"."""
    lines = []
    for name, value in after.items():
        if is_changed(before, name, value):
            old, new = (tell_field(name, rule.get(name), rule, unit) for rule in (before, after))
            lines.append(f"{name.replace('_', ' ')}: {old} → {new}")
    return "; ".join(lines) or "nothing"


def is_changed(before, name, value):
    """Whether a field differs from a stored rule; what is newer than that rule began empty."""
    return value != before.get(name) and (name in before or bool(value))


def tell_field(name, value, rule, unit):
    """One field of a stored rule in words."""
    if value in (None, "", {}):
        return "none"
    if name == "aggregate_value":
        return write_limit(value, unit, "mean")
    if name == "aggregate":
        return get_aggregate(value).label
    if name in ("limit", "recovery_limit"):
        return write_limit(value, unit, rule.get("aggregate", "mean"))
    if name in DURATIONS:
        return write_duration(value)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def tell_crossing(forecast, goal, span):
    """ "At the pace of the last hour, 48 h is crossed in about 3 h (2 h 40 min to 3 h 30 min)"; "" for none.

    ``goal`` is the value in words, ``span`` seconds the line was fitted to.
    """
    if forecast is None or not 0 < forecast.about < FAR:
        return ""
    about, early, late = (write_rough(seconds) for seconds in forecast)
    between = f"{early} to {late}" if forecast.latest < FAR else f"{early} or later"
    return (
        f"At the pace of {tell_last(format_duration(span))}, {goal} is crossed in about {about} ({between})"
    )


def write_rough(seconds):
    """A duration no finer than anybody can foresee: "3 h 20 min", "14 min"."""
    grain = next((grain for least, grain in ROUGH if seconds >= least), 1)
    return format_duration(math.floor(seconds / grain + 0.5) * grain)


def write_span(ms):
    """ "30 days", "36 h"."""
    days, rest = divmod(round(ms / 60_000), 1440)
    return count_words(days, "day") if days and not rest else write_duration(days * 86_400 + rest * 60)


def tell_backtest(found, proposals):
    """ "Over 30 days: 4 breaches, 11 h red, 4 proposals. The window usually holds …"."""
    span = tell_span(found)
    counts = [
        count_words(len(found.result.breaches), "breach", "breaches"),
        f"{format_duration(found.result.count_red() / 1000)} red",
        count_words(proposals, "proposal"),
    ]
    missing = len(found.result.data_breaches)
    counts += [count_words(missing, "data breach", "data breaches")] if missing else []
    if not found.usual_n:
        return f"Over {span}: {tell_silence(found)}"
    said = [
        f"Over {span}: {', '.join(counts)}.",
        f"The window usually holds about {count_words(found.usual_n, 'point')}.",
        tell_uncompared(found.result),
        tell_judging(found),
    ]
    return " ".join(filter(None, said))


def tell_uncompared(result):
    """ "120 of 300 slots had nothing to compare with."; "" where every slot had."""
    if not result.incomparable:
        return ""
    return f"{result.incomparable:,} of {count_words(result.ticks, 'slot')} had nothing to compare with."


def tell_span(found):
    """ "30 days", and how much of it was recorded where that is less: of the rest nobody knows anything."""
    span = found.end - found.start
    if is_enough(found.recorded / span):
        return write_span(span)
    known = write_span(found.recorded) if found.recorded >= MINUTE_MS else "nothing"
    return f"{write_span(span)}, of which {known} was recorded"


def tell_silence(found):
    """What to say of a backtest whose windows held nothing, or nothing that could be compared."""
    if found.result.incomparable:
        return "points came, but never with anything to compare them with, so nothing is known of this rule."
    held = (
        "no window that was looked at held a point" if is_sample(found) else "no points at all in this span"
    )
    return f"{held}, so nothing is known of this rule."


def is_sample(found):
    """Whether points lie between the windows of a backtest, seen by none of them."""
    return found.step > found.window


def tell_judging(found):
    """How a backtest was judged: how often and, where it is not the rule's own, over which window."""
    said = f"Judged every {write_duration(found.step)}"
    if is_sample(found):
        said += f", a sample: only {write_duration(found.window)} each time, what lies between is not seen"
    return " ".join(filter(None, [f"{said}.", tell_widened(found)]))


def tell_widened(found):
    """ "Judged over 1 min instead of 10 s: history keeps minutes."; "" for the rule's own window."""
    if found.window == found.asked:
        return ""
    judged, asked = write_duration(found.window), write_duration(found.asked)
    return f"Judged over {judged} instead of {asked}: history keeps {name_grain(found.grain)}."


def name_grain(grain):
    """What history keeps, by its seconds: "minutes"."""
    return {60: "minutes", 3600: "hours"}.get(grain, "days")


def warn_of_min_count(rule, found):
    """What to say of a ``min_count`` that the window does not reach; "" where it does."""
    if get_aggregate(rule.aggregate).judges_empty or not found.usual_n:
        return ""
    asks = f"it asks for {count_words(rule.min_count, 'point')}"
    if rule.min_count > found.most_n:
        never = "hardly ever" if is_sample(found) else "never"
        looked = " that was looked at" if is_sample(found) else ""
        return f"It would {never} fire: {asks}, and no window{looked} held more than {found.most_n:,}."
    usual = found.usual_n * found.asked / found.window
    if rule.min_count <= max(usual, 1):
        return ""
    holds = f"the window usually holds about {found.usual_n:,}"
    if found.window != found.asked:
        judged, asked = write_duration(found.window), write_duration(found.asked)
        holds = f"{judged} usually hold about {found.usual_n:,}, so {asked} about {max(1, round(usual)):,}"
    return f"It would be silent most of the time: {asks}, and {holds}."
