"""How soon a limit is crossed if things go on as they do, in a sentence."""

from metrics_app import queries
from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.recorded import is_enough
from metrics_app.core.text.phrases import tell_crossing, write_limit

LEAST_SPAN = 3_600  # seconds a line is fitted to; over less, minutes say little
FURTHEST = 24  # times the span: further ahead nobody sees


def tell_forecast(topic, unit, rule, at):
    """ "At the pace of the last hour, 48 h is crossed in about 3 h (…)" at a moment (ms); "" for none.

    Of a rule on a mean its limit, of a trend the value it leads to; other aggregates are no
    level that a line through the minutes could meet.
    """
    if get_aggregate(rule.aggregate).is_trend:
        aggregate, goal, span = rule.aggregate, rule.aggregate_value, rule.window
    elif rule.aggregate == "mean":
        aggregate = "time_until_above" if rule.operator in ("gt", "gte") else "time_until_below"
        goal, span = rule.limit, max(rule.window, LEAST_SPAN)
    else:
        return ""
    forecast, _ = queries.read_forecast(topic, at - span * 1000, at, aggregate, goal)
    if forecast is None or forecast.about > FURTHEST * span:
        return ""
    return tell_crossing(forecast, write_limit(goal, unit, "mean"), find_known(topic, at, span))


def find_known(topic, at, span):
    """Seconds up to ``at`` (ms) of which anything is known, at most ``span``: what a line was fitted to."""
    recorded = queries.list_recorded(topic, at - span * 1000, at)
    known = (at - recorded[0][0]) // 1000 if recorded else span
    return span if is_enough(known / span) else known
