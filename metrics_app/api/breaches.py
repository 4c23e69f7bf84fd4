"""Breaches over HTTP: incidents with their timeline, newest first. Read only."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.response import Response
from rest_framework.views import APIView

from metrics_app.api.pagination import ListPagination
from metrics_app.api.params import read_integer, refuse_parameters
from metrics_app.api.permissions import CanRead, identify
from metrics_app.api.thresholds import REFUSED
from metrics_app.core.points import check_topic
from metrics_app.exceptions import BadInput
from metrics_app.models import Breach, BreachEvent
from metrics_app.services.visibility import limit_to_visible

LARGEST = 10**18 - 1


class EventSerializer(serializers.ModelSerializer):
    """A line of a timeline; ``at`` in ms."""

    class Meta:
        model = BreachEvent
        fields = ["at", "kind", "text"]


class BreachSerializer(serializers.ModelSerializer):
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


def list_visible(request):
    """Breaches of the KPIs one may see, newest first."""
    rows = Breach.objects.select_related("threshold__kpi").prefetch_related("timeline")
    return limit_to_visible(rows, identify(request), "threshold__kpi__topic")


def filter_rows(rows, params):
    """The rows that ``?threshold=&topic=&open=`` ask for; BadInput."""
    topic, is_open = params.get("topic"), params.get("open")
    threshold = read_integer(params, "threshold", default=None, low=1, high=LARGEST)
    if threshold is not None:
        rows = rows.filter(threshold=threshold)
    if topic is not None:
        rows = rows.filter(threshold__kpi__topic=check_topic(topic))
    if is_open is not None:
        if is_open not in ("true", "false"):
            raise BadInput(f"{is_open[:50]!r} is neither true nor false", field="open")
        rows = rows.filter(recovered_at__isnull=is_open == "true")
    return rows


class BreachListView(APIView):
    """All breaches."""

    permission_classes = [CanRead]

    @extend_schema(
        operation_id="list_breaches",
        summary="Incidents with their timeline, newest first",
        parameters=[
            OpenApiParameter("threshold", int),
            OpenApiParameter("topic", str),
            OpenApiParameter("open", bool),
            OpenApiParameter("limit", int),
            OpenApiParameter("offset", int),
        ],
        responses={200: BreachSerializer(many=True)} | REFUSED,
    )
    def get(self, request):
        """One page."""
        refuse_parameters(request.query_params, "threshold", "topic", "open")
        rows = filter_rows(list_visible(request), request.query_params)
        pages = ListPagination()
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(BreachSerializer(page, many=True).data)


class BreachView(APIView):
    """One breach."""

    permission_classes = [CanRead]

    @extend_schema(
        operation_id="get_breach",
        summary="An incident with its timeline",
        responses={200: BreachSerializer} | REFUSED,
    )
    def get(self, request, pk):
        """The breach."""
        breach = list_visible(request).filter(pk=pk).first()
        if breach is None:
            raise NotFound(f"There is no breach {pk}, or you may not see it.")
        return Response(BreachSerializer(breach).data)
