"""Why a threshold did, or did not, fire."""

import time

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from metrics_app.api.params import read_time, refuse_others
from metrics_app.api.permissions import CanRead
from metrics_app.api.thresholds import REFUSED, find_threshold
from metrics_app.core.records import CLASSES, STATES
from metrics_app.services.explain import describe, explain


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
    breach = serializers.IntegerField(allow_null=True, help_text="That was open at the slot.")
    data_breach = serializers.BooleanField(help_text="It is open because no points came.")
    breach_version = serializers.IntegerField(allow_null=True, help_text="Of the rule that fired it.")
    outcome = serializers.CharField(allow_blank=True, help_text="What came of the breach.")

    def get_fields(self):
        """With ``class``, which Python cannot name."""
        return super().get_fields() | {"class": serializers.ChoiceField(CLASSES)}


class ExplainView(APIView):
    """One slot of a threshold."""

    permission_classes = [CanRead]

    @extend_schema(
        operation_id="explain_threshold",
        summary="Why the threshold did, or did not, fire",
        parameters=[OpenApiParameter("at", str, description="ms, ISO 8601 or -60; default: now.")],
        responses={200: ExplanationSerializer} | REFUSED,
    )
    def get(self, request, pk):
        """The newest slot up to ``at``."""
        now = time.time_ns() // 1_000_000
        refuse_others(request.query_params, "at", "format")
        threshold = find_threshold(request, pk, retired=True)
        at = read_time(request.query_params, "at", default="0", now=now)
        return Response(describe(explain(threshold, at, now=now), threshold))
