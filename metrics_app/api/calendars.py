"""A KPI per local hour, day, week and month, and a span of it, beside earlier times of the same clock."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from metrics_app import queries
from metrics_app.api.kpis import AS, REFUSED, find_kpi, keep_finite, read_view
from metrics_app.api.negotiation import JsonErrors
from metrics_app.api.params import read_bounds, read_calendar, read_compare, read_zone, refuse_others
from metrics_app.api.permissions import CanRead
from metrics_app.api.schema import CalendarSerializer, CompareSerializer
from metrics_app.core.calendars import CALENDARS, SPANS
from metrics_app.exceptions import BadInput
from metrics_app.queries.calendars import find_edges

MAX_BUCKETS = 10_000  # of one answer, those of earlier times included
MAX_ROLLUPS = 100_000  # behind them: hours and days
# About how many roll-ups a bucket is made of, and how far back (s) it is of interest unasked.
ROLLUPS = {"hour": 1, "day": 24, "week": 55, "month": 80}
BACK = {"hour": "-86400", "day": "-2592000", "week": "-7862400", "month": "-31622400"}
ZONE = OpenApiParameter("zone", str, description="A time zone such as `Europe/Berlin`. Default: UTC.")
BY = OpenApiParameter("by", str, enum=CALENDARS, description="Local buckets; weeks begin on Monday.")
SPAN = [
    OpenApiParameter(name, str, description="ms, ISO 8601 with an offset, or -3600 (seconds ago).")
    for name in ("start", "end")
]
COMPARE = OpenApiParameter(
    "compare",
    str,
    description=f"{', '.join(SPANS)}, by comma: the same times of the local clock so long before.",
)


class CalendarView(APIView):
    """The course of one KPI as people of a zone count hours, days, weeks and months."""

    permission_classes = [CanRead]
    content_negotiation_class = JsonErrors

    @extend_schema(
        operation_id="get_kpi_calendar",
        summary="Columns per local hour, day, week or month",
        parameters=[BY, ZONE, *SPAN, COMPARE, AS],
        responses={200: CalendarSerializer} | REFUSED,
    )
    def get(self, request, topic):
        """The buckets that hold ``start`` to ``end``: a day of 23 or 25 hours is one bucket."""
        find_kpi(request, topic)
        params = request.query_params
        refuse_others(params, "by", "zone", "start", "end", "compare", "as")
        by, zone, compare = read_calendar(params, "day"), read_zone(params), read_compare(params)
        start, end = read_bounds(params, start=BACK[by], end="0", now=queries.redis_now())
        most = min(MAX_BUCKETS, MAX_ROLLUPS // ROLLUPS[by]) // (1 + len(compare))
        edges = find_edges(start, end, by, zone, field="by", most=most)
        columns = queries.compare_series(topic, edges, zone=zone, compare=compare, view=read_view(params))
        return Response(clean(columns))


class CompareView(APIView):
    """The figures of one span of a KPI, beside those of earlier ones."""

    permission_classes = [CanRead]
    content_negotiation_class = JsonErrors

    @extend_schema(
        operation_id="compare_kpi",
        summary="Figures of a span, beside the same local times earlier",
        parameters=[*SPAN, BY, ZONE, COMPARE, AS],
        responses={200: CompareSerializer} | REFUSED,
    )
    def get(self, request, topic):
        """``start`` to ``end``; without them since the local day (or ``by``) began."""
        find_kpi(request, topic)
        params, now = request.query_params, queries.redis_now()
        refuse_others(params, "by", "zone", "start", "end", "compare", "as")
        by, zone, compare = read_calendar(params), read_zone(params), read_compare(params, "day,week")
        options = {"compare": compare, "view": read_view(params)}
        if "start" in params:
            if by:
                raise BadInput("by and start exclude each other: expected one of them", field="by")
            span = read_bounds(params, start="", end="0", now=now)
            found = queries.compare_span([topic], *span, zone=zone, **options)
        elif "end" in params:
            raise BadInput("end needs a start: expected ms, ISO 8601 or seconds ago", field="start")
        else:
            found = queries.so_far([topic], zone, calendar=by or "day", now=now, **options)
        return Response({"topic": topic, "zone": zone} | clean(found[topic]))


def clean(value):
    """The same with null where a number has left the floats."""
    if isinstance(value, dict):
        return {name: clean(inner) for name, inner in value.items()}
    return [keep_finite(one) for one in value] if isinstance(value, list) else keep_finite(value)
