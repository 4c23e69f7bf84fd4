"""What the API answers."""

from django.contrib.auth.models import AnonymousUser
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from pipelines_app import queries
from pipelines_app.api.effect_shapes import EffectSerializer, describe_effect
from pipelines_app.api.record_shapes import RecordSerializer, describe_record
from pipelines_app.cards.execution import describe_execution
from pipelines_app.core.moments import to_ms
from pipelines_app.core.states import State
from pipelines_app.models import AuditEntry, Decision, Pipeline, Version
from pipelines_app.queries.finding import find_rejections
from pipelines_app.queries.unless import find_acting, find_unless


class MillisecondsField(serializers.IntegerField):
    """A moment as milliseconds since the epoch, UTC."""

    def to_representation(self, value):
        """The integer."""
        return to_ms(value)


class DecisionSerializer(serializers.ModelSerializer):
    """One person's vote."""

    by = serializers.CharField(source="by_name")
    instead_of = serializers.CharField(
        source="instead_of_name", help_text="Whose seat it fills, where not one's own."
    )
    at = MillisecondsField(source="created_at")

    class Meta:
        model = Decision
        fields = ["by", "instead_of", "vote", "comment", "version", "at"]


class AuditEntrySerializer(serializers.ModelSerializer):
    """One link of the audit chain."""

    at = MillisecondsField()
    data = serializers.SerializerMethodField(
        help_text="What you may see of it, without whom it mailed. Empty where the entry is not what was "
        "hashed."
    )

    def get_data(self, entry) -> dict:
        """Without the parts that its reader may not see."""
        return queries.show_entry(self.context["pipeline"], entry.data)

    class Meta:
        model = AuditEntry
        fields = ["seq", "at", "actor", "event", "data", "previous", "hash"]


class VersionSerializer(serializers.ModelSerializer):
    """One version as it was frozen; the audit entry that made it carries the hash of the text."""

    text = serializers.SerializerMethodField(
        help_text="JSON, as far as you may see it; `sha256` is that of the whole text."
    )
    created_at = MillisecondsField()

    class Meta:
        model = Version
        fields = ["number", "text", "sha256", "created_at"]

    def get_text(self, version) -> str:
        """What its reader may see of it."""
        return queries.show_text(self.context["pipeline"], version.text)


class RowSerializer(serializers.ModelSerializer):
    """A proposal in a list."""

    proposer = serializers.CharField(source="proposer_name")
    restricted_to = serializers.CharField(source="restricted_to.name", allow_null=True)
    deciders = serializers.CharField(
        source="deciders.name", allow_null=True, help_text="The group that decides; null: all who may."
    )
    escalation = serializers.CharField(
        source="escalation.name",
        allow_null=True,
        help_text="The group that may decide too once four fifths of the time are over.",
    )
    decisions = DecisionSerializer(many=True)
    created_at = MillisecondsField()
    due_at = MillisecondsField()
    decided_at = MillisecondsField(allow_null=True)
    carried_out_at = MillisecondsField(allow_null=True)
    latest_at = MillisecondsField(allow_null=True)

    class Meta:
        model = Pipeline
        fields = [
            "id",
            "title",
            "suggestion",
            "topic",
            "unit",
            "kpi",
            "severity",
            "state",
            "version",
            "quorum",
            "deciders",
            "escalation",
            "proposer",
            "program",
            "restricted_to",
            "decisions",
            "action",
            "noted",
            "latest_kpi",
            "latest_at",
            "created_at",
            "due_at",
            "decided_at",
            "carried_out_at",
            "outcome",
        ]


class ExecutionSerializer(serializers.Serializer):
    """What follows an approval, or how far it has come."""

    text = serializers.CharField(allow_blank=True)
    steps = serializers.ListField(child=serializers.CharField())
    undo_until = serializers.IntegerField(allow_null=True, help_text="ms; null where it cannot be undone.")


class UnlessSerializer(serializers.Serializer):
    """What the rejection of the present version waits for."""

    said = serializers.CharField(help_text="`unless above 60 h, until 3 March`.")
    by = serializers.CharField()
    value = serializers.FloatField(help_text="In `unit`, of the quantity that `label` names.")
    text = serializers.CharField()
    label = serializers.CharField()
    unit = serializers.CharField(allow_blank=True)
    until = MillisecondsField(help_text="Its end, exclusive.")
    acting = serializers.BooleanField(help_text="Whether it is still waited for.")


class RejectionSerializer(serializers.Serializer):
    """The last rejection of the same title and topic, else of another proposal on the same topic."""

    pipeline = serializers.IntegerField(source="pipeline_id", help_text="The id of the one rejected.")
    title = serializers.CharField(source="pipeline.title")
    suggestion = serializers.CharField(help_text="What was suggested then.")
    by = serializers.CharField(source="name")
    comment = serializers.CharField(help_text="Why not.")
    at = MillisecondsField(source="created_at")


class PipelineSerializer(RowSerializer):
    """A proposal with everything that is known about it."""

    evidence = serializers.SerializerMethodField(
        help_text="Frozen when it was opened; `named` is what its proposer named, with what it said then. "
        "Only what you may see; the hash is of the whole."
    )
    evidence_intact = serializers.BooleanField(help_text="Whether it still fits its hash.")
    versions = VersionSerializer(many=True)
    tampered = serializers.SerializerMethodField(
        help_text="What no longer fits the present version as it was frozen; empty where all does."
    )
    effect = serializers.SerializerMethodField(
        help_text="What came of it, judged once and frozen; null until its span is over, or where nothing "
        "measures it."
    )
    audit = AuditEntrySerializer(
        many=True, source="moves", help_text="Without the repeats, of which `noted` tells the number."
    )
    may_decide = serializers.SerializerMethodField(help_text="Whether you may vote on it now.")
    why_not = serializers.SerializerMethodField(help_text="Why you may not; empty if you may.")
    history = serializers.SerializerMethodField(
        help_text="What had become of like proposals when it was decided, or until now, as counts."
    )
    record = serializers.SerializerMethodField(
        help_text="What came of the same suggestion before, by what was measured of it."
    )
    rejected = serializers.SerializerMethodField(
        help_text="While it waits: the last rejection that whoever decides should know; null without one."
    )
    unless = serializers.SerializerMethodField(
        help_text="What a rejected proposal waits for; null where it was rejected for good, or not rejected."
    )
    execution = serializers.SerializerMethodField(
        help_text="What follows an approval, or how far it has come, in words; what you may do about it."
    )

    class Meta(RowSerializer.Meta):
        fields = [
            *RowSerializer.Meta.fields,
            "origin",
            "rationale",
            "action_params",
            "evidence",
            "evidence_sha256",
            "evidence_intact",
            "versions",
            "tampered",
            "effect",
            "audit",
            "may_decide",
            "why_not",
            "history",
            "record",
            "rejected",
            "unless",
            "execution",
        ]

    def get_evidence(self, pipeline) -> dict:
        """As its reader may see it."""
        return queries.show_parts(pipeline, pipeline.evidence)

    def get_tampered(self, pipeline) -> str:
        """A sentence, or an empty text."""
        return queries.tell_tampering(pipeline)

    @extend_schema_field(EffectSerializer(allow_null=True))
    def get_effect(self, pipeline):
        """None until it is judged."""
        return describe_effect(pipeline)

    def get_may_decide(self, pipeline) -> bool:
        """Whether the reader may vote."""
        return not self.get_why_not(pipeline)

    def get_why_not(self, pipeline) -> str:
        """A sentence, or an empty text."""
        if not pipeline.is_open:
            return queries.tell_end(pipeline, queries.find_deciding_vote(pipeline))
        user = self.context["person"]
        return (
            queries.why_not_decide(pipeline, user) if user else "Decisions are made by people, not by keys."
        )

    @extend_schema_field(RejectionSerializer(allow_null=True))
    def get_rejected(self, pipeline):
        """Of what is visible to the reader."""
        if not pipeline.is_open:
            return None
        vote = find_rejections([pipeline], among=self.context["visible"]).get(pipeline.pk)
        return vote and RejectionSerializer(vote).data

    @extend_schema_field(UnlessSerializer(allow_null=True))
    def get_unless(self, pipeline):
        """As the chain tells it."""
        unless = find_unless(pipeline) if pipeline.state == State.REJECTED else None
        acting = {"acting": find_acting(pipeline) is not None}
        return unless and UnlessSerializer(vars(unless) | acting).data

    @extend_schema_field(ExecutionSerializer)
    def get_execution(self, pipeline):
        """Words, the steps that are open to the reader, and until when it can be undone."""
        person = self.context["person"] or AnonymousUser()
        found = describe_execution(pipeline, person)
        return {
            "text": found.blocked or found.follows or found.progress,
            "steps": list(found.steps),
            "undo_until": found.begins,
        }

    def get_history(self, pipeline) -> dict[str, int]:
        """Counts of the like proposals before it that are visible to the reader."""
        return queries.count_like(pipeline, among=self.context["visible"])

    @extend_schema_field(RecordSerializer)
    def get_record(self, pipeline):
        """The cases that are visible to the reader, and what they come to."""
        return describe_record(pipeline, self.context["visible"])


class ErrorSerializer(serializers.Serializer):
    """One fault."""

    field = serializers.CharField(allow_null=True)
    message = serializers.CharField()


class PipelineErrorsSerializer(serializers.Serializer):
    """Every answer from 400 on; 409 also says how the proposal stands and whose vote was first."""

    errors = ErrorSerializer(many=True)
    state = serializers.CharField(required=False)
    version = serializers.IntegerField(required=False)
    decision = DecisionSerializer(required=False, allow_null=True)
