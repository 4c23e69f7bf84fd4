"""The quantity that a rule judges, in words and as a curve.

A *rule* is a dict with ``aggregate``, ``aggregate_value``, ``window`` (seconds), ``operator`` and
``limit``; without one it is what the KPI's tile shows. Times are ms.
"""

from bisect import bisect_left
from types import SimpleNamespace

from metrics_app import queries
from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.curves import roll
from metrics_app.core.durations import HOUR_MS, MINUTE_MS
from metrics_app.core.spans import ceil
from metrics_app.core.text.entries import write_duration
from metrics_app.core.text.phrases import name_aggregate, name_clock, write_limit
from metrics_app.core.text.units import format_value
from metrics_app.core.trends import FAR

RULE = ("aggregate", "aggregate_value", "window", "operator", "limit")
MOST_VALUES, MOST_READ = 120, 60  # of a curve; of one whose values each read a window of their own
MOST_MINUTES = 3_000  # that are read at once, with the first window
NOTHING = "nothing measured"


def read_rule(kpi, rule=None):
    """A rule with all its fields; that of the KPI's tile, without a limit, where there is none."""
    given = rule or {"aggregate": kpi.aggregate, "window": kpi.window}
    fields = {name: given.get(name) for name in RULE}
    return SimpleNamespace(**fields, zone=given.get("zone") or "")


def describe(kpi, rule, value):
    """``{"rule", "label", "unit", "value", "text", "limit_text"}``: "share above 48 h over 1 h", "%", …"""
    limit = rule.limit
    return {
        # The zone by whose clock a change compares, where it names one.
        "rule": {name: part for name, part in vars(rule).items() if part or name != "zone"},
        "label": f"{name_aggregate(rule, kpi.unit)} over {write_duration(rule.window)}{name_clock(rule)}",
        "unit": get_aggregate(rule.aggregate).unit_of(kpi.unit),
        "value": value,
        "text": write_seen(kpi, rule, value),
        "limit_text": "" if limit is None else write_limit(limit, kpi.unit, rule.aggregate),
    }


def write_seen(kpi, rule, value):
    """A value in words, in the units of the rule's limit."""
    if value is None:
        return NOTHING
    if is_far(rule, value):
        return "not in sight"
    return format_value(value, kpi.unit, rule.aggregate, beside=rule.limit)


def observe(topics, rules, end):
    """``[(value, points), …]`` of rules of topics in their windows up to ``end``.

    None of a window without points in which nobody counted: that is no zero.
    """
    asked = [queries.ask(topic, rule, end) for topic, rule in zip(topics, rules, strict=True)]
    return [
        (queries.take_value(seen, one[0], one[1], end), int(seen.n))
        for one, seen in zip(asked, queries.observe(asked), strict=True)
    ]


def draw(kpi, rule, start, end, last):
    """``{"ts", "values"}`` of a rule's quantity from ``start`` to ``end``, where it is ``last``.

    Each value is that of a whole window, as the rule saw it: once a minute, over more than one or
    two hours less often, and over days at whole hours. None where a window is empty or no longer kept as
    finely as it was judged.
    """
    together = can_roll(rule, end - start)
    step = MINUTE_MS * max(1, -(-(end - start) // ((MOST_VALUES if together else MOST_READ) * MINUTE_MS)))
    if step > HOUR_MS:
        step = ceil(step, HOUR_MS)
    ends = list(range(ceil(start, step), end, step))
    kept = ends[find_kept(kpi.topic, rule, ends) :]
    seen = (roll_windows if together else read_windows)(kpi.topic, rule, kept) if kept else []
    values = [None] * (len(ends) - len(seen)) + seen + [last]
    values = queries.drop_unknown(kpi.topic, [*ends, end], rule.window * 1000, values, rule.aggregate)
    return {"ts": [*ends, end], "values": [None if is_far(rule, one) else one for one in values]}


def can_roll(rule, span):
    """Whether the minutes of a span (ms) and of the window before it make all values in one read."""
    minutes = span / MINUTE_MS + rule.window / 60
    return get_aggregate(rule.aggregate).is_rolled and rule.window % 60 == 0 and minutes <= MOST_MINUTES


def roll_windows(topic, rule, ends):
    """The values at ``ends`` (whole minutes) from the minutes that they share."""
    columns = queries.series(topic, ends[0] - rule.window * 1000, ends[-1], MINUTE_MS)
    rolled = roll(columns, steps=rule.window // 60, aggregate=rule.aggregate)
    return [rolled[(at - ends[0]) // MINUTE_MS] for at in ends]


def read_windows(topic, rule, ends):
    """The values at ``ends``, each window read by itself."""
    return [one.value for one in queries.observe([queries.ask(topic, rule, at) for at in ends])]


def find_kept(topic, rule, ends):
    """The index of the first of ``ends`` whose window is still kept as finely as it is cut."""
    length = rule.window * 1000
    is_whole = all(part % HOUR_MS == 0 for part in (length, *ends[:2]))
    finest = HOUR_MS if is_whole else MINUTE_MS
    return bisect_left(ends, True, key=lambda at: queries.find_grain(topic, at - length) <= finest)


def is_far(rule, value):
    """Whether a trend leads nowhere: that is judged as a year, and neither written nor drawn as one."""
    return value is not None and value >= FAR and get_aggregate(rule.aggregate).is_trend
