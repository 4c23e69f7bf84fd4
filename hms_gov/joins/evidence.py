"""What an approver will want to know of a breach, read once and frozen with the proposal."""

import logging

from hms_gov.joins.addresses import find_page
from metrics_app import queries
from metrics_app.core.aggregates import compute
from metrics_app.exceptions import MetricsError
from metrics_app.models import ThresholdVersion
from metrics_app.registry import list_kpis

logger = logging.getLogger(__name__)
HOUR = 3_600_000
MINUTE = 60_000
MAX_COMPANIONS = 12
MAX_BUCKETS = 360  # in the chart; a window of a week is not frozen minute by minute
COLUMNS = ("ts", "count", "mean", "min", "max")


def freeze_breach(breach):
    """Value, rule, chart and companions of a breach as plain JSON; times are in ms, windows in seconds."""
    threshold, kpi = breach.threshold, breach.threshold.kpi
    rule, explained = find_rule(breach), find_page("explain", threshold.pk)
    # One window more than the hour shown: the first value drawn needs a whole window before it.
    span = HOUR + rule["window"] * 1000
    step = MINUTE * max(1, span // (MAX_BUCKETS * MINUTE))
    start = (breach.fired_at - span) // step * step
    return {
        "value": breach.value,
        "n": breach.n,
        "unit": kpi.unit,
        "since": breach.since,
        "slot": breach.fired_at,
        "window": rule["window"],
        "aggregate": rule["aggregate"],
        "operator": rule["operator"],
        "limit": rule["limit"],
        "recovery_limit": rule["recovery_limit"],
        "kpi": {"topic": kpi.topic, "name": str(kpi), "direction": kpi.direction},
        "threshold": {"id": threshold.pk, "version": breach.version, "name": str(threshold), "rule": rule},
        "breach": {"id": breach.pk, "kind": breach.kind, "peak": breach.peak, "reopened": breach.reopened},
        "explained_at": explained and f"{explained}?at={breach.fired_at}",
        "measured_from": start,
        "measured_to": breach.fired_at,
        "step": step,
    } | measure(kpi, start, breach.fired_at, step)


def find_rule(breach):
    """The rule in the version that fired, whatever it has become since."""
    threshold = breach.threshold
    version = ThresholdVersion.objects.filter(threshold=threshold, version=breach.version).first()
    present = {name: getattr(threshold, name) for name in threshold.RULE_FIELDS}
    return present | (version.rule if version else {})


def measure(kpi, start, end, step):
    """``minutes`` behind the chart and the ``companions``; where Redis is away, None and why.

    A proposal without its chart is better than none: the value that fired is known.
    """
    try:
        return {
            "minutes": read_minutes(kpi.topic, start, end, step),
            "companions": list_companions(kpi, end),
        }
    except MetricsError as error:
        logger.warning("The evidence about %s has no chart: %s", kpi.topic, error)
        return {"minutes": None, "companions": [], "not_measured": str(error)}


def read_minutes(topic, start, end, step):
    """Columns of the buckets from ``start`` on; the last one ends at ``end``, as the rule's window did."""
    whole = end // step * step
    columns = queries.series(topic, start, whole, step)
    columns = {name: columns[name] for name in COLUMNS}
    if whole < end:
        rest = queries.span(topic, whole, end)
        row = (whole, rest.count, *(compute(name, rest, (end - whole) / 1000) for name in COLUMNS[2:]))
        columns = {name: [*columns[name], value] for name, value in zip(COLUMNS, row, strict=True)}
    return columns


def list_companions(kpi, end):
    """The tiles of the KPIs that share its first word, as they stood at ``end``."""
    shown = [other for other in list_kpis() if is_companion(kpi, other)][:MAX_COMPANIONS]
    spans = [(other.topic, end - other.window * 1000, end, other.aggregate) for other in shown]
    return [
        {
            "topic": other.topic,
            "name": str(other),
            "unit": other.unit,
            "aggregate": other.aggregate,
            "window": other.window,
            "value": seen.value,
            "n": int(seen.n),
        }
        for other, seen in zip(shown, queries.observe(spans), strict=True)
    ]


def is_companion(kpi, other):
    """Whether ``other`` may stand beside ``kpi``: same first word, and no secret of another group."""
    if other.topic == kpi.topic or other.topic.partition(".")[0] != kpi.topic.partition(".")[0]:
        return False
    return not other.restricted or (kpi.restricted and kpi.owner_id == other.owner_id)
