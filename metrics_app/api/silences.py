"""Silences over HTTP: listed, created, ended."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from metrics_app.api.fields import Moment
from metrics_app.api.pagination import ListPagination
from metrics_app.api.params import refuse_parameters
from metrics_app.api.permissions import CanRead, identify
from metrics_app.api.thresholds import REFUSED, list_visible
from metrics_app.core.text.literals import show
from metrics_app.exceptions import BadInput
from metrics_app.models import Silence, Threshold
from metrics_app.registry import may_read
from metrics_app.services.silences import end_silence, save_silence

LARGEST_ID = 2**63
PERMISSIONS = {"POST": "add", "DELETE": "change"}


class KnownThreshold(serializers.PrimaryKeyRelatedField):
    """The id of a threshold, refused in the words of everybody else."""

    def to_internal_value(self, data):
        """The threshold, or a fault that names the id."""
        row = None
        if type(data) is int and abs(data) < LARGEST_ID:
            row = self.get_queryset().filter(pk=data).first()
        if row is None:
            raise serializers.ValidationError(f"there is no threshold {show(data)}")
        return row


class SilenceSerializer(serializers.ModelSerializer):
    """A silence; every matcher that is set must fit."""

    author = serializers.CharField(source="author.username", read_only=True, allow_null=True)
    starts_at = Moment(required=False, help_text="ms, or ISO 8601 with an offset. Default: now.")
    ends_at = Moment(help_text="ms, or ISO 8601 with an offset.")
    threshold = KnownThreshold(required=False, allow_null=True, queryset=Threshold.objects.all())

    class Meta:
        model = Silence
        fields = ["id", "topic", "threshold", "severity", "starts_at", "ends_at", "days", "opens", "closes"]
        fields += ["zone", "reason", "author"]

    def to_internal_value(self, data):
        """Refuses what nobody reads: a misspelt matcher must not silence everything."""
        for name in data if isinstance(data, dict) else ():
            if name not in self.fields or self.fields[name].read_only:
                raise BadInput("is no field of a silence that can be set", field=str(name)[:100])
        return super().to_internal_value(data)


class MaySilence(CanRead):
    """Reading as everywhere; writing for people with the model's permission."""

    def has_permission(self, request, view):
        """Whether the method is allowed; keys never write."""
        action = PERMISSIONS.get(request.method)
        if action is None or not request.user.is_authenticated:
            return super().has_permission(request, view)
        self.message = f"You need the permission metrics_app.{action}_silence; keys cannot have it."
        return request.user.has_perm(f"metrics_app.{action}_silence")


def list_known(request):
    """The silences one may know of: not those of a KPI one may not see."""
    who = identify(request)
    rows = Silence.objects.select_related("threshold__kpi", "author")
    hidden = [row.pk for row in rows if not may_know(who, row)]
    return rows.exclude(pk__in=hidden)


def may_know(who, row):
    """Whether the topics a silence names may be read; a pattern names none."""
    topics = [row.threshold.kpi.topic] if row.threshold else []
    topics += [row.topic] if row.topic and not row.topic.endswith("*") else []
    return (who is not None and who.is_superuser) or all(may_read(who, topic) for topic in topics)


class SilenceListView(APIView):
    """All silences, past ones too."""

    permission_classes = [MaySilence]

    @extend_schema(
        operation_id="list_silences",
        summary="Silences, the one that ends last first",
        parameters=[OpenApiParameter("limit", int), OpenApiParameter("offset", int)],
        responses={200: SilenceSerializer(many=True)} | REFUSED,
    )
    def get(self, request):
        """One page."""
        refuse_parameters(request.query_params)
        pages = ListPagination()
        page = pages.paginate_queryset(list_known(request), request, view=self)
        return pages.get_paginated_response(SilenceSerializer(page, many=True).data)

    @extend_schema(
        operation_id="create_silence",
        summary="Silence what fits; states go on as before",
        request=SilenceSerializer,
        responses={201: SilenceSerializer} | REFUSED,
    )
    def post(self, request):
        """The new silence."""
        serializer = SilenceSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        threshold = serializer.validated_data.get("threshold")
        if threshold and not list_visible(request).filter(pk=threshold.pk).exists():
            raise BadInput(f"there is no threshold {threshold.pk}", field="threshold")
        silence = save_silence(Silence(**serializer.validated_data), by=request.user)
        return Response(SilenceSerializer(silence).data, status=201)


class SilenceView(APIView):
    """One silence."""

    permission_classes = [MaySilence]

    @extend_schema(
        operation_id="get_silence", summary="A silence", responses={200: SilenceSerializer} | REFUSED
    )
    def get(self, request, pk):
        """The silence."""
        return Response(SilenceSerializer(get_object_or_404(list_known(request), pk=pk)).data)

    @extend_schema(
        operation_id="end_silence",
        summary="End a silence now; it stays on record",
        responses={200: SilenceSerializer} | REFUSED,
    )
    def delete(self, request, pk):
        """The silence, over."""
        return Response(SilenceSerializer(end_silence(get_object_or_404(list_known(request), pk=pk))).data)
