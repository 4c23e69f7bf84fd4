"""The track record of a suggestion, as the API answers it."""

from rest_framework import serializers

from pipelines_app import queries
from pipelines_app.cards.track_records import tell_record
from pipelines_app.core.track_records import KINDS, tell_review


class Ids(serializers.ListField):
    """Ids of proposals, oldest first."""

    child = serializers.IntegerField()


class CasesSerializer(serializers.Serializer):
    """The approved proposals of a suggestion by what they count as; each stands once."""

    effective = Ids()
    ineffective = Ids()
    harmful = Ids()
    inconclusive = Ids()
    together = Ids(help_text="Another action fell into the span: not counted.")
    touched = Ids(help_text="Not as it was judged or frozen: not counted.")
    unjudged = Ids(help_text="Not judged, or not yet.")


class PoolSerializer(serializers.Serializer):
    """What like cases come to together (DerSimonian and Laird), with its 95 % interval."""

    is_ratio = serializers.BooleanField(help_text="In per cent of what was expected; else in the unit.")
    unit = serializers.CharField(allow_blank=True)
    better = serializers.CharField(help_text="`lower` or `higher`.")
    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    cases = Ids()


class RecordSerializer(serializers.Serializer):
    """What came of the same suggestion before, among what you may see: docs/effect.md."""

    text = serializers.CharField(allow_blank=True, help_text="In one line; empty where never approved.")
    review = serializers.CharField(
        allow_blank=True, help_text="`Review the approach: …` where it helped nothing twice, or did harm."
    )
    review_of = Ids(help_text="The proposals because of which.")
    pools = PoolSerializer(many=True, help_text="That of the most cases first.")
    cases = CasesSerializer()


def describe_record(pipeline, visible):
    """The record of a proposal's suggestion as RecordSerializer documents it."""
    record = queries.find_record(pipeline, among=visible)
    names = ("is_ratio", "unit", "better", "value", "low", "high", "cases")
    return {
        "text": tell_record(record),
        "review": tell_review(record),
        "review_of": [case.id for case in record.review],
        "pools": [{name: getattr(pool, name) for name in names} for pool in record.pools],
        "cases": {kind: record.list_ids(kind) for kind in KINDS},
    }
