"""The history of a KPI as a file: CSV, JSON lines or Parquet, streamed."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.views import APIView

from metrics_app import conf, queries
from metrics_app.api.calendars import BY, SPAN, ZONE
from metrics_app.api.kpis import AS, REFUSED, find_kpi, read_view
from metrics_app.api.negotiation import JsonErrors
from metrics_app.api.params import (
    read_bounds,
    read_calendar,
    read_integer,
    read_word,
    read_zone,
    refuse_others,
)
from metrics_app.api.permissions import CanRead
from metrics_app.api.streaming import stream_file
from metrics_app.exceptions import BadInput
from metrics_app.files.exports import export
from metrics_app.files.writers import FORMATS
from metrics_app.queries.exports import find_complete, find_span, plan_calendar, plan_steps

FILES = {(200, kind.content_type.partition(";")[0]): OpenApiTypes.BINARY for kind in FORMATS.values()}


class ExportView(APIView):
    """The history of one KPI as a file."""

    permission_classes = [CanRead]
    content_negotiation_class = JsonErrors

    @extend_schema(
        operation_id="export_kpi",
        summary="History as CSV, JSON lines or Parquet",
        parameters=[
            OpenApiParameter("format", str, enum=list(FORMATS), description="Default: csv."),
            *SPAN,
            BY,
            OpenApiParameter("step", int, description="Seconds of a row, in place of `by`: 60 to 86400."),
            ZONE,
            AS,
        ],
        responses=FILES | REFUSED,
    )
    def get(self, request, topic):
        """A row per bucket, from the first point (or ``start``) to the last bucket that is over."""
        find_kpi(request, topic)
        params = request.query_params
        refuse_others(params, "format", "start", "end", "by", "step", "zone", "as")
        kind = read_word(params, "format", list(FORMATS), default="csv")
        plan = read_plan(params, topic)
        content_type, pieces = export([(topic, plan)] if plan else [], kind)
        name = name_file(topic, params, kind)
        response = stream_file(request, pieces, content_type=content_type, name=name)
        response["Cache-Control"] = "private, no-store"
        return response


def read_plan(params, topic):
    """The Plan that the parameters ask for; None for a topic without history. BadInput."""
    if "by" in params and "step" in params:
        raise BadInput("by and step exclude each other: expected one of them", field="step")
    zone, view, now = read_zone(params), read_view(params), queries.redis_now()
    step = read_integer(params, "step", default=0, low=60, high=86_400) * 1000
    by = None if step else read_calendar(params, "hour")
    most, span = conf.get("EXPORT_ROWS"), None
    end = find_complete(now, step=step, calendar=by, zone=zone)
    if "start" not in params:
        span = find_span(topic)
        if span is None or ("end" not in params and span[0] >= end):
            return None
    start, end = read_bounds(params, start=str(span[0]) if span else "", end=str(end), now=now)
    if step:
        return plan_steps(start, end, step, zone=zone, view=view, most=most)
    return plan_calendar(start, end, by, zone=zone, view=view, most=most, field="by")


def name_file(topic, params, kind):
    """A name of letters, digits, dots and dashes."""
    grain = f"{int(params['step'])}s" if "step" in params else params.get("by", "hour")
    return f"{topic}-{grain}{'-published' if params.get('as') == 'published' else ''}.{kind}"
