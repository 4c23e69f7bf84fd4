"""Corrections over HTTP: spans of history that people have voided, and restored."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from metrics_app.api.fields import Text
from metrics_app.api.pagination import ListPagination
from metrics_app.api.params import read_time, refuse_parameters
from metrics_app.api.permissions import CanRead, identify
from metrics_app.api.schema import ErrorsSerializer
from metrics_app.core.points import check_topic
from metrics_app.exceptions import BadInput
from metrics_app.models import Correction
from metrics_app.queries import redis_now
from metrics_app.registry import may_read
from metrics_app.services.corrections import restore, void
from metrics_app.services.visibility import limit_to_visible

REFUSED = {
    400: OpenApiResponse(ErrorsSerializer, "What is wrong, by field."),
    401: OpenApiResponse(ErrorsSerializer, "Not logged in and no valid key."),
    403: OpenApiResponse(ErrorsSerializer, "Not allowed."),
    404: OpenApiResponse(ErrorsSerializer, "No such correction, or not for you."),
    409: OpenApiResponse(ErrorsSerializer, "It is restored already."),
}


class CorrectionSerializer(serializers.ModelSerializer):
    """A voided span; times of the span in ms."""

    author = serializers.CharField(source="author.username", read_only=True)
    restored_by = serializers.CharField(source="restored_by.username", read_only=True, default=None)

    class Meta:
        model = Correction
        fields = [
            *("id", "topic", "start", "end", "reason", "author", "created_at"),
            *("restored_by", "restored_at", "restore_reason"),
        ]


class VoidedSerializer(CorrectionSerializer):
    """The new correction, and how many points it took out of the figures."""

    points = serializers.IntegerField(help_text="Points that counted until now.")

    class Meta(CorrectionSerializer.Meta):
        fields = [*CorrectionSerializer.Meta.fields, "points"]


class VoidSerializer(serializers.Serializer):
    """What to void."""

    topic = Text()
    start = Text(help_text="ms, ISO 8601 with an offset, or -3600 (seconds ago); a whole minute is taken.")
    end = Text(help_text="As start.")
    reason = Text(max_length=500)


class RestoreSerializer(serializers.Serializer):
    """Why the span counts again."""

    reason = Text(max_length=500)


class MayCorrect(CanRead):
    """Reading as everywhere; correcting for people with the permission, never for keys."""

    def has_permission(self, request, view):
        """Whether the method is allowed."""
        if request.method == "GET" or not request.user.is_authenticated:
            return super().has_permission(request, view)
        self.message = "You need the permission metrics_app.correct_history; keys cannot have it."
        return request.user.has_perm("metrics_app.correct_history")


def list_visible(request):
    """Corrections of the topics one may see."""
    rows = Correction.objects.select_related("author", "restored_by")
    return limit_to_visible(rows, identify(request), "topic")


def read_moment(data, name, now):
    """A time of the body in ms; numbers as well as text. BadInput."""
    if name not in data or isinstance(data[name], (bool, dict, list)) or data[name] is None:
        raise BadInput("is required: ms, ISO 8601 with an offset, or seconds ago such as -3600", field=name)
    return read_time({name: str(data[name])}, name, default="", now=now)


def read_body(request):
    """The body as a dict, or BadInput."""
    if not isinstance(request.data, dict):
        raise BadInput("expected a JSON object")
    return request.data


def read_reason(data):
    """The reason as text; BadInput for anything else."""
    reason = data.get("reason", "")
    if not isinstance(reason, str):
        raise BadInput("expected text", field="reason")
    return reason


class CorrectionListView(APIView):
    """All corrections."""

    permission_classes = [MayCorrect]

    @extend_schema(
        operation_id="list_corrections",
        summary="Spans of history that were voided",
        parameters=[
            OpenApiParameter("topic", str),
            OpenApiParameter("limit", int),
            OpenApiParameter("offset", int),
        ],
        responses={200: CorrectionSerializer(many=True)} | REFUSED,
    )
    def get(self, request):
        """One page, newest first."""
        refuse_parameters(request.query_params, "topic")
        rows, topic = list_visible(request), request.query_params.get("topic")
        if topic is not None:
            rows = rows.filter(topic=check_topic(topic))
        pages = ListPagination()
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(CorrectionSerializer(page, many=True).data)

    @extend_schema(
        operation_id="void_span",
        summary="Void a span of a topic: it counts nowhere from now on",
        request=VoidSerializer,
        responses={201: VoidedSerializer} | REFUSED,
    )
    def post(self, request):
        """The new correction."""
        data, now = read_body(request), redis_now()
        topic = data.get("topic")
        if not isinstance(topic, str) or not may_read(identify(request), check_topic(topic)):
            raise BadInput("is no topic that you may see", field="topic")
        start, end = (read_moment(data, name, now) for name in ("start", "end"))
        row = void(topic=topic, start=start, end=end, reason=read_reason(data), by=request.user, now=now)
        return Response(VoidedSerializer(row).data, status=201)


class RestoreView(APIView):
    """Restoring one correction."""

    permission_classes = [MayCorrect]

    @extend_schema(
        operation_id="restore_span",
        summary="Let a voided span count again",
        request=RestoreSerializer,
        responses={200: CorrectionSerializer} | REFUSED,
    )
    def post(self, request, pk):
        """The correction after it."""
        row = get_object_or_404(list_visible(request), pk=pk)
        restored = restore(correction=row, reason=read_reason(read_body(request)), by=request.user)
        return Response(CorrectionSerializer(restored).data)
