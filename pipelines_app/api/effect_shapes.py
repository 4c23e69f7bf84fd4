"""What the API answers about effects and their guardrails."""

from rest_framework import serializers

from pipelines_app import queries
from pipelines_app.cards.effects import tell_effect
from pipelines_app.cards.guardrails import describe_guardrail, show_effect
from pipelines_app.core.moments import to_ms
from pipelines_app.core.states import VERDICTS


class ClosingSerializer(serializers.Serializer):
    """Who closed an inconclusive effect, and why."""

    by = serializers.CharField()
    reason = serializers.CharField()
    at = serializers.IntegerField(help_text="ms")


class GuardrailSerializer(serializers.Serializer):
    """A KPI that the action must not harm, judged on the same span by the same code."""

    topic = serializers.CharField()
    verdict = serializers.CharField(allow_blank=True, help_text="As of the effect; empty: not judged.")
    reason = serializers.CharField(allow_blank=True, help_text="Why it is inconclusive or was not judged.")
    sentence = serializers.CharField(help_text="In words.")
    measure = serializers.DictField(allow_null=True)
    numbers = serializers.DictField(allow_null=True, help_text="As of the effect.")
    days = serializers.DictField(allow_null=True)


class EffectSerializer(serializers.Serializer):
    """The verdict, and the numbers behind it as they were frozen: docs/effect.md tells the method."""

    verdict = serializers.ChoiceField(choices=sorted(VERDICTS))
    reason = serializers.CharField(allow_blank=True, help_text="Why it is inconclusive; else empty.")
    sentence = serializers.CharField(allow_blank=True, help_text="Observed, expected and change in words.")
    judged_at = serializers.IntegerField(help_text="ms")
    sha256 = serializers.CharField(help_text="Of the frozen text; it stands in the audit chain.")
    intact = serializers.BooleanField(help_text="Whether the text still fits it; if not, all else is null.")
    closed = ClosingSerializer(allow_null=True)
    measure = serializers.DictField(allow_null=True, help_text="What was judged: label, unit, better, kind.")
    numbers = serializers.DictField(
        allow_null=True,
        help_text="started_at, judged_from, judged_to (ms); observed, expected, change (the KPI's unit) and "
        "percent, each with _low and _high of its 95 % interval; plain: before, after, percent.",
    )
    days = serializers.DictField(
        allow_null=True,
        help_text="Columns ts, values, counts of 24 hours each, before and in the span; ignored: the courses "
        "(at, values) around breaches that nobody acted on, laid over them.",
    )
    confounders = serializers.DictField(
        allow_null=True, help_text="actions, notes, edits and voids from the start to the end of the span."
    )
    guardrails = GuardrailSerializer(many=True, help_text="Those whose KPI you may see.")


def describe_effect(pipeline):
    """The effect of a proposal as EffectSerializer documents it; None until it is judged."""
    effect = queries.find_effect(pipeline)
    if effect is None:
        return None
    closed = {"by": effect.closed_by_name, "reason": effect.closed_reason}
    document = show_effect(pipeline) or None
    found = document["effect"] if document else {}
    told = {
        "verdict": pipeline.state,
        "reason": found.get("reason", ""),
        "sentence": tell_effect(found, document["measure"]) if document else "",
        "judged_at": to_ms(effect.judged_at),
        "sha256": effect.sha256,
        "intact": document is not None,
        "closed": closed | {"at": to_ms(effect.closed_at)} if effect.closed_at else None,
    }
    shown = {name: document and document[name] for name in ("measure", "days", "confounders")}
    guardrails = [shape_guardrail(one) for one in (document or {}).get("guardrails", ())]
    return told | shown | {"numbers": document and found, "guardrails": guardrails}


def shape_guardrail(one):
    """A frozen guardrail as GuardrailSerializer documents it."""
    told = describe_guardrail(one)
    shown = {name: getattr(told, name) for name in ("topic", "verdict", "reason", "sentence")}
    return shown | {"measure": one["measure"], "numbers": one["effect"], "days": one["days"]}
