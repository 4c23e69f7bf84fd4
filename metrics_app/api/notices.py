"""Notices over HTTP: who was told of what, when, and what came of it. Read only."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.views import APIView

from metrics_app.api.breaches import LARGEST
from metrics_app.api.pagination import ListPagination
from metrics_app.api.params import read_integer, refuse_parameters
from metrics_app.api.permissions import CanRead, identify
from metrics_app.api.thresholds import REFUSED
from metrics_app.core.notices import tell_failure
from metrics_app.core.points import check_topic
from metrics_app.exceptions import BadInput
from metrics_app.models import Notice
from metrics_app.services.visibility import limit_to_visible

OUTCOMES = ["waiting", *Notice.Outcome.values]


class NoticeSerializer(serializers.ModelSerializer):
    """One notice; ``at`` in ms, ``outcome`` waiting, sent, withheld or failed.

    ``reason`` says why it is withheld or failed, without the hosts that the admin names.
    """

    receiver = serializers.CharField(source="receiver.name", read_only=True)
    topic = serializers.CharField(source="breach.threshold.kpi.topic", read_only=True)
    outcome = serializers.SerializerMethodField()
    reason = serializers.SerializerMethodField()

    class Meta:
        model = Notice
        fields = [
            *("id", "receiver", "breach", "topic", "event", "at", "value", "text", "created_at"),
            *("attempts", "outcome", "done_at", "reason", "message"),
        ]
        read_only_fields = fields

    def get_outcome(self, notice) -> str:
        """In one word."""
        return notice.outcome or "waiting"

    def get_reason(self, notice) -> str:
        """In words."""
        if notice.outcome == Notice.Outcome.FAILED:
            return tell_failure(notice.error, notice.attempts)
        return notice.error if notice.outcome == Notice.Outcome.WITHHELD else ""


def list_visible(request):
    """Notices of the KPIs one may see, newest first; tests concern nobody else."""
    rows = Notice.objects.filter(breach__isnull=False).select_related("receiver", "breach__threshold__kpi")
    return limit_to_visible(rows, identify(request), "breach__threshold__kpi__topic")


def filter_rows(rows, params):
    """The rows that ``?breach=&topic=&outcome=`` ask for; BadInput."""
    topic, outcome = params.get("topic"), params.get("outcome")
    breach = read_integer(params, "breach", default=None, low=1, high=LARGEST)
    if breach is not None:
        rows = rows.filter(breach=breach)
    if topic is not None:
        rows = rows.filter(breach__threshold__kpi__topic=check_topic(topic))
    if outcome is not None:
        if outcome not in OUTCOMES:
            raise BadInput(f"{outcome[:50]!r} is not one of {', '.join(OUTCOMES)}", field="outcome")
        rows = rows.filter(outcome="" if outcome == "waiting" else outcome)
    return rows


class NoticeListView(APIView):
    """All notices."""

    permission_classes = [CanRead]

    @extend_schema(
        operation_id="list_notices",
        summary="Who was told of which breach, and what came of it, newest first",
        parameters=[
            OpenApiParameter("breach", int),
            OpenApiParameter("topic", str),
            OpenApiParameter("outcome", str, enum=OUTCOMES),
            OpenApiParameter("limit", int),
            OpenApiParameter("offset", int),
        ],
        responses={200: NoticeSerializer(many=True)} | REFUSED,
    )
    def get(self, request):
        """One page."""
        refuse_parameters(request.query_params, "breach", "topic", "outcome")
        rows = filter_rows(list_visible(request), request.query_params)
        pages = ListPagination()
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(NoticeSerializer(page, many=True).data)
