"""The curve of a tile: what its rule saw over the last hour, with its limit."""

from metrics_app import queries
from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.curves import roll
from metrics_app.core.durations import HOUR_MS, MINUTE_MS
from metrics_app.core.text import words
from metrics_app.core.text.phrases import name_aggregate
from metrics_app.core.text.units import format_value, split_value
from metrics_app.core.trends import FAR
from metrics_app.pages.lights import clock_with_zone
from metrics_app.queries.charts import MOST_BUCKETS

LATE = 5 * MINUTE_MS  # after which the first value of a line is said to have begun it


def describe_chart(kpi, rule, value, now, recorded=None, *, behind=False):
    """The spark-line's series: the aggregate of the whole window at each minute of the last hour.

    It follows the rule's aggregate and window where a rule is shown, so that the line
    and the limit speak of the same thing. ``recorded``: what was of the topic in ``reach_back``, where read.
    ``behind``: whether the collector stands still, so that ``now`` is up to when points are counted.
    """
    aggregate = rule.aggregate if rule else kpi.aggregate
    window, *more = (rule.window, rule.aggregate_value, rule.zone) if rule else (kpi.window,)
    if not draws_own(kpi, rule):
        value = observe_now(kpi.topic, aggregate, window, now, *more)
    ts, values = read_curve(kpi.topic, aggregate, window, now, *more)
    ts, values = [*ts, now], [*values, value]
    values = queries.drop_unknown(kpi.topic, ts, window * 1000, values, aggregate, recorded)
    limit_text = tell_limit(rule) if rule else ""
    what = f"{name_shown(kpi, rule)} of {words.format_duration(window)}"
    return {
        "ts": ts,
        "values": values,
        "start": ts[0],
        "end": now,
        "limit": rule.limit if rule else None,
        "limit_label": label_limit(rule) if rule else "",
        "above": rule.operator in words.UPPER if rule else True,
        "unit": kpi.unit,
        "aggregate": aggregate,
        "what": what,
        "sentence": words.tell_curve(
            values,
            limit_text,
            lambda one: format_value(one, kpi.unit, aggregate, rule.limit if rule else None),
            tell_since(ts, values),
            clock_with_zone(now, queries.redis_now()) if behind else "",
            "" if draws_own(kpi, rule) else what,
        ),
    }


def reach_back(kpi, rule, now):
    """From when on (ms) a tile shows anything of a KPI: the line's first window, or its own."""
    return now - HOUR_MS - MINUTE_MS - max(kpi.window, rule.window if rule else 0) * 1000


def tell_since(ts, values):
    """When the first value of a line came, where that is more than some minutes after its start; else ""."""
    known = [at for at, value in zip(ts, values, strict=True) if value is not None]
    return clock_with_zone(known[0], ts[-1]) if known and known[0] - ts[0] > LATE else ""


def draws_own(kpi, rule):
    """Whether the line is of what the tile's large number is: its aggregate over its window."""
    return rule is None or (rule.aggregate, rule.window) == (kpi.aggregate, kpi.window)


def name_shown(kpi, rule):
    """The aggregate that is drawn, in words."""
    return name_aggregate(rule, kpi.unit) if rule else get_aggregate(kpi.aggregate).label


def label_limit(rule):
    """The limit as short as it fits beside a spark-line: ``48 h``, ``90``, ``92 %``."""
    number, suffix = split_value(rule.limit, rule.kpi.unit, rule.aggregate)
    return f"{number} %" if suffix == "%" else number


def tell_limit(rule):
    """The rule's limit in words; with its aggregate where the tile shows another one."""
    limit = words.tell_limit(rule.limit, operator=rule.operator, unit=rule.kpi.unit, aggregate=rule.aggregate)
    return (
        limit if rule.aggregate == rule.kpi.aggregate else f"{name_aggregate(rule, rule.kpi.unit)}: {limit}"
    )


def observe_now(topic, aggregate, window, now, *more):
    """An aggregate over the last ``window`` seconds, or None; ``more``: what else a rule asks with."""
    end = (now // 1000 + 1) * 1000
    asked = (topic, end - window * 1000, end, aggregate, *more)
    return in_sight(queries.observe([asked])[0].value, aggregate)


def read_curve(topic, aggregate, window, now, *more):
    """``(ts, values)``: an aggregate over a moving window, once a minute over the last hour.

    ``more``: the value that a share or trend asks for, and the zone by whose clock a change compares.
    """
    last = now // MINUTE_MS * MINUTE_MS
    ends = list(range(last - HOUR_MS, last + 1, MINUTE_MS))
    first = ends[0] - window * 1000
    if (
        get_aggregate(aggregate).is_rolled
        and window % 60 == 0
        and (last - first) // MINUTE_MS <= MOST_BUCKETS
        and queries.find_grain(topic, first) == MINUTE_MS
    ):
        columns = queries.series(topic, first, last, MINUTE_MS)
        return ends, roll(columns, steps=window // 60, aggregate=aggregate)
    # Percentiles and windows of odd seconds need more than the rows of minutes; or these are gone, or
    # too many to read.
    asked = [(topic, end - window * 1000, end, aggregate, *more) for end in ends]
    return ends, [in_sight(observation.value, aggregate) for observation in queries.observe(asked)]


def in_sight(value, aggregate):
    """A value as it is drawn: of a trend that leads nowhere nothing is."""
    return None if value is not None and value >= FAR and get_aggregate(aggregate).is_trend else value
