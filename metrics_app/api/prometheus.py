"""``GET /metrics``: KPIs, thresholds and the system's own health in Prometheus text format."""

from django.http import HttpResponse
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder

from metrics_app import conf, emitters, queries, registry
from metrics_app.api.base import ApiView
from metrics_app.api.documented import operation
from metrics_app.core.conditions import ORDER, UNJUDGED
from metrics_app.core.records import STATES
from metrics_app.models import ApiKey, Threshold
from metrics_app.queries.counters import read_counters
from metrics_app.queries.worked import read_ages
from metrics_app.services.archive import read_health, read_losses
from metrics_app.services.conditions import find_end, judge_threshold, read_conditions
from metrics_app.services.notices import read_notice_health, read_standings
from metrics_app.services.visibility import limit_to_visible, sees_all
from metrics_app.services.watch.states import read_clock
from metrics_app.streams import presence

KINDS = ("events", "partner", "websocket")
COUNTERS = {
    "points": ("hms_points_collected", "Points folded into the hot window."),
    "late": ("hms_points_late", "Points that came after their minute was sealed; they go to history."),
    "late_dropped": ("hms_late_points_dropped", "Late points dropped before the archiver took them."),
    "held_dropped": ("hms_held_minutes_dropped", "Minutes of topics dropped before the archiver took them."),
}


class PrometheusView(ApiView):
    """For Prometheus: a key with the scope ``read`` sees what it may read, and how the system is."""

    takes_any_parameter = True  # scrapers are configured with some

    @operation(
        "scrape",
        "KPIs, thresholds and health in Prometheus text format",
        description="Text format, or OpenMetrics where the scraper asks for it. Needs the scope `read`.",
        answers={(200, "text/plain"): str, (200, "application/openmetrics-text"): str},
    )
    def get(self, request):
        """One scrape; the encoder chooses among the formats that scrapers accept."""
        families = CollectorRegistry(auto_describe=False)
        families.register(Scrape(self.who))
        encode, kind = choose_encoder(request.headers.get("Accept", ""))
        return HttpResponse(encode(families), content_type=kind, headers={"Cache-Control": "no-store"})


class Scrape:
    """What one scrape answers; read once, as of now."""

    def __init__(self, who):
        archive, losses, notices = read_health(), read_losses(), read_notice_health()
        self.found = [*collect_kpis(who), *collect_thresholds(who), *collect_health()]
        self.found += [*collect_archive(archive, losses), *collect_waiting(notices)]
        if sees_all(who):
            # Of somebody who knows their own topics they would tell what the hidden ones took in.
            self.found += [*collect_counters(archive), *collect_losses(losses), *collect_notices(notices)]
            self.found += collect_emitters()

    def collect(self):
        """The families, as prometheus_client asks for them."""
        return self.found


def collect_kpis(who):
    """The value of each KPI's tile and the points behind it; an empty window has no value."""
    kpis = [kpi for kpi in registry.list_kpis() if registry.may_read(who, kpi.topic)]
    now = queries.redis_now()
    conditions = read_conditions(kpis, now=now)
    ends = [find_end(now, conditions[kpi.topic].behind) for kpi in kpis]
    asked = [
        (kpi.topic, end - kpi.window * 1000, end, kpi.aggregate) for kpi, end in zip(kpis, ends, strict=True)
    ]
    labels = ["topic", "aggregate", "window", "unit"]
    value = GaugeMetricFamily("hms_kpi_value", "What the KPI's tile shows, in its unit.", labels=labels)
    points = GaugeMetricFamily("hms_kpi_points", "Points in the KPI's window.", labels=["topic", "window"])
    condition = GaugeMetricFamily(
        "hms_kpi_condition",
        "1 for each condition a KPI is in: as its tile shows it, and silent beside it where points lack.",
        labels=["topic", "condition"],
    )
    observed = queries.observe(asked)
    values = queries.take_values(observed, [one[:3] for one in asked])
    for kpi, seen, known in zip(kpis, observed, values, strict=True):
        for name in ORDER:
            condition.add_metric([kpi.topic, name], float(name in conditions[kpi.topic].condition.names))
        if known is not None:
            value.add_metric([kpi.topic, kpi.aggregate, str(kpi.window), kpi.unit], known)
        points.add_metric([kpi.topic, str(kpi.window)], seen.n)
    return value, points, condition


def collect_thresholds(who):
    """Each threshold's state (1 for the present one), limit, and the value it last judged."""
    rows = limit_to_visible(Threshold.objects.filter(enabled=True), who, "kpi__topic")
    names = ["threshold", "topic", "name", "severity"]
    state = GaugeMetricFamily(
        "hms_threshold_state",
        "1 for the state a threshold is in; unjudged where nobody judges it (beside firing, which absence "
        "does not end), or where it is ok and its points prove nothing.",
        labels=[*names, "state"],
    )
    limit = GaugeMetricFamily(
        "hms_threshold_limit", "The limit, in the unit of what is judged.", labels=names
    )
    value = GaugeMetricFamily("hms_threshold_value", "What it judged last.", labels=names)
    clock = read_clock()
    for rule in rows.select_related("kpi", "state_row").order_by("pk"):
        row = getattr(rule, "state_row", None)
        # What was never judged is in no state: "ok" would be a promise.
        judged = judge_threshold(rule, clock)
        labels = [str(rule.pk), rule.kpi.topic, rule.name, rule.severity]
        for one in (*STATES, UNJUDGED):
            state.add_metric([*labels, one], float(one in judged.states))
        if rule.limit is not None:
            limit.add_metric(labels, rule.limit)
        if row and row.value is not None:
            value.add_metric(labels, row.value)
    return state, limit, value


def collect_health():
    """The collector, when each part last worked, and the open streams."""
    behind = GaugeMetricFamily(
        "hms_collector_behind_seconds",
        "How far the collected-through mark lies behind now.",
        labels=["shard"],
    )
    now = queries.redis_now()
    for shard, mark in queries.collected_through().items():
        if mark:
            behind.add_metric([str(shard)], max(0, now - mark) / 1000)
    streams = GaugeMetricFamily("hms_streams_open", "Open streams over all processes.", labels=["kind"])
    counts = presence.count_streams()
    for kind in KINDS:
        streams.add_metric([kind], counts.get(kind, 0))
    return [behind, streams, *collect_ages()]


def collect_ages():
    """How long ago each part last worked; of one that never did nothing, which alerts call absent."""
    for part, age in sorted(read_ages().items()):
        yield GaugeMetricFamily(f"hms_{part}_last_seconds", f"Since the part {part} last worked.", value=age)


def collect_counters(archive):
    """The collector's counters per shard, and the late points that wait: over all topics."""
    rows = read_counters()
    for field, (name, text) in COUNTERS.items():
        family = CounterMetricFamily(name, text, labels=["shard"])
        for shard, row in rows.items():
            family.add_metric([str(shard)], row[field])
        yield family
    text = "Late points that wait for the archiver."
    yield GaugeMetricFamily("hms_archiver_late_points", text, value=archive.late)


def collect_archive(health, losses):
    """How long the archiver is awaited, on the shard that is worst off, and whether Redis lost points."""
    for name, text, value in (
        ("hms_archiver_behind_seconds", "Age of the oldest minute that history lacks.", health.behind),
        # In whole percent: it is counted in late points, whose number is not for everybody.
        ("hms_archiver_bound_ratio", "Share in use of what Redis holds back for it.", round(health.share, 2)),
        (
            "hms_points_lost_recently",
            "1 where points were lost within the last day.",
            float(losses.recent > 0),
        ),
        (
            "hms_redis_lost_timestamp_seconds",
            "When Redis last began anew without its data, points known to be lost or not; 0: never.",
            (losses.emptied or 0) / 1000,
        ),
    ):
        yield GaugeMetricFamily(name, text, value=value)


def collect_losses(losses):
    """What Redis lost before it was archived, per shard: over all topics."""
    text = "Points known to be lost: Redis lost its data before they were archived."
    lost, known = CounterMetricFamily("hms_points_lost", text, labels=["shard"]), losses.by_shard
    for shard in range(conf.get("SHARDS")):
        lost.add_metric([str(shard)], known.get(shard, 0))
    yield lost


def collect_emitters():
    """Of each valid key that emits, and of the project itself: whose clock is off, who lost points."""
    labels = ["key", "name"]
    dropped = CounterMetricFamily(
        "hms_emitter_dropped",
        "Points that senders told they had lost.",
        labels=labels,
    )
    skew = GaugeMetricFamily(
        "hms_emitter_skew_seconds",
        "How far a sender's clock is ahead; 0 within the 5 s a point may lie ahead, and 10 min after it was.",
        labels=labels,
    )
    skews, losses, now = emitters.read_skews(), emitters.read_dropped(), queries.redis_now()
    keys = ApiKey.objects.filter(revoked_at=None).order_by("pk").values_list("pk", "name", "scopes")
    named = [(pk, name) for pk, name, scopes in keys if "emit" in scopes]
    for pk, name in [(emitters.OWN, "the project itself"), *named]:
        dropped.add_metric([str(pk), name], losses.get(pk, 0))
        seen = skews.get(pk)
        is_now = seen is not None and now - seen.at < emitters.BELIEVED
        skew.add_metric([str(pk), name], seen.ms / 1000 if is_now else 0)
    return [dropped, skew]


def collect_waiting(health):
    """For how long notices wait and whether some were given up, and not how many: that tells of topics."""
    for name, text, value in (
        ("hms_notices_overdue_seconds", "For how long the oldest notice to be sent is due.", health.overdue),
        (
            "hms_notices_failed_recently",
            "1 where notices were given up within the last 24 hours.",
            float(health.failed > 0),
        ),
    ):
        yield GaugeMetricFamily(name, text, value=value)


def collect_notices(health):
    """How many notices wait to be sent, and how many were given up: over all topics."""
    for name, text, value in (
        ("hms_notices_waiting", "Notices that are still to be sent.", health.waiting),
        ("hms_notices_failed", "Notices given up in the last 24 hours.", health.failed),
    ):
        yield GaugeMetricFamily(name, text, value=value)
    labels = ["receiver"]
    text = "For how long no attempt at a receiver has worked; 0 where the last one did."
    down = GaugeMetricFamily("hms_receiver_down_seconds", text, labels=labels)
    waiting = GaugeMetricFamily("hms_receiver_waiting", "Notices that wait for a receiver.", labels=labels)
    for standing in read_standings():
        down.add_metric([standing.name], standing.down)
        waiting.add_metric([standing.name], standing.waiting)
    yield from (down, waiting)
