"""What an approver will want to know, read once and frozen with the proposal.

``quantity`` is what the rule judged, with its words and its curve; ``minutes`` are the KPI's own
summaries, for whoever wants to compute something else. ``losses`` is there where points of its span are
known to be lost: no figure has them. Times are ms, windows in seconds.
"""

import logging

from hms_gov.joins.quantities import describe, draw, observe, read_rule
from metrics_app import queries
from metrics_app.addresses import find_address
from metrics_app.core.aggregates import compute, list_names
from metrics_app.core.durations import HOUR_MS, MINUTE_MS
from metrics_app.core.text.losses import name_lost
from metrics_app.exceptions import MetricsError
from metrics_app.models import ThresholdVersion
from metrics_app.registry import get_kpi, list_kpis

logger = logging.getLogger(__name__)
MAX_COMPANIONS = 12
MAX_BUCKETS = 360  # in the chart; a window of a week is not frozen minute by minute
COLUMNS = ("ts", "count", "mean", "min", "max")


def freeze_breach(breach):
    """Value, rule, quantity, minutes and companions of a breach as plain JSON."""
    threshold, kpi = breach.threshold, breach.threshold.kpi
    rule, explained = find_rule(breach), find_address("explain", threshold.pk)
    # One window more than the hour shown: the first value drawn needs a whole window before it.
    span = HOUR_MS + rule["window"] * 1000
    step = MINUTE_MS * max(1, span // (MAX_BUCKETS * MINUTE_MS))
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
        "quantity": freeze_quantity(kpi, rule, breach),
        **freeze_losses(kpi.topic, start, breach.fired_at),
    } | measure(kpi, start, breach.fired_at, step)


def freeze(topic, start, end):
    """The evidence where nobody's rule fired: what the KPI's tile shows at ``end``; {} without a KPI."""
    kpi = get_kpi(topic)
    if kpi is None:
        return {}
    rule, end = read_rule(kpi), (end // 1000 + 1) * 1000
    [(value, n)] = observe([topic], [rule], end)
    minutes = read_minutes(topic, start // MINUTE_MS * MINUTE_MS, end, MINUTE_MS)
    return {
        "value": value,
        "n": n,
        "unit": kpi.unit,
        "window": rule.window,
        "aggregate": rule.aggregate,
        "kpi": {"topic": kpi.topic, "name": str(kpi), "direction": kpi.direction},
        "measured_from": start,
        "measured_to": end,
        "quantity": describe(kpi, rule, value) | {"curve": draw(kpi, rule, start, end, value)},
        "minutes": minutes | {"summary": summarise(topic, start, end)},
        **freeze_losses(topic, start, end),
    }


def freeze_losses(topic, start, end):
    """``{"losses": [{"start", "end", "points", "text"}]}`` of a span; {} where none is known.

    ``points`` is None where nobody knows how many of them were this KPI's.
    """
    found = [lost for lost in queries.list_losses(topic, start, end) if lost.points != 0]
    losses = [lost._asdict() | {"text": name_lost(lost.points)} for lost in found]
    return {"losses": losses} if losses else {}


def summarise(topic, start, end):
    """Every aggregate of a span by its name; None where it holds no point."""
    whole = queries.span(topic, start, end, percentiles=True)
    return {name: compute(name, whole, (end - start) / 1000) for name in list_names("on_tiles")}


def freeze_quantity(kpi, rule, breach):
    """What the rule judged, over the hour before it fired; without a curve where Redis is away."""
    rule, end = read_rule(kpi, rule), breach.fired_at
    quantity = describe(kpi, rule, breach.value)
    try:
        # It ends in the value that was judged, whatever has come late since.
        return quantity | {"curve": draw(kpi, rule, end - HOUR_MS, end, breach.value)}
    except MetricsError as error:
        logger.warning("The evidence about %s has no curve: %s", kpi.topic, error)
        return quantity


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


def list_companions(kpi, end, window=None):
    """The tiles of the KPIs that share its first word, as they stood at ``end``.

    ``window`` (s) takes the place of theirs.
    """
    shown = [other for other in list_kpis() if is_companion(kpi, other)][:MAX_COMPANIONS]
    rules = [
        read_rule(other, {"aggregate": other.aggregate, "window": window or other.window}) for other in shown
    ]
    seen = observe([other.topic for other in shown], rules, end)
    return [describe_companion(*row) for row in zip(shown, rules, seen, strict=True)]


def describe_companion(kpi, rule, seen):
    """What a rule without a limit, such as its tile, saw of a KPI, in numbers and in words."""
    value, n = seen
    words = describe(kpi, rule, value)
    return {
        "topic": kpi.topic,
        "name": str(kpi),
        "unit": kpi.unit,
        "aggregate": rule.aggregate,
        "window": rule.window,
        "value": value,
        "n": n,
        "label": words["label"],
        "text": words["text"],
    }


def is_companion(kpi, other):
    """Whether ``other`` may stand beside ``kpi``: same first word, and no secret of another group."""
    if other.topic == kpi.topic or other.topic.partition(".")[0] != kpi.topic.partition(".")[0]:
        return False
    return not other.restricted or (kpi.restricted and kpi.owner_id == other.owner_id)
