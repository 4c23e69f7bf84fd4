"""Reading KPIs: the registry with the value of each tile, statistics, series."""

import math
from functools import cached_property
from typing import NamedTuple

from rest_framework.exceptions import NotFound
from rest_framework.response import Response

from metrics_app import queries, registry
from metrics_app.api.base import ApiView
from metrics_app.api.documented import operation
from metrics_app.api.params import ListQuery, MomentParam, Query, WholeParam, check_order, view_param
from metrics_app.api.schema import KpiSerializer, SeriesSerializer, StatsSerializer
from metrics_app.core.conditions import Condition
from metrics_app.core.points import MAX_TOPIC, TOPIC
from metrics_app.exceptions import BadInput
from metrics_app.models import Kpi
from metrics_app.services.conditions import find_end, read_conditions
from metrics_app.services.rules.deadman import list_silent

MAX_WINDOW = 3_660 * 86_400  # seconds: ten years
MAX_BUCKETS = 10_000  # rows of one series


class Tile(NamedTuple):
    """A KPI with what its tile shows; times in ms."""

    kpi: Kpi
    value: float | None
    silent_since: int | None
    condition: Condition
    computed_at: int


def read_tiles(kpis):
    """The KPIs with the values of their tiles, read in one go."""
    now = queries.redis_now()
    silent, seen = list_silent([kpi.topic for kpi in kpis]), read_conditions(kpis, now=now)
    ends = [find_end(now, seen[kpi.topic].behind) for kpi in kpis]
    wanted = [
        (kpi.topic, end - kpi.window * 1000, end, kpi.aggregate) for kpi, end in zip(kpis, ends, strict=True)
    ]
    values = queries.take_values(queries.observe(wanted), [one[:3] for one in wanted])
    return [
        Tile(
            kpi,
            value,
            silent[kpi.topic].fired_at if kpi.topic in silent else None,
            seen[kpi.topic].condition,
            seen[kpi.topic].behind or now,
        )
        for kpi, value in zip(kpis, values, strict=True)
    ]


class StatsQuery(Query):
    """What to compute."""

    window = WholeParam(
        1,
        MAX_WINDOW,
        help_text="Seconds, at most ten years. Default: the KPI's. A window that reaches behind the hot hour "
        "starts on a whole minute (older history: hour or day); `start` says which.",
    )

    def get_fields(self):
        """With ``as``, which Python cannot name."""
        return super().get_fields() | {"as": view_param()}


class SeriesQuery(Query):
    """The course from ``start`` (default an hour ago) to ``end`` (default now)."""

    start = MomentParam(3600)
    end = MomentParam(0)
    step = WholeParam(1, 31 * 86_400, default=60, help_text="Seconds of a bucket.")

    def get_fields(self):
        """With ``as``, which Python cannot name."""
        return super().get_fields() | {"as": view_param()}

    def validate(self, query):
        """The same; BadInput for a span that is none, or has too many buckets."""
        start, end, step = query["start"], query["end"], query["step"] * 1000
        check_order(start, end)
        if (end - start) // step > MAX_BUCKETS:
            expected = math.ceil((end - start) / MAX_BUCKETS / 1000)
            raise BadInput(f"over {MAX_BUCKETS} buckets: take a step of {expected} s or more", field="step")
        return query


class KpiListView(ApiView):
    """The registry."""

    @operation("list_kpis", "The KPIs you may see", query=ListQuery, answers={200: KpiSerializer(many=True)})
    def get(self, request):
        """One page of KPIs with the values of their tiles."""
        visible = [kpi for kpi in registry.list_kpis() if registry.may_read(self.who, kpi.topic)]
        return self.answer_page(visible, lambda page: KpiSerializer(read_tiles(page), many=True).data)


class TopicView(ApiView):
    """Addresses below one KPI; relative times are relative to Redis' clock."""

    @cached_property
    def now(self):
        """ms, of the clock that decides which points are in."""
        return queries.redis_now()

    def find_kpi(self, topic):
        """The ``Kpi`` of a topic one may see. 404: of one that was deleted, too, whose points stay."""
        if len(topic) <= MAX_TOPIC and TOPIC.match(topic) and registry.may_read(self.who, topic):
            kpi = registry.get_kpi(topic)
            if kpi is None and queries.get_head(topic) is not None:
                # Its first point may be younger than what is remembered of the rows.
                kpi = Kpi.objects.filter(topic=topic).first()
            if kpi is not None:
                return kpi
        raise NotFound(f"There is no KPI {topic[:MAX_TOPIC]!r} that you may see.")

    def list_losses(self, topic, start, end):
        """``{"losses": [Lost, …]}`` of a span of ms; {} where no points of it were lost."""
        losses = queries.list_losses(topic, start, end)
        return {"losses": losses} if losses else {}


class KpiView(TopicView):
    """One KPI."""

    @operation("get_kpi", "A KPI and the value of its tile", answers={200: KpiSerializer})
    def get(self, request, topic):
        """The KPI with the value of its tile."""
        return Response(KpiSerializer(read_tiles([self.find_kpi(topic)])[0]).data)


class StatsView(TopicView):
    """Statistics of one KPI."""

    @operation(
        "get_kpi_stats",
        "Statistics of a window that ends now",
        query=StatsQuery,
        answers={200: StatsSerializer},
    )
    def get(self, request, topic):
        """Count, sum, mean, percentiles and more of the last ``window`` seconds."""
        kpi = self.find_kpi(topic)
        window = self.query.get("window", min(kpi.window, MAX_WINDOW))
        found = queries.stats(topic, window, view=self.query["as"])
        end = found["computed_at"]
        start = found.get("start", end - window * 1000)
        [recorded] = queries.list_shares(topic, [start, end])
        found |= {} if recorded == 1 else {"recorded": recorded}
        return Response(StatsSerializer(found | self.list_losses(topic, start, end)).data)


class SeriesView(TopicView):
    """The course of one KPI."""

    @operation("get_kpi_series", "Columns over time", query=SeriesQuery, answers={200: SeriesSerializer})
    def get(self, request, topic):
        """Buckets from ``start`` to ``end``."""
        self.find_kpi(topic)
        start, end, step = self.query["start"], self.query["end"], self.query["step"] * 1000
        found = queries.series(topic, start, end, step, view=self.query["as"])
        edges = [*found["ts"], *(ts + step for ts in found["ts"][-1:])]
        recorded = queries.list_shares(topic, edges)
        found |= {} if all(share == 1 for share in recorded) else {"recorded": recorded}
        return Response(SeriesSerializer(found | self.list_losses(topic, start, end)).data)
