"""Evidence without a ``quantity``: frozen before there was one, or brought by whoever proposed.

Such evidence names an aggregate and may hold the KPI's minutes, but no curve of what was judged.
Nothing is made up from the minutes: their means are drawn as what they are.
"""

from pipelines_app.cards.writing import write
from pipelines_app.core.durations import HOUR_S, SECOND_MS

MEANS = "mean of each minute"
RULE = ("aggregate", "window", "operator", "limit")


def read_older(evidence, pipeline, watch):
    """The fields of a Basis, or None where nothing was measured."""
    minutes = evidence.get("minutes")
    minutes = minutes if isinstance(minutes, dict) else {}
    if evidence.get("aggregate"):
        return read_rule(evidence, pipeline, minutes)
    return read_claim(evidence, pipeline, watch, minutes) if minutes.get("summary") else None


def read_rule(evidence, pipeline, minutes):
    """The rule that fired, or that somebody wrote into what they sent."""
    rule = {name: evidence.get(name) for name in RULE}
    fired = evidence.get("threshold")
    known = fired if isinstance(fired, dict) else {}
    stored = known.get("rule") or {}
    rule["aggregate_value"] = stored.get("aggregate_value")
    found = describe(rule, evidence.get("value"), pipeline)
    # The limit of a mean belongs beside means; any other was set for something else.
    is_mean = rule["aggregate"] == "mean"
    return found | {
        "n": evidence.get("n"),
        "curve": draw_minutes(minutes),
        "curve_label": MEANS if is_mean else f"{MEANS}, without its limit",
        "measured_to": evidence.get("measured_to"),
        "since": evidence.get("since"),
        "threshold": known.get("id"),
    }


def read_claim(evidence, pipeline, watch, minutes):
    """What was measured when somebody proposed, over all that was frozen then."""
    summary, end = minutes["summary"], evidence.get("measured_to") or 0
    window = (end - (evidence.get("measured_from") or end)) // SECOND_MS or HOUR_S
    rule = dict.fromkeys(RULE) | {"aggregate": watch.get("aggregate", "mean"), "window": window}
    found = describe(rule, summary.get(rule["aggregate"]), pipeline)
    more = {"n": int(summary.get("count") or 0), "curve": draw_minutes(minutes), "measured_to": end}
    return found | more | {"curve_label": MEANS}


def describe(rule, value, pipeline):
    """The words of a quantity that the project has not worded."""
    aggregate, window = rule["aggregate"], rule["window"]
    over = f" over {write(window, 'seconds')}" if window else ""
    text = "nothing measured" if value is None else None
    return {
        "rule": rule,
        "label": f"{str(aggregate).replace('_', ' ')}{over}",
        "unit": pipeline.unit,
        "value": value,
        "text": text or write(value, pipeline.unit, aggregate, rule["limit"]),
        "limit_text": "" if rule["limit"] is None else write(rule["limit"], pipeline.unit, aggregate),
    }


def draw_minutes(minutes):
    """The means of frozen minutes as a curve, or None."""
    if not minutes.get("ts") or len(minutes["ts"]) != len(minutes.get("mean", ())):
        return None
    return {"ts": minutes["ts"], "values": minutes["mean"]}
