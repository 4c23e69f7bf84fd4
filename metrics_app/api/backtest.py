"""What a threshold, stored or only thought of, would have done over the history of its KPI."""

from rest_framework import serializers
from rest_framework.response import Response

from metrics_app.api.documented import operation
from metrics_app.api.params import MomentParam, Query, WholeParam
from metrics_app.api.thresholds import ThresholdSerializer, ThresholdsView, find_watched
from metrics_app.models import Threshold
from metrics_app.services.rules.backtest import DEFAULT_SPAN, backtest_history, describe, make_rule
from metrics_app.services.rules.fields import check_rule


class BacktestQuery(Query):
    """The span, and how finely it is judged."""

    to = MomentParam(0)
    step = WholeParam(60, 86_400, help_text="Seconds between slots; default: as fine as is quick.")

    def get_fields(self):
        """With ``from``, which Python cannot name."""
        start = MomentParam(DEFAULT_SPAN // 1000, help_text="As `to`; default: 30 days ago.")
        return {"from": start} | super().get_fields()


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
    ticks_incomparable = serializers.IntegerField(
        help_text="Slots with points and nothing to compare them with: of changes and trends."
    )
    breaches = IncidentSerializer(many=True, help_text="The newest 200.")
    recorded_seconds = serializers.IntegerField(
        help_text="Of the span, in which points were recorded: of the rest nobody knows what would have been."
    )
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


class BacktestingView(ThresholdsView):
    """What both addresses share; they read, whatever the method."""

    def answer_backtest(self, threshold):
        """The response for a threshold over the span that is asked for."""
        start, end = self.query["from"], min(self.query["to"], self.now)
        rule, step = make_rule(threshold), self.query.get("step")
        found = backtest_history(threshold.kpi.topic, rule, start, end, step=step)
        return Response(BacktestSerializer(describe(found, threshold, threshold.kpi)).data)


class BacktestView(BacktestingView):
    """A stored threshold."""

    @operation(
        "backtest_threshold",
        "What the threshold would have done",
        query=BacktestQuery,
        answers={200: BacktestSerializer},
    )
    def get(self, request, pk):
        """Breaches, time in red and what would have been proposed."""
        return self.answer_backtest(self.find(pk))


class DraftBacktestView(BacktestingView):
    """A rule that is not stored."""

    @operation(
        "backtest_draft",
        "What a rule would have done, before it is saved",
        query=BacktestQuery,
        body=ThresholdSerializer,
        answers={200: BacktestSerializer},
    )
    def post(self, request):
        """As for a stored threshold; nothing is written."""
        body = dict(self.read_body())
        body.pop("reason", None)
        threshold = Threshold(kpi=find_watched(self.who, body.pop("kpi")["topic"]), **body)
        check_rule(threshold)
        return self.answer_backtest(threshold)
