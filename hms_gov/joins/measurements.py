"""What the pipelines ask of metrics: ``PIPELINES_APP["MEASUREMENTS"]``. Times are ms."""

from hms_gov.joins.citations import cite
from hms_gov.joins.costs import find_cost
from hms_gov.joins.effects import count_recorded, describe_effect, hours, list_events
from hms_gov.joins.evidence import freeze
from hms_gov.joins.quantities import describe, draw, observe, read_rule
from hms_gov.joins.unless import find_crossing, read_value
from metrics_app import queries
from metrics_app.core.text.phrases import tell_gone
from metrics_app.exceptions import BusUnavailable
from metrics_app.registry import get_kpi
from metrics_app.services.conditions import find_end, find_standstill
from pipelines_app.exceptions import NotMeasured

__all__ = [
    "cite",
    "count_recorded",
    "describe_effect",
    "find_crossing",
    "freeze",
    "hours",
    "list_events",
    "measure",
    "read_value",
]


def measure(topic, rule, end, *, draw_from=None, cost_from=None):
    """What a rule sees of a topic in its window up to ``end``; None where the topic has no KPI.

    ``rule`` is a dict with ``aggregate``, ``aggregate_value``, ``window`` (seconds), ``operator`` and
    ``limit``, or None for what the KPI's tile shows. ``{"rule", "label", "unit", "value", "n", "text",
    "limit_text", …}``; ``draw_from`` adds the ``curve`` ``{"ts", "values"}`` from then on, ``cost_from``
    the ``cost`` of what lies beyond the limit since then (None: it has no meaning). ``fault`` says why
    there is no value whatever was sent, "" where that is not so. While the collector stands still all ends
    where it stopped, as on the tiles: a window that slid on would lose its points. ``behind`` says since
    when (ms), None where it does not. NotMeasured while Redis is away.
    """
    try:
        return observe_now(topic, rule, end, draw_from, cost_from)
    except BusUnavailable as error:
        raise NotMeasured(str(error)) from error


def observe_now(topic, rule, end, draw_from, cost_from):
    """As ``measure``; BusUnavailable."""
    kpi = get_kpi(topic)
    if kpi is None:
        return None
    rule = read_rule(kpi, rule)
    behind = find_standstill(topic, queries.redis_now(), queries.collected_through())
    # Where nothing was ever counted nobody knows since when.
    behind = behind if behind and behind < end else None
    # Windows end at the next whole second, as everywhere.
    end = find_end(end, behind)
    [(value, n)] = observe([topic], [rule], end)
    found = describe(kpi, rule, value) | {"n": n, "fault": tell_gone(rule), "behind": behind}
    if draw_from is not None:
        found["curve"] = draw(kpi, rule, draw_from, end, value)
    if cost_from is not None:
        found["cost"] = find_cost(kpi, rule, cost_from, end)
    return found
