"""Breaches over HTTP: incidents with their timeline, newest first. Read only."""

from rest_framework import serializers

from metrics_app.api.base import RowsView
from metrics_app.api.documented import operation
from metrics_app.api.fields import RowSerializer
from metrics_app.api.params import LARGEST_ID, FlagParam, ListQuery, TopicParam, WholeParam
from metrics_app.models import Breach, BreachEvent


class EventSerializer(RowSerializer):
    """A line of a timeline; ``at`` in ms."""

    class Meta:
        model = BreachEvent
        fields = ["at", "kind", "text"]


class BreachSerializer(RowSerializer):
    """One incident; times in ms, ``recovered_at`` null while it is open."""

    topic = serializers.CharField(source="threshold.kpi.topic", read_only=True)
    timeline = EventSerializer(many=True, read_only=True)

    class Meta:
        model = Breach
        fields = [
            *("id", "threshold", "topic", "kind", "version", "severity", "since", "fired_at", "recovered_at"),
            *("value", "n", "peak", "reopened", "caught_up", "outcome", "timeline"),
        ]
        read_only_fields = fields


class BreachQuery(ListQuery):
    """Which breaches."""

    threshold = WholeParam(1, LARGEST_ID)
    topic = TopicParam(source="threshold__kpi__topic", required=False)
    open = FlagParam(source="recovered_at__isnull", required=False)


class BreachesView(RowsView):
    """Breaches of the KPIs one may see."""

    serializer_class = BreachSerializer
    topic_path = "threshold__kpi__topic"
    noun = "breach"

    def get_rows(self):
        """Newest first."""
        return Breach.objects.select_related("threshold__kpi").prefetch_related("timeline")


class BreachListView(BreachesView):
    """All breaches."""

    @operation(
        "list_breaches",
        "Incidents with their timeline, newest first",
        query=BreachQuery,
        answers={200: BreachSerializer(many=True)},
    )
    def get(self, request):
        """One page."""
        return self.answer_list()


class BreachView(BreachesView):
    """One breach."""

    @operation("get_breach", "An incident with its timeline", answers={200: BreachSerializer})
    def get(self, request, pk):
        """The breach."""
        return self.answer(self.find(pk))
