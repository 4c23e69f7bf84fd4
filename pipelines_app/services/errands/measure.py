"""Measuring: begun when something was carried out, judged once, when its span is over.

Nothing is read before: an effect that is looked at every day until it pleases proves nothing. What
cannot be read then is an error, which is tried again; it is never taken for an empty week.
"""

from django.db import transaction

from pipelines_app.core import measuring
from pipelines_app.core.chain import digest, encode
from pipelines_app.core.hours import TOTAL
from pipelines_app.core.moments import to_moment, to_ms
from pipelines_app.core.states import State
from pipelines_app.exceptions import Tampered
from pipelines_app.models import Effect
from pipelines_app.queries import find_plan, find_span, list_actions
from pipelines_app.queries.measuring import STARTED, ask, can_answer, is_hidden
from pipelines_app.services.errands.figures import plan_figures
from pipelines_app.services.errands.plan import MEASURE, end_errand, plan_errand
from pipelines_app.services.moves import lock_pipeline, move

BY = "the measurement"


def begin_measuring(pipeline, at):
    """Brings a locked proposal that is ``done`` to ``measuring``, where its frozen plan says how."""
    planned = find_plan(pipeline)
    if not measuring.is_judged(planned):
        return
    times = {"carried_out_at": to_ms(pipeline.carried_out_at), "decided_at": to_ms(pipeline.decided_at)}
    span = measuring.find_span(planned, **times)
    data = {"version": pipeline.version, "span": span}
    move(pipeline, State.MEASURING, actor=BY, event=STARTED, data=data, at=at)
    plan_errand(pipeline, MEASURE, due_at=to_moment(span["judged_at"]))


def judge(errand, now):
    """Reads what the KPI did and stores the verdict, once; the verdict. Whatever reading raises."""
    document = make_document(errand.pipeline)
    return finish(errand, document, now)


def give_up(errand, reason, now):
    """Nobody could read it for months: that is no verdict, and a person must close it."""
    finish(errand, describe_nothing(measuring.UNREADABLE), now)


def make_document(pipeline):
    """The effect of a proposal as it is frozen."""
    try:
        planned, span = find_plan(pipeline), find_span(pipeline)
    except Tampered:
        planned = span = None
    if not measuring.is_judged(planned) or span is None:
        return describe_nothing(measuring.TAMPERED)
    others = list_actions(pipeline.topic, besides=pipeline.pk)
    found, events = judge_kpi(pipeline.topic, planned, span, others)
    guardrails = [judge_guardrail(one, pipeline, span) for one in planned.get("guardrails", ())]
    return found | {"confounders": list_confounders(span, others, events), "guardrails": guardrails}


def judge_kpi(topic, planned, span, others):
    """``(what is frozen of it, its events)`` of one KPI; ``others`` are other actions that moved it."""
    start, end = measuring.find_history(planned["plan"]["fired_at"], span["judged_to"])
    rows = ask("hours", topic, start, end)
    events = ask("list_events", topic, start, end)
    effect, days = measuring.judge_effect(
        rows,
        planned,
        span["started_at"],
        span["judged_to"],
        actions=[at for _, at in others],
        breaches=events["breaches"],
    )
    found = measuring.describe_effect(effect) | count_recorded(topic, planned["measure"], effect)
    return {"measure": planned["measure"], "effect": found, "days": days}, events


def count_recorded(topic, measure, effect):
    """``{"recorded": hours}`` of the span of a total, which takes others as 0, where the project can tell."""
    if measure["kind"] != TOTAL or not can_answer("count_recorded"):
        return {}
    return {"recorded": ask("count_recorded", topic, effect.judged_from, effect.judged_to)}


def judge_guardrail(planned, pipeline, span):
    """What is frozen of one guardrail: ``effect`` None and a ``reason`` where it was not judged."""
    topic, reason = planned["topic"], "" if measuring.is_judged(planned) else planned["reason"]
    # Its values must not reach whoever reads the proposal where it has become secret since.
    if not reason and is_hidden(topic, pipeline.restricted_to_id):
        reason = measuring.HIDDEN
    if reason:
        found = {"measure": planned["measure"], "effect": None, "days": None}
    else:
        others = list_actions(topic, pipeline.topic, besides=pipeline.pk)
        found, _ = judge_kpi(topic, planned, span, others)
    return {"topic": topic, "reason": reason} | found


def describe_nothing(reason):
    """The document of what cannot be judged at all."""
    effect = {"verdict": State.INCONCLUSIVE.value, "reason": reason}
    return {"measure": None, "effect": effect, "days": None, "confounders": {}, "guardrails": []}


def list_confounders(span, others, events):
    """What else may have moved the KPI from the start to the end of the span, by name."""

    def falls_in(one):
        return span["started_at"] <= one["at"] < span["judged_to"]

    told = {name: list(filter(falls_in, events[name])) for name in ("edits", "notes", "voids")}
    return told | {"actions": list(filter(falls_in, ({"at": at, "id": pk} for pk, at in others)))}


def list_verdicts(guardrails):
    """``[{"topic", "verdict", "reason"}]`` for the chain; without a verdict where nothing was judged."""
    found = [(one["topic"], one["effect"] or {"verdict": "", "reason": one["reason"]}) for one in guardrails]
    return [
        {"topic": topic, "verdict": effect["verdict"], "reason": effect["reason"]} for topic, effect in found
    ]


def finish(errand, document, now):
    """Stores the effect and moves the proposal, unless another worker has done so; the verdict in words."""
    text = encode(document)
    verdict, reason = document["effect"]["verdict"], document["effect"]["reason"]
    outcome = tell_verdict(verdict, reason)
    with transaction.atomic():
        pipeline = lock_pipeline(errand.pipeline_id)
        if pipeline.state != State.MEASURING or pipeline.version != errand.version:
            return f"not judged: it is {pipeline.standing}, version {pipeline.version}"
        if not end_errand(errand, outcome, at=now):
            return "not judged: another worker has taken it over"
        effect = Effect(pipeline=pipeline, text=text, sha256=digest(text), judged_at=now)
        effect.save(force_insert=True)
        data = {
            "version": pipeline.version,
            "effect_sha256": effect.sha256,
            "verdict": verdict,
            "reason": reason,
            "guardrails": list_verdicts(document.get("guardrails", ())),
        }
        move(pipeline, State(verdict), actor=BY, event="judged", data=data, at=now)
        plan_figures(pipeline, State(verdict), now)
    return outcome


def tell_verdict(verdict, reason):
    """``inconclusive: wide``."""
    return f"{verdict}: {reason}" if reason else verdict
