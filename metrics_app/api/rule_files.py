"""Thresholds as YAML over HTTP, for repositories and other installations."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes

from metrics_app.api.base import ApiView
from metrics_app.api.documented import operation
from metrics_app.api.params import PatternParam, Query
from metrics_app.core.points import match_topic
from metrics_app.models import Kpi
from metrics_app.registry import may_read
from metrics_app.services.rules.files import export_rules

YAML = "application/yaml"


class RulesQuery(Query):
    """Of which KPIs."""

    topic = PatternParam(default="*", help_text="A topic or a pattern such as `complaint.*`.")


class ThresholdExportView(ApiView):
    """What ``manage.py export_thresholds`` writes, of the KPIs one may see."""

    @operation(
        "export_thresholds",
        "Thresholds and their KPIs as YAML, for `manage.py import_thresholds`",
        query=RulesQuery,
        answers={(200, YAML): OpenApiTypes.OBJECT},
    )
    def get(self, request):
        """One file."""
        pattern, who = self.query["topic"], self.who
        kpis = [
            kpi
            for kpi in Kpi.objects.order_by("topic")
            if match_topic(pattern, kpi.topic) and may_read(who, kpi.topic)
        ]
        return HttpResponse(
            export_rules(kpis), content_type=f"{YAML}; charset=utf-8", headers={"Cache-Control": "no-store"}
        )
