"""Reading KPIs: the registry with the value of each tile, statistics, series."""

import math

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.response import Response
from rest_framework.views import APIView

from metrics_app import queries, registry
from metrics_app.api.pagination import ListPagination
from metrics_app.api.params import read_integer, read_time, refuse_others, refuse_parameters
from metrics_app.api.permissions import CanRead, identify
from metrics_app.api.schema import ErrorsSerializer, KpiSerializer, SeriesSerializer, StatsSerializer
from metrics_app.core.points import MAX_TOPIC, TOPIC
from metrics_app.exceptions import BadInput
from metrics_app.models import Kpi
from metrics_app.queries.history import CORRECTED, PUBLISHED
from metrics_app.services.conditions import read_conditions
from metrics_app.services.rules.deadman import list_silent

MAX_WINDOW = 3_660 * 86_400  # seconds: ten years
MAX_BUCKETS = 10_000  # rows of one series
VIEWS = [CORRECTED, PUBLISHED]
AS = OpenApiParameter(
    "as",
    str,
    enum=VIEWS,
    description="`published`: as first published, before points that came over an hour late and before spans "
    "were voided or restored.",
)
REFUSED = {
    400: OpenApiResponse(ErrorsSerializer, "A bad parameter, by name."),
    401: OpenApiResponse(ErrorsSerializer, "Not logged in and no valid key."),
    403: OpenApiResponse(ErrorsSerializer, "The key lacks the scope `read`."),
    404: OpenApiResponse(ErrorsSerializer, "No such KPI, or not for you."),
    503: OpenApiResponse(ErrorsSerializer, "Redis is away."),
}


def find_kpi(request, topic):
    """The ``Kpi`` of a topic one may see; a row not yet saved for a topic that only has points. 404."""
    if len(topic) <= MAX_TOPIC and TOPIC.match(topic) and registry.may_read(identify(request), topic):
        kpi = registry.get_kpi(topic)
        if kpi is not None:
            return kpi
        if queries.get_head(topic) is not None:
            return Kpi(topic=topic)
    raise NotFound(f"There is no KPI {topic[:MAX_TOPIC]!r} that you may see.")


def describe_kpis(kpis):
    """The KPIs with the values of their tiles, read in one go."""
    now = queries.redis_now()
    end = (now // 1000 + 1) * 1000
    silent, seen = list_silent([kpi.topic for kpi in kpis]), read_conditions(kpis, now=now)
    wanted = [(kpi.topic, end - kpi.window * 1000, end, kpi.aggregate) for kpi in kpis]
    return [
        {
            "topic": kpi.topic,
            "name": kpi.name or kpi.topic,
            "unit": kpi.unit,
            "direction": kpi.direction,
            "aggregate": kpi.aggregate,
            "window": kpi.window,
            "expected_interval": kpi.expected_interval,
            "silent_since": silent[kpi.topic].fired_at if kpi.topic in silent else None,
            "condition": seen[kpi.topic].condition.name,
            "no_data": seen[kpi.topic].condition.is_silent,
            "value": keep_finite(observation.value),
            "computed_at": now,
        }
        for kpi, observation in zip(kpis, queries.observe(wanted), strict=True)
    ]


def keep_finite(value):
    """A number JSON can carry: a sum of huge values may have left the floats."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


class KpiListView(APIView):
    """The registry."""

    permission_classes = [CanRead]

    @extend_schema(
        operation_id="list_kpis",
        summary="The KPIs you may see",
        parameters=[OpenApiParameter("limit", int), OpenApiParameter("offset", int)],
        responses={200: KpiSerializer(many=True)} | REFUSED,
    )
    def get(self, request):
        """One page of KPIs with the values of their tiles."""
        refuse_parameters(request.query_params)
        who = identify(request)
        visible = [kpi for kpi in registry.list_kpis() if registry.may_read(who, kpi.topic)]
        pages = ListPagination()
        page = pages.paginate_queryset(visible, request, view=self)
        return pages.get_paginated_response(describe_kpis(page))


class KpiView(APIView):
    """One KPI."""

    permission_classes = [CanRead]

    @extend_schema(
        operation_id="get_kpi",
        summary="A KPI and the value of its tile",
        responses={200: KpiSerializer} | REFUSED,
    )
    def get(self, request, topic):
        """The KPI with the value of its tile."""
        return Response(describe_kpis([find_kpi(request, topic)])[0])


class StatsView(APIView):
    """Statistics of one KPI."""

    permission_classes = [CanRead]

    @extend_schema(
        operation_id="get_kpi_stats",
        summary="Statistics of a window that ends now",
        parameters=[
            OpenApiParameter(
                "window",
                int,
                description="Seconds, at most ten years. Default: the KPI's. A window that reaches behind "
                "the hot hour starts on a whole minute (older history: hour or day); `start` says which.",
            ),
            AS,
        ],
        responses={200: StatsSerializer} | REFUSED,
    )
    def get(self, request, topic):
        """Count, sum, mean, percentiles and more of the last ``window`` seconds."""
        kpi = find_kpi(request, topic)
        refuse_others(request.query_params, "window", "as", "format")
        default = min(kpi.window, MAX_WINDOW)
        window = read_integer(request.query_params, "window", default=default, low=1, high=MAX_WINDOW)
        stats = queries.stats(topic, window, view=read_view(request.query_params))
        return Response({name: keep_finite(value) for name, value in stats.items()})


class SeriesView(APIView):
    """The course of one KPI."""

    permission_classes = [CanRead]

    @extend_schema(
        operation_id="get_kpi_series",
        summary="Columns over time",
        parameters=[
            OpenApiParameter(name, str, description="ms, ISO 8601 with an offset, or -3600 (seconds ago).")
            for name in ("start", "end")
        ]
        + [OpenApiParameter("step", int, description="Seconds of a bucket. Default: 60."), AS],
        responses={200: SeriesSerializer} | REFUSED,
    )
    def get(self, request, topic):
        """Buckets from ``start`` (default an hour ago) to ``end`` (default now)."""
        find_kpi(request, topic)
        refuse_others(request.query_params, "start", "end", "step", "as", "format")
        start, end, step = read_span(request.query_params, queries.redis_now())
        columns = queries.series(topic, start, end, step, view=read_view(request.query_params))
        return Response({name: [keep_finite(value) for value in column] for name, column in columns.items()})


def read_view(params):
    """``as``: "corrected" (default) or "published"; BadInput otherwise."""
    view = params.get("as", CORRECTED)
    if view not in VIEWS:
        raise BadInput(f"{view[:50]!r} is no view: expected {' or '.join(VIEWS)}", field="as")
    return view


def read_span(params, now):
    """``(start, end, step)`` in ms, or BadInput naming the parameter."""
    start = read_time(params, "start", default="-3600", now=now)
    end = read_time(params, "end", default="0", now=now)
    step = read_integer(params, "step", default=60, low=1, high=31 * 86_400) * 1000
    if start >= end:
        raise BadInput(f"start ({start}) is not before end ({end})", field="start")
    if (end - start) // step > MAX_BUCKETS:
        expected = math.ceil((end - start) / MAX_BUCKETS / 1000)
        raise BadInput(f"over {MAX_BUCKETS} buckets: take a step of {expected} s or more", field="step")
    return start, end, step
