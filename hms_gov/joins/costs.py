"""What it costs to wait, where that has a meaning: what lies beyond a rule's limit, counted or summed.

- What counts or sums (``count``, ``sum``, a rate per hour): how much more came than the limit allows.
- A share: how many more points lie on the bad side of its value than the limit allows.
- A mean of durations: what the points are over the limit, summed, by the mean of each minute. Of
  other units nobody can say whether their values add up: a sum of readings would mean nothing.
- What lies among the points (a percentile, an extreme): how many points are beyond the limit.
- A change and a trend compare or foresee; nothing of theirs adds up, so there is no cost.
"""

from metrics_app import queries
from metrics_app.core.aggregate_records import COUNTED, SHARE, SUMS
from metrics_app.core.aggregates import compute, get_aggregate, is_known
from metrics_app.core.durations import DAY_MS, HOUR_MS, MINUTE_MS
from metrics_app.core.spans import ceil
from metrics_app.core.text.phrases import write_limit
from metrics_app.core.text.words import UPPER

ALLOWED = "beyond what {limit} allows since {since}"


def find_cost(kpi, rule, start, end):
    """``{"value", "unit", "per_hour", "since", "words"}`` of [start, end) ms, or None.

    ``words`` hold ``{limit}`` and ``{since}``, for whoever writes them for a reader.
    """
    count = find_way(get_aggregate(rule.aggregate), kpi.unit)
    if rule.limit is None or count is None or end <= start:
        return None
    value, unit, words = count(kpi, rule, start, end)
    cost = {"value": max(value, 0.0), "unit": unit, "since": start, "words": words}
    return cost | {"per_hour": cost["value"] * HOUR_MS / (end - start)}


def find_way(aggregate, unit):
    """How the cost of an aggregate is counted; None where it has no meaning, or the aggregate is gone."""
    if not is_known(aggregate.name) or aggregate.is_change or aggregate.is_trend:
        return None
    if aggregate.kind == SHARE:
        return count_share
    if aggregate.grows or aggregate.unit == f"{COUNTED} per hour":
        return count_excess
    if not aggregate.on_scale:
        return None
    if aggregate.reads != SUMS:
        return count_beyond
    return sum_overrun if unit == "seconds" else None


def side(rule):
    """1 for a rule with a ceiling, -1 for one with a floor."""
    return 1 if rule.operator in UPPER else -1


def count_excess(kpi, rule, start, end):
    """How much more (or less) there was than the limit allows over the span."""
    aggregate, seconds = get_aggregate(rule.aggregate), (end - start) / 1000
    spans = seconds / rule.window if aggregate.grows else seconds / 3600
    whole = queries.span(kpi.topic, start, end, percentiles=aggregate.is_shaped)
    found = (compute(rule.aggregate, whole, seconds) or 0.0) * (1 if aggregate.grows else spans)
    unit = aggregate.unit_of(kpi.unit).removesuffix("per hour").strip()
    return side(rule) * (found - rule.limit * spans), unit, ALLOWED


def count_share(kpi, rule, start, end):
    """How many points too many lie on the bad side of the share's value."""
    whole = queries.span(kpi.topic, start, end, percentiles=True)
    share = compute(rule.aggregate, whole, (end - start) / 1000, rule.aggregate_value)
    excess = side(rule) * ((rule.limit if share is None else share) - rule.limit) / 100 * whole.count
    # Bad are those that raise a share with a ceiling, or lower one with a floor.
    is_above = (side(rule) == 1) != get_aggregate(rule.aggregate).inverse
    value = write_limit(rule.aggregate_value, kpi.unit, "mean")
    found = round(excess)
    return found, "", f"{name_points(found)} {'above' if is_above else 'up to'} {value} {ALLOWED}"


def count_beyond(kpi, rule, start, end):
    """How many points are beyond the limit."""
    whole = queries.span(kpi.topic, start, end, percentiles=True)
    above = whole.share_above(rule.limit) or 0.0
    found = round(whole.count * (above if side(rule) == 1 else 1 - above))
    word = "over" if side(rule) == 1 else "under"
    return found, "", f"{name_points(found)} {word} {{limit}} since {{since}}"


def name_points(found):
    """What stands behind a number of them."""
    return "point" if found == 1 else "points"


def sum_overrun(kpi, rule, start, end):
    """What each measurement is beyond the limit, summed, by the mean of its minute (of longer spans more)."""
    # Of a proposal that is older than its minutes, whole hours or days.
    grain = queries.find_grain(kpi.topic, start - DAY_MS)
    step = ceil(MINUTE_MS * max(1, (end - start) // DAY_MS), grain)
    columns = queries.series(kpi.topic, start, end, step)
    found = zip(columns["count"], columns["mean"], strict=True)
    over = sum(n * max(side(rule) * (mean - rule.limit), 0.0) for n, mean in found if n)
    word = "over" if side(rule) == 1 else "under"
    return over, kpi.unit, f"{word} {{limit}}, all points since {{since}} together"
