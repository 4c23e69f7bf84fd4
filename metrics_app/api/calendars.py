"""A KPI per local hour, day, week and month, and a span of it, beside earlier times of the same clock."""

from rest_framework.response import Response

from metrics_app import queries
from metrics_app.api.documented import operation
from metrics_app.api.kpis import TopicView
from metrics_app.api.params import (
    LATEST,
    CompareParam,
    MomentParam,
    Query,
    calendar_param,
    check_order,
    view_param,
    zone_param,
)
from metrics_app.api.schema import CalendarSerializer, CompareSerializer
from metrics_app.core.calendars import SPANS
from metrics_app.exceptions import BadInput
from metrics_app.queries.calendars import find_edges

MAX_BUCKETS = 10_000  # of one answer, those of earlier times included
MAX_ROLLUPS = 100_000  # behind them: hours and days
# About how many roll-ups a bucket is made of, and how far back (s) it is of interest unasked.
ROLLUPS = {"hour": 1, "day": 24, "week": 55, "month": 80}
BACK = {"hour": 86_400, "day": 2_592_000, "week": 7_862_400, "month": 31_622_400}
COMPARED = f"{', '.join(SPANS)}, by comma: the same times of the local clock so long before."


class SpanQuery(Query):
    """A span of local time; both ends are checked where both are known."""

    start = MomentParam(latest=LATEST)
    end = MomentParam(latest=LATEST)
    by = calendar_param(required=False)
    zone = zone_param()

    def get_fields(self):
        """With ``as``, which Python cannot name."""
        return super().get_fields() | {"as": view_param()}


class CalendarQuery(SpanQuery):
    """The buckets that hold ``start`` to ``end``."""

    by = calendar_param(default="day")
    compare = CompareParam(default=list, help_text=COMPARED)

    def validate(self, query):
        """With both ends; BadInput for a span that is none."""
        now = self.context["view"].now
        query = {"start": now - BACK[query["by"]] * 1000, "end": now} | query
        check_order(query["start"], query["end"])
        return query


class CompareQuery(SpanQuery):
    """``start`` to ``end``; without them since the local day (or ``by``) began."""

    compare = CompareParam(default=lambda: ["day", "week"], help_text=f"{COMPARED} Default: day,week.")

    def validate(self, query):
        """With an end where there is a start; BadInput for what does not go together."""
        if "start" in query:
            if "by" in query:
                raise BadInput("by and start exclude each other: expected one of them", field="by")
            query = {"end": self.context["view"].now} | query
            check_order(query["start"], query["end"])
        elif "end" in query:
            raise BadInput("end needs a start: expected ms, ISO 8601 or seconds ago", field="start")
        return query


class CalendarView(TopicView):
    """The course of one KPI as people of a zone count hours, days, weeks and months."""

    @operation(
        "get_kpi_calendar",
        "Columns per local hour, day, week or month",
        query=CalendarQuery,
        answers={200: CalendarSerializer},
    )
    def get(self, request, topic):
        """The buckets that hold ``start`` to ``end``: a day of 23 or 25 hours is one bucket."""
        self.find_kpi(topic)
        by, zone, compare = self.query["by"], self.query["zone"], self.query["compare"]
        most = min(MAX_BUCKETS, MAX_ROLLUPS // ROLLUPS[by]) // (1 + len(compare))
        edges = find_edges(self.query["start"], self.query["end"], by, zone, field="by", most=most)
        view = self.query["as"]
        columns = queries.compare_series(topic, edges, zone=zone, compare=compare, view=view)
        losses = self.list_losses(topic, edges[0], edges[-1])
        return Response(CalendarSerializer(columns | losses).data)


class CompareView(TopicView):
    """The figures of one span of a KPI, beside those of earlier ones."""

    @operation(
        "compare_kpi",
        "Figures of a span, beside the same local times earlier",
        query=CompareQuery,
        answers={200: CompareSerializer},
    )
    def get(self, request, topic):
        """``start`` to ``end``; without them since the local day (or ``by``) began."""
        self.find_kpi(topic)
        query, zone = self.query, self.query["zone"]
        options = {"compare": query["compare"], "view": query["as"]}
        if "start" in query:
            found = queries.compare_span([topic], query["start"], query["end"], zone=zone, **options)
        else:
            calendar = query.get("by", "day")
            found = queries.so_far([topic], zone, calendar=calendar, now=self.now, **options)
        return Response(CompareSerializer({"topic": topic, "zone": zone} | found[topic]).data)
