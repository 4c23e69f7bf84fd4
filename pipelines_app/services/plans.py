"""The plan of measuring, made when a proposal is opened: what acting can prove, or why it proves nothing."""

import logging

from pipelines_app.core import measuring
from pipelines_app.queries import to_ms
from pipelines_app.queries.measuring import ask, has_measurements, list_actions

logger = logging.getLogger(__name__)


def plan_measuring(row, evidence):
    """What the first version freezes about measuring; its ``reason`` is empty where it can be judged.

    A failure to read is logged and frozen as such: it keeps nobody from proposing.
    """
    if not row.topic:
        return measuring.describe_unplanned(measuring.NO_TOPIC)
    if not has_measurements():
        return measuring.describe_unplanned(measuring.NO_KPI)
    measure, fired_at = None, find_firing(row, evidence)
    try:
        measure = ask("describe_effect", row.topic, find_rule(evidence))
        return (
            measuring.describe_unplanned(measuring.NO_KPI)
            if measure is None
            else make(row, measure, fired_at)
        )
    except Exception:
        logger.exception("What acting on %s can prove could not be read", row.topic)
        return measuring.describe_unplanned(measuring.UNREADABLE, measure, measure and fired_at)


def make(row, measure, fired_at):
    """The plan by what is known of the KPI until it fired."""
    if not measure["better"]:
        return measuring.describe_unplanned(measuring.NO_DIRECTION, measure)
    start, end = measuring.find_history(fired_at, fired_at)
    rows = ask("hours", row.topic, start, end)
    breaches = ask("list_events", row.topic, start, end)["breaches"]
    actions = [at for _, at in list_actions(row.topic)]
    return measuring.plan_effect(rows, measure, fired_at, actions=actions, breaches=breaches)


def find_firing(row, evidence):
    """When the breach fired (ms), as its evidence says; for what somebody proposes, when it was opened."""
    slot, opened = evidence.get("slot"), to_ms(row.created_at)
    return slot if type(slot) is int and 0 < slot <= opened else opened


def find_rule(evidence):
    """The rule whose quantity was frozen, or None."""
    quantity = evidence.get("quantity")
    rule = quantity.get("rule") if isinstance(quantity, dict) else None
    return rule if isinstance(rule, dict) else None
