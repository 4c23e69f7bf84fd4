"""Thresholds over HTTP: reading for all who see the KPI, writing by Django's permissions."""

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.response import Response
from rest_framework.views import APIView

from metrics_app.api.fields import Choice, Flag, Number, Params, Text, Whole
from metrics_app.api.pagination import ListPagination
from metrics_app.api.params import refuse_parameters
from metrics_app.api.parsing import SmallJSONParser
from metrics_app.api.permissions import CanRead, identify
from metrics_app.api.schema import ErrorsSerializer
from metrics_app.core.aggregates import list_choices
from metrics_app.core.deadman import is_silence_rule
from metrics_app.core.points import check_topic
from metrics_app.exceptions import BadInput, Conflict
from metrics_app.models import Kpi, Threshold
from metrics_app.services.rules.thresholds import delete_threshold, save_threshold
from metrics_app.services.visibility import limit_to_visible
from metrics_app.services.watch.states import read_states

REFUSED = {
    400: OpenApiResponse(ErrorsSerializer, "What is wrong, by field."),
    401: OpenApiResponse(ErrorsSerializer, "Not logged in and no valid key."),
    403: OpenApiResponse(ErrorsSerializer, "Not allowed."),
    404: OpenApiResponse(ErrorsSerializer, "No such threshold, or not for you."),
}
READ_ONLY = (
    *("id", "kind", "key", "state", "since", "value", "data", "data_since", "flapping", "missed"),
    "silenced",
)
PERMISSIONS = {"POST": "add", "PATCH": "change", "DELETE": "delete"}


class ThresholdSerializer(serializers.Serializer):
    """A threshold; durations in seconds, times in ms."""

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
    limit = Number(help_text="In the KPI's unit; for counts and rates a plain number.")
    recovery_limit = Number(required=False, allow_null=True, help_text="Null: the limit.")
    pending_for = Whole(required=False)
    keep_firing_for = Whole(required=False)
    min_count = Whole(required=False)
    no_data = Choice(Threshold.NoData.choices, required=False)
    no_data_for = Whole(required=False)
    interval = Whole(required=False)
    delay = Whole(required=False, help_text="Seconds an evaluation waits for late points.")
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
    state = serializers.ChoiceField(["ok", "pending", "firing", "recovering"], read_only=True)
    since = serializers.IntegerField(read_only=True, allow_null=True)
    value = serializers.FloatField(read_only=True, allow_null=True, help_text="As last judged.")
    data = serializers.ChoiceField(["fresh", "thin", "empty", "error", "behind"], read_only=True)
    data_since = serializers.IntegerField(read_only=True, allow_null=True)
    flapping = serializers.BooleanField(
        read_only=True, help_text="Its state changes too often to be relied on."
    )
    missed = serializers.IntegerField(read_only=True, help_text="Slots that nobody could judge in time.")
    silenced = serializers.CharField(read_only=True, help_text="Until when, by whom and why; or empty.")
    version = Whole(
        required=False,
        help_text="In a change the version it was made on: 409 if somebody saved another one since.",
    )

    def to_internal_value(self, data):
        """Refuses what nobody can set, rather than to ignore it."""
        if isinstance(data, dict):
            refuse_fields(data, [name for name, field in self.fields.items() if not field.read_only])
        return super().to_internal_value(data)

    def to_representation(self, threshold):
        """The rule, and its state from ``context["states"]``."""
        names = [
            name
            for name in self.fields
            if name not in READ_ONLY and name not in ("topic", "reason", "version")
        ]
        view = self.context["states"][threshold.pk]
        return (
            {"id": threshold.pk, "kind": threshold.kind, "key": threshold.key, "topic": threshold.kpi.topic}
            | {name: getattr(threshold, name) for name in names}
            | {"state": view.state, "since": view.since, "value": view.value, "data": view.data}
            | {"data_since": view.data_since, "flapping": view.flapping, "missed": view.missed}
            | {"silenced": view.silenced, "version": threshold.version}
        )


def refuse_fields(data, writable):
    """BadInput for every field that is unknown or only read."""
    errors = [
        {
            "field": str(name)[:100],
            "message": "is read-only" if name in READ_ONLY else "is not a field of a threshold",
        }
        for name in data
        if name not in writable
    ]
    if errors:
        raise BadInput("unknown or read-only fields", errors=errors)


class MayWrite(CanRead):
    """Reading as everywhere; writing for people with the model's permission."""

    def has_permission(self, request, view):
        """Whether the method is allowed; keys never write."""
        action = PERMISSIONS.get(request.method)
        if action is None or not request.user.is_authenticated:
            return super().has_permission(request, view)
        self.message = f"You need the permission metrics_app.{action}_threshold; keys cannot have it."
        return request.user.has_perm(f"metrics_app.{action}_threshold")


def list_visible(request, *, retired=False):
    """Thresholds of the KPIs one may see; with ``retired`` also those that are kept for their breaches."""
    rows = Threshold.objects.select_related("kpi").order_by("pk")
    if not retired:
        rows = rows.filter(retired_at=None)
    return limit_to_visible(rows, identify(request), "kpi__topic")


def find_threshold(request, pk, *, lock=False, retired=False):
    """The threshold, locked for a change if that is asked for, or 404; ``retired`` as in ``list_visible``."""
    rows = list_visible(request, retired=retired)
    threshold = (rows.select_for_update(of=("self",)) if lock else rows).filter(pk=pk).first()
    if threshold is None:
        raise NotFound(f"There is no threshold {pk}, or you may not see it.")
    return threshold


def find_writable(request, pk, lock=False):
    """``find_threshold`` for a change; 409 for one that is kept by its KPI."""
    threshold = find_threshold(request, pk, lock=lock)
    if is_silence_rule(threshold):
        raise Conflict(
            f"Threshold {pk} is kept by the expected interval of {threshold.kpi.topic}: set it there."
        )
    return threshold


def render(thresholds, many=False):
    """The JSON of one threshold or of several."""
    rows = thresholds if many else [thresholds]
    return ThresholdSerializer(thresholds, many=many, context={"states": read_states(rows)}).data


def save(request, threshold, data):
    """Applies validated fields and saves; the threshold. BadInput."""
    data = dict(data)
    reason, seen = data.pop("reason", ""), data.pop("version", None)
    topic = data.pop("kpi", {}).get("topic")
    if topic is not None:
        threshold.kpi = find_kpi(request, topic)
    for name, value in data.items():
        setattr(threshold, name, value)
    return save_threshold(threshold, by=request.user, reason=reason, seen=seen)


def find_kpi(request, topic):
    """The ``Kpi`` a threshold is to watch; BadInput for one that is unknown, or not for this person."""
    kpis = limit_to_visible(Kpi.objects.filter(topic=check_topic(topic)), identify(request), "topic")
    kpi = kpis.first()
    if kpi is None:
        raise BadInput(f"{topic!r} is no KPI: send it a point, or create it in the admin", field="topic")
    return kpi


class ThresholdListView(APIView):
    """All thresholds."""

    permission_classes = [MayWrite]
    parser_classes = [SmallJSONParser]

    @extend_schema(
        operation_id="list_thresholds",
        summary="The thresholds of the KPIs you may see",
        parameters=[
            OpenApiParameter("topic", str),
            OpenApiParameter("limit", int),
            OpenApiParameter("offset", int),
        ],
        responses={200: ThresholdSerializer(many=True)} | REFUSED,
    )
    def get(self, request):
        """One page."""
        refuse_parameters(request.query_params, "topic")
        rows, topic = list_visible(request), request.query_params.get("topic")
        if topic is not None:
            rows = rows.filter(kpi__topic=check_topic(topic))
        pages = ListPagination()
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(render(page, many=True))

    @extend_schema(
        operation_id="create_threshold",
        summary="Create a threshold; it is judged at once",
        request=ThresholdSerializer,
        responses={201: ThresholdSerializer} | REFUSED,
    )
    def post(self, request):
        """The new threshold."""
        if isinstance(request.data, dict) and "version" in request.data:
            raise BadInput("is read-only: a new threshold has version 1", field="version")
        serializer = ThresholdSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        threshold = save(request, Threshold(), serializer.validated_data)
        # Read again: by now it has been judged.
        return Response(render(find_threshold(request, threshold.pk)), status=201)


class ThresholdView(APIView):
    """One threshold."""

    permission_classes = [MayWrite]
    parser_classes = [SmallJSONParser]

    @extend_schema(
        operation_id="get_threshold", summary="A threshold", responses={200: ThresholdSerializer} | REFUSED
    )
    def get(self, request, pk):
        """The threshold with its state."""
        return Response(render(find_threshold(request, pk)))

    @extend_schema(
        operation_id="change_threshold",
        summary="Change some fields; a new version, judged at once",
        request=ThresholdSerializer(partial=True),
        responses={
            200: ThresholdSerializer,
            409: OpenApiResponse(ErrorsSerializer, "Kept by its KPI, or changed since `version`."),
        }
        | REFUSED,
    )
    def patch(self, request, pk):
        """The threshold after the change."""
        serializer = ThresholdSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        # Locked from reading on: of two people who change different fields both are heard.
        with transaction.atomic():
            save(request, find_writable(request, pk, lock=True), serializer.validated_data)
        return Response(render(find_threshold(request, pk)))

    @extend_schema(
        operation_id="delete_threshold",
        summary="Delete a threshold; its breaches, and why they fired, stay on record",
        responses={204: None} | REFUSED,
    )
    def delete(self, request, pk):
        """Nothing."""
        delete_threshold(find_writable(request, pk), by=request.user)
        return Response(status=204)
