"""What measuring an effect asks: how a KPI is judged, its hours, what else happened. Times are ms."""

from django.conf import settings

from hms_gov.joins.quantities import read_rule
from metrics_app import queries
from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.durations import HOUR_MS
from metrics_app.core.moments import to_ms
from metrics_app.core.text.losses import tell_lost
from metrics_app.core.text.phrases import name_aggregate
from metrics_app.exceptions import BusUnavailable
from metrics_app.models import Breach, Correction, Kpi, ThresholdVersion
from metrics_app.registry import get_kpi
from pipelines_app.exceptions import NotMeasured

BETTER = {Kpi.Direction.LOWER: "lower", Kpi.Direction.HIGHER: "higher"}
# What a rule judges that grows with its window is judged per hour; all others by the mean of the points.
TOTALS = {"count": "points", "rate_per_hour": "points", "sum": "values"}


def describe_effect(topic, rule):
    """``{"name", "better", "kind", "of", "label", "unit", "zone", "told"}``: how acting on a KPI is judged.

    ``better`` is ``lower``, ``higher`` or "" where nobody has said; ``kind`` is ``mean`` (per point) or
    ``total`` (per hour) ``of`` the ``points`` or their ``values``. ``told`` says where that is not what
    the rule judges. None where the topic has no KPI.
    """
    kpi = get_kpi(topic)
    if kpi is None:
        return None
    rule = read_rule(kpi, rule)
    of = TOTALS.get(rule.aggregate)
    # A count is a matter of its window; per hour it is what a rate is.
    shown = "rate_per_hour" if of == "points" else "mean"
    unit = get_aggregate(shown).unit_of(kpi.unit)
    return {
        "name": str(kpi),
        "better": BETTER.get(kpi.direction, ""),
        "kind": "total" if of else "mean",
        "of": of or "values",
        "label": {"points": "points per hour", "values": "sum per hour"}.get(of, "mean"),
        "unit": f"{unit} per hour".strip() if of == "values" else unit,
        "zone": settings.TIME_ZONE,
        "told": "" if of or rule.aggregate == "mean" else tell_mean(kpi, rule),
    }


def tell_mean(kpi, rule):
    """Why the mean stands in for what the rule judges."""
    return f"Its rule judges the {name_aggregate(rule, kpi.unit)}; what came of it is judged by the mean."


def hours(topic, start, end):
    """``{"starts", "sums", "counts"}`` of the hours with points in [start, end).

    NotMeasured while the collector has not passed the end: what is missing is not silence; and while Redis
    is away.
    """
    try:
        through = queries.collected_through()[queries.shard_for(topic)]
        if through >= end:
            return queries.read_hours(topic, start, end)
    except BusUnavailable as error:
        raise NotMeasured(f"{topic} cannot be read right now: {error}") from error
    raise NotMeasured(f"the points of {topic} are collected up to {through}, not yet to {end} (ms)")


def count_recorded(topic, start, end):
    """How many hours of [start, end) were recorded: in the others "no points" says nothing. NotMeasured."""
    try:
        spans = queries.list_recorded(topic, start, end)
    except BusUnavailable as error:
        raise NotMeasured(f"{topic} cannot be read right now: {error}") from error
    return round(sum(until - since for since, until in spans) / HOUR_MS, 2)


def list_events(topic, start, end):
    """What else happened in [start, end]: ``breaches`` (when they fired), and ``edits``, ``notes`` and
    ``voids``, each ``[{"at", "text"}, …]``.
    """
    fired = Breach.objects.filter(threshold__kpi__topic=topic, kind=Breach.Kind.LIMIT)
    return {
        "breaches": sorted(
            fired.filter(fired_at__gte=start, fired_at__lte=end).values_list("fired_at", flat=True)
        ),
        "edits": list_edits(topic, start, end),
        "notes": [{"at": note.at, "text": note.text} for note in queries.list_notes(topic, start, end)],
        "voids": list_voids(topic, start, end),
    }


def list_edits(topic, start, end):
    """Versions of the rules of a KPI that were saved in [start, end]; the first of each is no edit."""
    rows = ThresholdVersion.objects.filter(threshold__kpi__topic=topic, version__gt=1)
    told = [(to_ms(row.created_at), str(row)) for row in rows.select_related("threshold__kpi")]
    return [{"at": at, "text": text} for at, text in sorted(told) if start <= at <= end]


def list_voids(topic, start, end):
    """Spans that do not count, of those that touch [start, end]: people voided them, or points were lost."""
    rows = Correction.objects.filter(topic=topic, restored_at=None, start__lte=end, end__gte=start)
    found = [{"at": row.start, "text": row.reason} for row in rows.order_by("start", "pk")]
    lost = [one for one in queries.list_losses(topic, start, end) if one.points != 0]
    found += [{"at": one.start, "text": tell_lost(one.points)} for one in lost]
    return sorted(found, key=lambda one: one["at"])
