"""Thresholds over HTTP: reading for all who see the KPI, writing by Django's permissions."""

from django.db import transaction
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response

from metrics_app.api.base import RowsView
from metrics_app.api.documented import operation
from metrics_app.api.fields import Choice, Figure, Flag, Number, Params, Text, Whole
from metrics_app.api.params import ListQuery, TopicParam
from metrics_app.api.permissions import PeopleWrite
from metrics_app.api.strict import Body
from metrics_app.core.aggregates import list_choices
from metrics_app.core.deadman import is_silence_rule
from metrics_app.core.points import check_topic
from metrics_app.core.records import STATES
from metrics_app.exceptions import BadInput, Conflict
from metrics_app.models import Kpi, Threshold
from metrics_app.services.rules.repeats import warn_of_repeats
from metrics_app.services.rules.thresholds import delete_threshold, save_threshold
from metrics_app.services.visibility import limit_to_visible
from metrics_app.services.watch.states import read_states


@extend_schema_field({"type": "number", "format": "double", "nullable": True})
class Limit(Number):
    """A finite number; null only in the answer of a rule that watches for silence."""


class ThresholdSerializer(Body):
    """A threshold; durations in seconds, times in ms."""

    noun = "a threshold"
    id = serializers.IntegerField(read_only=True)
    kind = serializers.ChoiceField(
        Threshold.Kind.choices, read_only=True, help_text="silence: kept by the KPI's expected interval."
    )
    key = serializers.CharField(read_only=True, help_text="What files call it; it never changes.")
    topic = Text(source="kpi.topic", help_text="An existing KPI; it cannot be changed later.")
    name = Text(required=False, allow_blank=True, help_text="Empty: made from the rule.")
    aggregate = Choice(list_choices)
    aggregate_value = Number(
        required=False, allow_null=True, help_text="Where a share divides or a trend leads."
    )
    window = Whole(help_text="Seconds the rule looks back.")
    operator = Choice(Threshold.Operator.choices)
    limit = Limit(help_text="In the KPI's unit; for counts and rates a plain number.")
    recovery_limit = Number(required=False, allow_null=True, help_text="Null: the limit.")
    pending_for = Whole(required=False)
    keep_firing_for = Whole(required=False)
    min_count = Whole(required=False)
    no_data = Choice(Threshold.NoData.choices, required=False)
    no_data_for = Whole(required=False)
    interval = Whole(required=False)
    delay = Whole(required=False, help_text="Seconds an evaluation waits for late points.")
    zone = Text(
        required=False,
        allow_blank=True,
        help_text="By whose clock a change finds the day or week before, such as Europe/Berlin: after clocks "
        "were moved that is 23, 25, 167 or 169 h ago. Empty: UTC.",
    )
    judge_partial = Flag(
        required=False,
        help_text="Judge a count, sum or rate also over a window that reaches back before the KPI's first "
        "day, or over points that are known to be lost. False: such a slot is thin, unless what is known "
        "of it proves its class.",
    )
    severity = Choice(Threshold.Severity.choices, required=False)
    cooldown = Whole(required=False)
    enabled = Flag(required=False)
    title = Text(required=False, allow_blank=True, help_text="Empty: it proposes nothing.")
    suggestion = Text(required=False, allow_blank=True)
    action = Text(required=False, allow_blank=True)
    action_params = Params(required=False)
    reason = Text(
        required=False, allow_blank=True, write_only=True, max_length=500, help_text="Why it is so."
    )
    state = serializers.ChoiceField(STATES, source="seen.state", read_only=True)
    since = serializers.IntegerField(source="seen.since", read_only=True, allow_null=True)
    value = Figure(source="seen.value", help_text="As last judged.")
    data = serializers.ChoiceField(
        ["fresh", "thin", "empty", "incomparable", "error", "behind"],
        source="seen.data",
        read_only=True,
        help_text="incomparable: points came, but a change has no window before to be held against (or one "
        "that came to 0), or a trend too few minutes.",
    )
    data_since = serializers.IntegerField(source="seen.data_since", read_only=True, allow_null=True)
    judged_at = serializers.IntegerField(
        source="seen.judged_at", read_only=True, allow_null=True, help_text="The slot judged last."
    )
    unjudged_since = serializers.IntegerField(
        source="seen.unjudged_since",
        read_only=True,
        allow_null=True,
        help_text="Up to when it was judged, where nobody has since, as of one that is switched off "
        "or was not judged yet: `state` and `data` are then only what was kept.",
    )
    flapping = serializers.BooleanField(
        source="seen.flapping", read_only=True, help_text="Its state changes too often to be relied on."
    )
    missed = serializers.IntegerField(
        source="seen.missed", read_only=True, help_text="Slots that nobody could judge in time."
    )
    silenced = serializers.CharField(
        source="seen.silenced", read_only=True, help_text="Until when, by whom and why; or empty."
    )
    warnings = serializers.ListField(
        child=serializers.CharField(),
        read_only=True,
        help_text="Texts about the rule that repeat numbers which it no longer has, a sentence each.",
    )
    version = Whole(
        required=False,
        help_text="In a change the version it was made on: 409 if somebody saved another one since.",
    )


class ThresholdQuery(ListQuery):
    """Which thresholds."""

    topic = TopicParam(source="kpi__topic", required=False)


class ThresholdsView(RowsView):
    """The thresholds of the KPIs one may see."""

    permission_classes = [PeopleWrite]
    writing = {
        "POST": "metrics_app.add_threshold",
        "PATCH": "metrics_app.change_threshold",
        "DELETE": "metrics_app.delete_threshold",
    }
    serializer_class = ThresholdSerializer
    topic_path = "kpi__topic"
    noun = "threshold"

    def get_rows(self):
        """In the order in which they were made; without those that are kept for their breaches only."""
        return Threshold.objects.select_related("kpi").filter(retired_at=None).order_by("pk")

    def find_writable(self, pk):
        """The row, for a change; 409 for one that is kept by its KPI."""
        threshold = self.find(pk)
        if is_silence_rule(threshold):
            raise Conflict(
                f"Threshold {pk} is kept by the expected interval of {threshold.kpi.topic}: set it there."
            )
        return threshold

    def render(self, rows, *, many=False):
        """With the states of all, read in one go."""
        thresholds = rows if many else [rows]
        states = read_states(thresholds)
        for threshold, warnings in zip(thresholds, warn_of_repeats(thresholds), strict=True):
            threshold.seen, threshold.warnings = states[threshold.pk], warnings
        return super().render(rows, many=many)


def save(threshold, data, *, by, who):
    """Applies validated fields and saves; the threshold. BadInput."""
    data = dict(data)
    reason, seen = data.pop("reason", ""), data.pop("version", None)
    topic = data.pop("kpi", {}).get("topic")
    if topic is not None:
        threshold.kpi = find_watched(who, topic)
    for name, value in data.items():
        setattr(threshold, name, value)
    return save_threshold(threshold, by=by, reason=reason, seen=seen)


def find_watched(who, topic):
    """The ``Kpi`` a threshold is to watch; BadInput for one that is unknown, or not for ``who``."""
    kpi = limit_to_visible(Kpi.objects.filter(topic=check_topic(topic)), who, "topic").first()
    if kpi is None:
        raise BadInput(f"{topic!r} is no KPI: send it a point, or create it in the admin", field="topic")
    return kpi


class ThresholdListView(ThresholdsView):
    """All thresholds."""

    @operation(
        "list_thresholds",
        "The thresholds of the KPIs you may see",
        query=ThresholdQuery,
        answers={200: ThresholdSerializer(many=True)},
    )
    def get(self, request):
        """One page."""
        return self.answer_list()

    @operation(
        "create_threshold",
        "Create a threshold; it is judged at once",
        body=ThresholdSerializer,
        answers={201: ThresholdSerializer},
    )
    def post(self, request):
        """The new threshold."""
        body = self.read_body()
        if "version" in body:
            raise BadInput("is read-only: a new threshold has version 1", field="version")
        threshold = save(Threshold(), body, by=request.user, who=self.who)
        # Read again: by now it has been judged.
        return self.answer(self.find(threshold.pk), 201)


class ThresholdView(ThresholdsView):
    """One threshold."""

    @operation("get_threshold", "A threshold", answers={200: ThresholdSerializer})
    def get(self, request, pk):
        """The threshold with its state."""
        return self.answer(self.find(pk))

    @operation(
        "change_threshold",
        "Change some fields; a new version, judged at once",
        body=ThresholdSerializer,
        answers={200: ThresholdSerializer},
        faults={409: "Kept by its KPI, or changed since `version`."},
    )
    def patch(self, request, pk):
        """The threshold after the change."""
        body = self.read_body()
        # Locked from reading on: of two people who change different fields both are heard.
        with transaction.atomic():
            self.lock(pk)
            save(self.find_writable(pk), body, by=request.user, who=self.who)
        return self.answer(self.find(pk))

    @operation(
        "delete_threshold",
        "Delete a threshold; its breaches, and why they fired, stay on record",
        answers={204: None},
        faults={409: "Kept by its KPI."},
    )
    def delete(self, request, pk):
        """Nothing."""
        delete_threshold(self.find_writable(pk), by=request.user)
        return Response(status=204)

    def lock(self, pk):
        """Lets nobody else change the row until the transaction is over."""
        Threshold.objects.select_for_update().filter(pk=pk).first()
