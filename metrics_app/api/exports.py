"""The history of a KPI as a file: CSV, JSON lines or Parquet, streamed."""

from drf_spectacular.types import OpenApiTypes

from metrics_app import conf
from metrics_app.api.calendars import SpanQuery
from metrics_app.api.documented import operation
from metrics_app.api.kpis import TopicView
from metrics_app.api.params import WholeParam, WordParam, check_order
from metrics_app.api.streaming import stream_file
from metrics_app.exceptions import BadInput
from metrics_app.files.exports import export
from metrics_app.files.writers import FORMATS
from metrics_app.queries.exports import find_complete, find_span, plan_calendar, plan_steps

FILES = {(200, kind.content_type.partition(";")[0]): OpenApiTypes.BINARY for kind in FORMATS.values()}


class ExportQuery(SpanQuery):
    """Which rows, and how they are written."""

    format = WordParam(list(FORMATS), default="csv")
    step = WholeParam(60, 86_400, help_text="Seconds of a row, in place of `by`: 60 to 86400.")

    def validate(self, query):
        """The same; BadInput for two kinds of rows at once."""
        if "by" in query and "step" in query:
            raise BadInput("by and step exclude each other: expected one of them", field="step")
        return query


class ExportView(TopicView):
    """The history of one KPI as a file."""

    @operation("export_kpi", "History as CSV, JSON lines or Parquet", query=ExportQuery, answers=FILES)
    def get(self, request, topic):
        """A row per bucket, from the first point (or ``start``) to the last bucket that is over."""
        self.find_kpi(topic)
        kind, plan = self.query["format"], make_plan(self.query, topic, self.now)
        content_type, pieces = export([(topic, plan)] if plan else [], kind)
        name = name_file(topic, self.query, kind)
        response = stream_file(request, pieces, content_type=content_type, name=name)
        response["Cache-Control"] = "private, no-store"
        return response


def make_plan(query, topic, now):
    """The Plan that the parameters ask for; None for a topic without history. BadInput."""
    zone, view, most = query["zone"], query["as"], conf.get("EXPORT_ROWS")
    step = query.get("step", 0) * 1000
    by = None if step else query.get("by", "hour")
    start, end = query.get("start"), query.get("end")
    complete = find_complete(now, step=step, calendar=by, zone=zone)
    if start is None:
        span = find_span(topic)
        if span is None or (end is None and span[0] >= complete):
            return None
        start = span[0]
    end = complete if end is None else end
    check_order(start, end)
    if step:
        return plan_steps(start, end, step, zone=zone, view=view, most=most)
    return plan_calendar(start, end, by, zone=zone, view=view, most=most, field="by")


def name_file(topic, query, kind):
    """A name of letters, digits, dots and dashes."""
    grain = f"{query['step']}s" if "step" in query else query.get("by", "hour")
    return f"{topic}-{grain}{'-published' if query['as'] == 'published' else ''}.{kind}"
