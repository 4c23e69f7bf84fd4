"""Why a threshold did, or did not, fire."""

from rest_framework import serializers
from rest_framework.response import Response

from metrics_app.api.documented import operation
from metrics_app.api.params import MomentParam, Query
from metrics_app.api.thresholds import ThresholdsView
from metrics_app.core.records import CLASSES, STATES
from metrics_app.models import Threshold
from metrics_app.services.explain import describe, explain


class ExplainQuery(Query):
    """Which slot: the newest up to ``at``."""

    at = MomentParam(0, help_text="ms, ISO 8601 or -60; default: now.")


class ComparedSerializer(serializers.Serializer):
    """The window that a change is held against, as it is known today; times in ms."""

    start = serializers.IntegerField()
    end = serializers.IntegerField()
    value = serializers.FloatField(allow_null=True, help_text="Null: no point, or none recorded then.")
    n = serializers.IntegerField()


class ExplanationSerializer(serializers.Serializer):
    """One slot; times in ms, ``window`` in seconds."""

    threshold = serializers.IntegerField()
    topic = serializers.CharField()
    slot = serializers.IntegerField(help_text="The points with window_start ≤ ts < slot were judged.")
    window_start = serializers.IntegerField()
    rule = serializers.CharField(help_text="In words.")
    version = serializers.IntegerField(help_text="Of the rule that was judged.")
    value = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField()
    window = serializers.IntegerField()
    before = serializers.ChoiceField(STATES, allow_null=True, help_text="Null: not known.")
    after = serializers.ChoiceField(STATES)
    reason = serializers.CharField()
    source = serializers.ChoiceField(["record", "minutes"], help_text="minutes: recomputed.")
    revised = serializers.BooleanField(help_text="Points arrived after it was judged.")
    value_now = serializers.FloatField(allow_null=True, help_text="Where revised.")
    n_now = serializers.IntegerField(allow_null=True)
    compared_with = ComparedSerializer(allow_null=True, help_text="Of a change; of any other null.")
    breach = serializers.IntegerField(allow_null=True, help_text="That was open at the slot.")
    data_breach = serializers.BooleanField(help_text="It is open because no points came.")
    breach_version = serializers.IntegerField(allow_null=True, help_text="Of the rule that fired it.")
    outcome = serializers.CharField(allow_blank=True, help_text="What came of the breach.")

    def get_fields(self):
        """With ``class``, which Python cannot name."""
        return super().get_fields() | {"class": serializers.ChoiceField(CLASSES)}


class ExplainView(ThresholdsView):
    """One slot of a threshold."""

    def get_rows(self):
        """Those too that are only kept for their breaches."""
        return Threshold.objects.select_related("kpi")

    @operation(
        "explain_threshold",
        "Why the threshold did, or did not, fire",
        query=ExplainQuery,
        answers={200: ExplanationSerializer},
    )
    def get(self, request, pk):
        """The newest slot up to ``at``."""
        threshold = self.find(pk)
        found = explain(threshold, self.query["at"], now=self.now)
        return Response(ExplanationSerializer(describe(found, threshold)).data)
