"""What a subscriber of a WebSocket sees first: recent points, the KPI, its thresholds."""

import math
from functools import cached_property

from metrics_app import log, queries, registry
from metrics_app.core.frames import encode_text, make_frame, pair_points, summarise_seconds
from metrics_app.core.positions import format_position, parse_position
from metrics_app.models import Threshold
from metrics_app.queries.clock import read_clock
from metrics_app.streams.states import read_states


class Picture:
    """A topic up to a position, encoded once for all who ask for the same."""

    def __init__(self, topic, epoch, offset, states, **fields):
        self.epoch, self.offset, self.states = epoch, offset, states
        position = format_position(epoch, offset)
        self.message = {"type": "snapshot", "topic": topic, "position": position} | fields

    @cached_property
    def frame(self):
        """``(message, bytes)`` for a WebSocket."""
        return make_frame(encode_text(self.message))


def take_snapshot(topic, history, max_points):
    """The Picture of the last ``history`` seconds, as rows when more than ``max_points``.

    BusUnavailable when Redis is away.
    """
    # Before the thresholds are: what changes in between is told once more, not left out.
    states = read_states([topic])
    since = queries.redis_now() - history * 1000
    snapshot = queries.snapshot(topic, since=since, max_points=max_points)
    epoch, offset = parse_position(snapshot.position or "") or (log.null_epoch(topic), 0)
    points = {"points": snapshot.points or [], "rows": snapshot.rows or []}
    return Picture(topic, epoch, offset, states, recovered=False, **points, **describe_topic(topic))


def take_restart(topic, history, max_points, epoch, offset):
    """``take_snapshot`` after a reset: no shorter than what came since the position was lost."""
    part = log.read_log(topic, *log.find_restart(topic, epoch, offset))
    if part is not None and len(part.ts):
        history = max(history, (queries.redis_now() - int(part.ts.min())) // 1000 + 1)
    return take_snapshot(topic, history, max_points)


def take_missed(topic, epoch, offset, max_points):
    """The Picture of what came after a position, or None when it cannot be continued."""
    states = read_states([topic])
    part = log.read_log(topic, epoch, offset)
    if part is None:
        return None
    top = part.top
    if len(part.ts) > max_points:
        points = {"points": [], "rows": summarise_seconds(part.ts, part.values)}
    else:
        points = {"points": pair_points(part.ts, part.values), "rows": []}
    return Picture(topic, part.epoch, top, states, recovered=True, **points, **describe_topic(topic))


def describe_topic(topic):
    """``{"kpi", "thresholds"}`` of a topic as its tile needs them."""
    kpi = registry.get_kpi(topic)
    if kpi is None:
        return {"kpi": None, "thresholds": []}
    rules = Threshold.objects.filter(
        kpi__topic=topic, enabled=True, kind=Threshold.Kind.LIMIT
    ).select_related("kpi", "state_row")
    # Most topics have none, and the clock is some questions to Redis.
    clock = read_clock() if rules else None
    return {"kpi": describe_kpi(kpi), "thresholds": [describe_threshold(rule, clock) for rule in rules]}


def describe_kpi(kpi):
    """What a tile says of a KPI; ``value`` is its aggregate over the last ``window`` seconds."""
    end = (queries.redis_now() // 1000 + 1) * 1000
    [observation] = queries.observe([(kpi.topic, end - kpi.window * 1000, end, kpi.aggregate)])
    value = observation.value
    return {
        "name": kpi.name or kpi.topic,
        "unit": kpi.unit,
        "direction": kpi.direction,
        "aggregate": kpi.aggregate,
        "window": kpi.window,
        "value": value if value is not None and math.isfinite(value) else None,
    }


def describe_threshold(rule, clock):
    """A threshold with its state as of ``judged_at`` (ms); one that was never judged is ``ok`` as of None.

    ``unjudged_since`` (ms) is None while somebody judges it; a message tells when that changes.
    """
    row = getattr(rule, "state_row", None)
    is_judged = row is not None and bool(row.slot_class)
    return {
        "id": rule.pk,
        "name": str(rule),
        "aggregate": rule.aggregate,
        "window": rule.window,
        "operator": rule.operator,
        "limit": rule.limit,
        "recovery_limit": rule.recovery_limit,
        "severity": rule.severity,
        "state": row.state if row else "ok",
        "since": row.since if row else None,
        "value": row.value if row else None,
        "data": row.data if row else "fresh",
        "judged_at": row.last_slot if is_judged else None,
        "due_at": (row.due_at or None) if is_judged else None,
        "unjudged_since": row
        and clock.find_kept(rule.kpi.topic, row, is_enabled=rule.enabled, is_judged=is_judged),
    }
