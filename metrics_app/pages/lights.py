"""The light of a threshold in words: its condition, with the times that a page tells in the reader's zone."""

from datetime import datetime

from django.utils import timezone

from metrics_app.core.conditions import SILENT
from metrics_app.core.deadman import is_silence_rule
from metrics_app.core.text import words
from metrics_app.services.conditions import judge_threshold


def tell_light(rule, condition, now):
    """The words of the Condition of a threshold or None."""
    if condition.name == SILENT:
        return tell_silence(rule, now)
    return words.tell_state(condition.name, **describe_timers(rule))


def tell_silence(rule, now, seen_at=None, *, empty=False):
    """Why there is nothing to judge by: no points, or a threshold that was never judged.

    ``seen_at``: when (ms) the last point came, if known; ``empty``: the tile has no point either.
    """
    row, condition = getattr(rule, "state_row", None), judge_threshold(rule) if rule else None
    is_flagged = condition is not None and condition.is_silent and condition.is_judged
    if not is_flagged and not empty:
        return "Not judged yet"
    # A point that is newer than the flag has not been judged yet.
    since = min((at for at in (seen_at, is_flagged and row.data_since) if at), default=None)
    breach = is_flagged and condition.has_data_breach
    return words.tell_silence(since and clock_with_zone(since, now), breach=breach)


def tell_data(rule, now):
    """What a state was not judged by: "too few points to judge since 10:42 UTC"; "" where all is well."""
    row = getattr(rule, "state_row", None)
    if row is None or row.data not in words.DATA:
        return ""
    return words.tell_data(row.data, clock_with_zone(row.data_since, now) if row.data_since else "")


def describe_state_of(rule, now):
    """The light of one threshold for a table: ``{"shape", "state_text", "css"}``."""
    condition = judge_threshold(rule)
    if not rule.enabled:
        text = "Switched off"
    elif is_silence_rule(rule):
        text = tell_dead_man(condition)
    else:
        text = tell_light(rule, condition, now)
    return {"shape": condition.shape, "state_text": text, "css": condition.css}


def tell_dead_man(condition):
    """The words of a threshold that expects points."""
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


def clock(ms, now):
    """A moment in the reader's zone: ``10:06``, with the day when it is not today's."""
    moment, today = (timezone.localtime(datetime.fromtimestamp(at / 1000, timezone.get_current_timezone()))
                     for at in (ms, now))  # fmt: skip
    text = f"{moment:%H:%M}"
    return text if moment.date() == today.date() else f"{moment.day} {moment:%b %H:%M}"


def clock_with_zone(ms, now):
    """``clock`` with the zone: ``03:45 UTC``."""
    return f"{clock(ms, now)} {timezone.localtime():%Z}"
