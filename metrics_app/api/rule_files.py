"""Thresholds as YAML over HTTP, for repositories and other installations."""

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.views import APIView

from metrics_app.api.params import refuse_parameters
from metrics_app.api.permissions import CanRead, identify
from metrics_app.api.schema import ErrorsSerializer
from metrics_app.core.points import check_pattern, match_topic
from metrics_app.models import Kpi
from metrics_app.registry import may_read
from metrics_app.services.rules.files import export_rules

YAML = "application/yaml"


class ThresholdExportView(APIView):
    """What ``manage.py export_thresholds`` writes, of the KPIs one may see."""

    permission_classes = [CanRead]

    @extend_schema(
        operation_id="export_thresholds",
        summary="Thresholds and their KPIs as YAML, for `manage.py import_thresholds`",
        parameters=[
            OpenApiParameter("topic", str, description="A topic or a pattern such as `complaint.*`.")
        ],
        responses={
            (200, YAML): str,
            400: OpenApiResponse(ErrorsSerializer, "No topic and no pattern."),
            401: OpenApiResponse(ErrorsSerializer, "Not logged in and no valid key."),
            403: OpenApiResponse(ErrorsSerializer, "The key lacks the scope `read`."),
        },
    )
    def get(self, request):
        """One file."""
        refuse_parameters(request.query_params, "topic")
        pattern, who = check_pattern(request.query_params.get("topic", "*")), identify(request)
        kpis = [
            kpi
            for kpi in Kpi.objects.order_by("topic")
            if match_topic(pattern, kpi.topic) and may_read(who, kpi.topic)
        ]
        return HttpResponse(
            export_rules(kpis), content_type=f"{YAML}; charset=utf-8", headers={"Cache-Control": "no-store"}
        )
