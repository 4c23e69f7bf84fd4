"""The plan of measuring, made when a proposal is opened: what acting can prove, or why it proves nothing."""

import logging

from pipelines_app import conf
from pipelines_app.core import measuring
from pipelines_app.core.durations import WEEK_H
from pipelines_app.core.guardrails import list_guardrails, read_topics
from pipelines_app.core.moments import to_ms
from pipelines_app.exceptions import NotMeasured
from pipelines_app.queries.measuring import ask, has_measurements, is_hidden, list_actions

logger = logging.getLogger(__name__)


def plan_measuring(row, evidence):
    """What the first version freezes about measuring; its ``reason`` is empty where it can be judged.

    ``guardrails`` are the plans of the KPIs judged beside it, each with its ``topic``. A failure to
    read is logged and frozen as such: it keeps nobody from proposing.
    """
    policy = row.found.policy
    fired_at, hours = find_firing(row, evidence), find_hours(policy)
    planned = plan_kpi(row.topic, find_rule(evidence), fired_at, hours)
    if not measuring.is_judged(planned):
        return planned
    named = read_topics(policy.guardrails) if policy else []
    topics = list_guardrails(row.topic, named, conf.get("GUARDRAILS"))
    return planned | {"guardrails": [plan_guardrail(topic, row, fired_at, hours) for topic in topics]}


def plan_again(pipeline, planned, fired_at):
    """The plan of a proposal that is opened again for what fired at another moment (ms).

    Its clock and its guardrails stay; what could not be judged is not planned anew.
    """
    if not measuring.is_judged(planned):
        return planned
    hours = {name: planned["plan"][name] for name in ("settle", "span")}
    topics = [one["topic"] for one in planned.get("guardrails", ())]
    guardrails = [plan_guardrail(topic, pipeline, fired_at, hours) for topic in topics]
    again = plan_kpi(pipeline.topic, find_rule(pipeline.evidence), fired_at, hours)
    return again | {"guardrails": guardrails}


def plan_guardrail(topic, row, fired_at, hours):
    """The plan of one KPI that an action must not harm: what was done on either of them moves it."""
    if is_hidden(topic, row.restricted_to_id):
        return {"topic": topic} | measuring.describe_unplanned(measuring.HIDDEN)
    return {"topic": topic} | plan_kpi(topic, None, fired_at, hours, beside=row.topic)


def plan_kpi(topic, rule, fired_at, hours, *, beside=""):
    """The plan of one KPI by ``hours`` (``settle``, ``span``) and what a rule (None: its tile) judges."""
    if not topic:
        return measuring.describe_unplanned(measuring.NO_TOPIC)
    if not has_measurements():
        return measuring.describe_unplanned(measuring.NO_KPI)
    measure = None
    try:
        measure = ask("describe_effect", topic, rule)
        if measure is None:
            return measuring.describe_unplanned(measuring.NO_KPI)
        return make(topic, measure, fired_at, hours, beside)
    except Exception as error:
        # A bug wants its traceback; what was foreseen has said all there is.
        foreseen = isinstance(error, NotMeasured)
        logger.warning(
            "What acting on %s can prove could not be read: %s", topic, error, exc_info=not foreseen
        )
        return measuring.describe_unplanned(measuring.UNREADABLE, measure, measure and fired_at, **hours)


def make(topic, measure, fired_at, hours, beside):
    """The plan by what is known of the KPI until it fired."""
    if not measure["better"]:
        return measuring.describe_unplanned(measuring.NO_DIRECTION, measure)
    start, end = measuring.find_history(fired_at, fired_at)
    rows = ask("hours", topic, start, end)
    breaches = ask("list_events", topic, start, end)["breaches"]
    actions = [at for _, at in list_actions(topic, *[beside] * bool(beside))]
    return measuring.plan_effect(rows, measure, fired_at, **hours, actions=actions, breaches=breaches)


def find_hours(policy):
    """``{"settle", "span"}`` in hours, as the policy says, else as is usual."""
    if policy is None:
        return {"settle": measuring.SETTLE_H, "span": measuring.SPAN_H}
    return {"settle": policy.settle_hours, "span": policy.span_weeks * WEEK_H}


def find_firing(row, evidence):
    """When the breach fired (ms), as its evidence says; for what somebody proposes, when it was opened."""
    slot, opened = evidence.get("slot"), to_ms(row.created_at)
    return slot if type(slot) is int and 0 < slot <= opened else opened


def find_rule(evidence):
    """The rule whose quantity was frozen, or None."""
    quantity = evidence.get("quantity")
    rule = quantity.get("rule") if isinstance(quantity, dict) else None
    return rule if isinstance(rule, dict) else None
