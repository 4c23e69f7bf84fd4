"""The light of a threshold in words: its condition, with the times that a page tells in the reader's zone."""

from datetime import datetime

from django.utils import timezone

from metrics_app.core.classes import proves_nothing
from metrics_app.core.conditions import SHAPES, SILENT, UNJUDGED
from metrics_app.core.deadman import is_silence_rule
from metrics_app.core.text import words
from metrics_app.core.text.moments import tell_moment_in_zone
from metrics_app.queries.clock import GRACE
from metrics_app.services.conditions import awaits, judge_threshold
from metrics_app.services.watch.states import find_end_of_judgement


def tell_light(rule, condition, now, seen_at):
    """The words of the Condition of a threshold or None; ``seen_at`` (ms): of its last point, or None."""
    if condition.name == UNJUDGED:
        return tell_unjudged(condition, now)
    if condition.name == SILENT:
        return tell_silence(rule, now, seen_at)
    text = words.tell_state(condition.name, **describe_timers(rule))
    unjudged = tell_unjudged(condition, now)
    return f"{text} · {unjudged[0].lower()}{unjudged[1:]}" if unjudged else text


def tell_unjudged(condition, now):
    """ "Not judged since 10:42 UTC"; "" where somebody judges."""
    since = condition.unjudged_since
    return "" if since is None else words.tell_unjudged(clock_with_zone(since, now))


def describe_lapse(rules, now):
    """What a page needs to turn a light by itself once nobody judges: no message comes then.

    ``judged_until`` (ms) and what it says from then on, "◌ Not judged since 10:42 UTC", of the moment from
    which the next slot is missing; None where none is known. Once the evaluator stands still the page knows
    that by ``describe_live``, and puts its moment there. "" where none of the rules was ever judged.
    """
    rows = [rule.state_row for rule in rules if rule.state_row.slot_class]
    if not rows:
        return {"judged_until": None, "unjudged": ""}
    until = find_end_of_judgement(rules)
    since = min(row.last_slot for row in rows) if until is None else until - GRACE
    return {
        "judged_until": until,
        "unjudged": f"{SHAPES[UNJUDGED]} {words.tell_unjudged(clock_with_zone(since, now))}",
    }


def tell_silence(rule, now, seen_at, *, empty=False):
    """Why there is nothing to judge by: no points, such as prove nothing, or never judged.

    ``seen_at``: when (ms) the last point came, None before the first; ``empty``: the tile has none either.
    """
    row = getattr(rule, "state_row", None)
    if row is not None and proves_nothing(row.data, rule.aggregate) and not (empty or row.data_breach):
        said = tell_data(rule, now)
        return f"{said[0].upper()}{said[1:]}"
    is_flagged = row is not None and bool(row.slot_class) and (row.data == "empty" or row.data_breach)
    if not is_flagged and not empty:
        return "Not judged yet"
    breach = is_flagged and row.data_breach
    if is_flagged and not empty and seen_at is not None and awaits(rule, seen_at):
        # Whether it was the first of all or ended a silence: the next slot judges it.
        return f"Points came, not judged yet{': a data breach is open' if breach else ''}"
    # Before the first there is no "since".
    since = seen_at and min(at for at in (seen_at, is_flagged and row.data_since) if at)
    return words.tell_silence(since and clock_with_zone(since, now), breach=breach)


def tell_data(rule, now):
    """What a state was not judged by: "too few points to judge since 10:42 UTC"; "" where all is well."""
    row = getattr(rule, "state_row", None)
    if row is None or row.data not in words.DATA:
        return ""
    since = clock_with_zone(row.data_since, now) if row.data_since else ""
    return words.tell_data(row.data, since, rule.aggregate)


def describe_state_of(rule, clock, seen_at):
    """The light of one threshold for a table: ``{"shape", "state_text", "css"}``, with ``describe_lapse``.

    ``seen_at``: when (ms) the last point of its KPI came, None before the first.
    """
    condition, now = judge_threshold(rule, clock), clock.now
    if not rule.enabled:
        text = "Switched off"
    elif is_silence_rule(rule):
        text = tell_dead_man(condition, now)
    else:
        text = tell_light(rule, condition, now, seen_at)
    rules = [rule] if rule.enabled and condition.is_judged and hasattr(rule, "state_row") else []
    light = {"shape": condition.shape, "state_text": text, "css": condition.css}
    return light | describe_lapse(rules, now)


def tell_dead_man(condition, now):
    """The words of a threshold that expects points."""
    if condition.name == UNJUDGED:
        return tell_unjudged(condition, now)
    if condition.name != SILENT:
        return "Points come as expected"
    return "Silent" if condition.is_judged else "Not judged yet"


def describe_timers(rule):
    """The timers of a rule as arguments of ``words``; none without a rule."""
    if rule is None:
        return {}
    row = getattr(rule, "state_row", None)
    return {
        "operator": rule.operator,
        "elapsed": row.timer_ms / 1000 if row else 0,
        "pending_for": rule.pending_for,
        "keep_firing_for": rule.keep_firing_for,
    }


def clock_with_zone(ms, now, *, seconds=False):
    """A moment in the reader's zone: ``10:06 CET``, with its day if not today, and seconds if asked."""
    return tell_moment_in_zone(to_local(ms), to_local(now), seconds=seconds)


def to_local(ms):
    """Milliseconds as a datetime of the reader's zone."""
    return datetime.fromtimestamp(ms / 1000, timezone.get_current_timezone())
