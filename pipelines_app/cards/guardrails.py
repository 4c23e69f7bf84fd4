"""Guardrails in words: what could be seen of them, said before anybody decides, and what was seen."""

from dataclasses import dataclass

from pipelines_app import queries
from pipelines_app.cards.effects import (
    INCONCLUSIVE,
    UNMEASURED,
    tell_change,
    tell_expected,
    tell_plainly,
    write_percent,
    write_value,
)
from pipelines_app.core import measuring
from pipelines_app.core.effect_records import Reason
from pipelines_app.core.states import State

UNJUDGED = UNMEASURED | {measuring.HIDDEN: "it is restricted to others"}


@dataclass(frozen=True)
class Guardrail:
    """What became of one: ``sentence`` says it whole; ``verdict`` is empty where nothing was judged."""

    topic: str
    name: str
    verdict: str
    reason: str
    sentence: str

    @property
    def is_harmed(self):
        """Whether the action did it harm."""
        return self.verdict == State.HARMFUL


def tell_guarded(pipeline, planned):
    """``Judged beside it: Open complaints (harm from +12 % on would show).``; empty without guardrails."""
    shown = queries.show_parts(pipeline, planned or {})
    told = [f"{name_of(one)} ({tell_seen(one)})" for one in shown.get("guardrails", ())]
    return f"Judged beside it: {', '.join(told)}." if told else ""


def name_of(guardrail):
    """The name of its KPI, or its topic where nothing measures it."""
    return (guardrail["measure"] or {}).get("name") or guardrail["topic"]


def tell_seen(guardrail):
    """From where on harm to it would show, or why it never will."""
    reason, plan = guardrail["reason"], guardrail["plan"]
    if plan is None:
        return f"not at all: {UNJUDGED[reason]}"
    if reason:
        return "what would show could not be read" if reason in UNJUDGED else INCONCLUSIVE[reason]
    if plan["harmful_percent"] is not None:
        # Of a KPI that hardly moves less than a per cent shows; nobody should read that as nothing.
        percent = plan["harmful_percent"]
        least = f"{write_percent(percent)} %" if abs(percent) >= 1 else "the first per cent"
        return f"harm from {least} on would show"
    side = "above" if plan["better"] == "lower" else "below"
    return f"harm {side} {write_value(plan['harmful_at'], guardrail['measure'])} would show"


def list_guardrails(pipeline):
    """The Guardrails of a proposal; none until it is judged, or where its effect was changed."""
    return [describe_guardrail(one) for one in show_effect(pipeline).get("guardrails", ())]


def show_effect(pipeline):
    """The frozen dict of the effect as its reader may see it; {} without."""
    effect = queries.find_effect(pipeline)
    document = queries.read_effect(effect)[0] if effect else None
    return queries.show_parts(pipeline, queries.show_actions(pipeline, document)) if document else {}


def describe_guardrail(one):
    """The Guardrail of what was frozen of it."""
    found, name = one["effect"], name_of(one)
    if found is None:
        told = f"{name}: not judged, {UNJUDGED.get(one['reason']) or INCONCLUSIVE[one['reason']]}"
        return Guardrail(one["topic"], name, "", one["reason"], told)
    told = f"{name}: {tell_found(found, one['measure'])}"
    return Guardrail(one["topic"], name, found["verdict"], found["reason"], told)


def tell_found(found, measure):
    """``120 open, expected 130 (110 to 150): no harm seen``; of a wide interval that nothing can be told."""
    if found["verdict"] == State.HARMFUL:
        change = tell_change(found, measure).removeprefix(": ")
        return f"{tell_expected(found, measure)}: harm seen, {change}"
    if found["verdict"] in (State.EFFECTIVE, State.INEFFECTIVE):
        return f"{tell_expected(found, measure)}: no harm seen"
    if found["reason"] == Reason.WIDE:
        return f"{tell_expected(found, measure)}: harm could not be told from chance"
    return f"{tell_plainly(found['plain'], measure)}: nothing can be said, {INCONCLUSIVE[found['reason']]}"


def tell_harm(guardrails, verdict):
    """``But it did harm beside it. Open complaints: 180, …``; empty where none was."""
    told = [one.sentence for one in guardrails if one.is_harmed]
    lead = "And" if verdict == State.HARMFUL else "But"
    return f"{lead} it did harm beside it. {'; '.join(told)}" if told else ""
