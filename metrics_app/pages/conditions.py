"""The light of a threshold: its state, and whether there was anything to judge it by.

A state is kept while no points come; a light that showed it alone would be green over an open breach.
"""

from datetime import datetime

from django.utils import timezone

from metrics_app.core.text import words


def get_state(rule):
    """The state of a threshold; "ok" before its first slot, "none" without a rule."""
    row = getattr(rule, "state_row", None)
    return row.state if row else "ok" if rule else "none"


def get_condition(rule):
    """``get_state``, or "silent" where it is ok only because no points come."""
    state = get_state(rule)
    row = getattr(rule, "state_row", None)
    return "silent" if row and state == "ok" and (row.data_breach or row.data == "empty") else state


def has_data_breach(rule):
    """Whether a data breach of a threshold is open."""
    row = getattr(rule, "state_row", None)
    return row is not None and row.data_breach


def describe_light(rule, now, seen_at=None):
    """``(text, shape, css)`` of a threshold or None; ``seen_at``: when (ms) the last point came, if known."""
    condition = get_condition(rule)
    if condition != "silent":
        return words.describe_state(condition, **describe_timers(rule)), words.SHAPES[condition], condition
    # A point that is newer than the flag has not been judged yet.
    since = min((at for at in (seen_at, rule.state_row.data_since) if at), default=None)
    text = words.describe_silence(since and clock_with_zone(since, now), breach=has_data_breach(rule))
    return text, words.SHAPES["silent"], "silent"


def describe_data(rule, now):
    """What a state was not judged by: "too few points to judge since 10:42 UTC"; "" where all is well."""
    row = getattr(rule, "state_row", None)
    if row is None or row.data not in words.DATA:
        return ""
    return words.describe_data(row.data, clock_with_zone(row.data_since, now) if row.data_since else "")


def describe_state_of(rule, now):
    """The light of one threshold for a table: ``{"shape", "state_text", "css"}``."""
    text, shape, css = describe_light(rule, now)
    return {"shape": shape, "state_text": text, "css": css}


def describe_dead_man(rule):
    """``describe_state_of`` a threshold that expects points."""
    text, css = ("Silent", "silent") if has_data_breach(rule) else ("Points come as expected", "ok")
    return {"shape": words.SHAPES[css], "state_text": text, "css": css}


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
