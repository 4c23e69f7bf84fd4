"""What a threshold, stored or only thought of, would have done over the history of its KPI."""

import time

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from metrics_app.api.params import read_integer, read_time, refuse_others
from metrics_app.api.permissions import CanRead
from metrics_app.api.thresholds import (
    REFUSED,
    MayWrite,
    ThresholdSerializer,
    find_kpi,
    find_threshold,
)
from metrics_app.models import Threshold
from metrics_app.services.rules.backtest import DEFAULT_SPAN, backtest_history, describe, make_rule
from metrics_app.services.rules.fields import check_rule

SPAN = [
    OpenApiParameter("from", str, description="ms, ISO 8601 or seconds before now; default: 30 days ago."),
    OpenApiParameter("to", str, description="As `from`; default: now."),
    OpenApiParameter("step", int, description="Seconds between slots; default: as fine as is quick."),
]


class IncidentSerializer(serializers.Serializer):
    """A breach; times in ms."""

    start = serializers.IntegerField()
    end = serializers.IntegerField(allow_null=True, help_text="Null: still open at the end.")
    peak = serializers.FloatField(allow_null=True)


class BacktestSerializer(serializers.Serializer):
    """What a rule would have done; durations in seconds."""

    step = serializers.IntegerField(help_text="Between two slots.")
    window = serializers.IntegerField(
        help_text="As judged: longer than the rule's only where nothing finer is kept."
    )
    ticks = serializers.IntegerField(help_text="Slots judged.")
    ticks_in_breach = serializers.IntegerField(help_text="Slots of class breach.")
    breaches = IncidentSerializer(many=True, help_text="The newest 200.")
    breach_count = serializers.IntegerField()
    data_breaches = IncidentSerializer(many=True)
    red_seconds = serializers.IntegerField()
    pipelines = serializers.IntegerField(help_text="What it would have proposed.")
    usual_count = serializers.IntegerField(help_text="Points a window usually holds, if any.")
    sentence = serializers.CharField()
    warning = serializers.CharField(allow_blank=True)
    chart = serializers.DictField()

    def get_fields(self):
        """With ``from`` and ``to``, which Python cannot name."""
        ends = {name: serializers.IntegerField(help_text="ms") for name in ("from", "to")}
        return ends | super().get_fields()


def answer(request, threshold):
    """The response for a threshold over the span that is asked for."""
    now, params = time.time_ns() // 1_000_000, request.query_params
    refuse_others(params, "from", "to", "step", "format")
    start = read_time(params, "from", default=str(-DEFAULT_SPAN // 1000), now=now)
    end = min(read_time(params, "to", default="0", now=now), now)
    step = read_integer(params, "step", default=None, low=60, high=86_400)
    found = backtest_history(threshold.kpi.topic, make_rule(threshold), start, end, step=step)
    return Response(describe(found, threshold, threshold.kpi))


class BacktestView(APIView):
    """A stored threshold."""

    permission_classes = [CanRead]

    @extend_schema(
        operation_id="backtest_threshold",
        summary="What the threshold would have done",
        parameters=SPAN,
        responses={200: BacktestSerializer} | REFUSED,
    )
    def get(self, request, pk):
        """Breaches, time in red and what would have been proposed."""
        return answer(request, find_threshold(request, pk))


class DraftBacktestView(APIView):
    """A rule that is not stored."""

    permission_classes = [MayWrite]

    @extend_schema(
        operation_id="backtest_draft",
        summary="What a rule would have done, before it is saved",
        parameters=SPAN,
        request=ThresholdSerializer,
        responses={200: BacktestSerializer} | REFUSED,
    )
    def post(self, request):
        """As for a stored threshold; nothing is written."""
        serializer = ThresholdSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = dict(serializer.validated_data)
        data.pop("reason", None)
        kpi = find_kpi(request, data.pop("kpi")["topic"])
        threshold = Threshold(kpi=kpi, **data)
        check_rule(threshold)
        return answer(request, threshold)
