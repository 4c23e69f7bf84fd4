"""What a proposal's KPI was and is: the frozen quantity, the same one now, and both as curves."""

from dataclasses import replace

from django.utils import timezone

from pipelines_app import queries
from pipelines_app.cards.basis import find_basis, find_today
from pipelines_app.cards.figures import tell_opening, tell_present, tell_unread
from pipelines_app.core.durations import HOUR_MS
from pipelines_app.core.moments import to_ms

LOWER = ("lt", "lte")  # the limit is a floor


def read_figures(pipeline, watch, now, *, with_cost=False, draw_from=None):
    """``(basis, present)``: what was frozen, and the same quantity as the project measures it now.

    What somebody proposed is held against the limit that watches that quantity today, if any.
    """
    basis = find_basis(pipeline, watch)
    if basis is None:
        return None, None
    rule = basis.rule if basis.limit is not None else find_today(basis, watch)[1] or basis.rule
    since = basis.since or to_ms(pipeline.created_at)
    if reopened := queries.find_reopening(pipeline):
        # What a rejection has put up with was decided: the waiting began anew.
        since = reopened["at"]
    wanted = {"draw_from": draw_from, "cost_from": since if with_cost else None}
    present = queries.measure(pipeline.topic, rule, now, **wanted)
    if present is not None and basis.curve_label and not present.get("unread"):
        # Frozen without words: the project has them.
        basis = replace(basis, label=present["label"])
    return basis, present


def describe_chart(pipeline, basis):
    """The frozen curve for the spark-line, with the rule it was judged by; None where it has no value."""
    if basis is None or not basis.curve or is_empty(basis.curve):
        return None
    found = describe_curve(basis, basis.curve, basis.measured_to or basis.curve["ts"][-1])
    if basis.curve_label:
        found |= {"label": basis.curve_label, "unit": pipeline.unit}
        if basis.rule["aggregate"] != "mean":
            found |= {"limit": None, "limit_label": ""}
    return found | {"sentence": tell_opening(pipeline, basis)}


def tell_no_chart(basis):
    """Why there is no spark-line where one was frozen; empty where it is drawn, or nothing measures it."""
    if basis is None or not basis.curve or not is_empty(basis.curve):
        return ""
    return "Nothing was measured in the hour before it was opened"


def is_empty(curve):
    """Whether a curve has no value at all: a line of nothing would look like one of zeros."""
    return all(value is None for value in curve["values"])


def describe_curve(basis, curve, end):
    """A curve as ``spark.js`` draws it: the limit in the picture, the side that is bad tinted."""
    return {
        "ts": curve["ts"],
        "values": curve["values"],
        "start": curve["ts"][0],
        "end": end,
        "label": basis.label,
        "unit": basis.unit,
        "limit": basis.limit,
        "limit_label": basis.limit_text,
        "above": basis.rule.get("operator") not in LOWER,
    }


def find_silenced(pipeline):
    """What silences the rule behind a proposal today (that of its evidence, else any), in words, or ""."""
    rules = queries.describe_watch(pipeline.topic).get("rules", [])
    fired = pipeline.evidence.get("threshold")
    wanted = fired.get("id") if isinstance(fired, dict) else None
    told = [rule.get("silenced", "") for rule in rules if wanted in (None, rule.get("id"))]
    return next(filter(None, told), "")


def describe_since(pipeline, *, now=None):
    """The live panel beside the evidence: the same quantity until now; None where nothing measures it.

    ``empty``: it has no value, and there is nothing to draw. ``{"unread": why}`` alone while nobody can
    tell what it is.
    """
    now = now or timezone.now()
    watch = queries.describe_watch(pipeline.topic)
    end, opened = to_ms(now), to_ms(pipeline.created_at)
    basis, present = read_figures(pipeline, watch, now, draw_from=min(opened, end - HOUR_MS))
    if unread := tell_unread(present):
        return {"unread": unread}
    if not present or not present.get("curve"):
        return None
    # Its words are the frozen ones, and where those were left to the project, the project's.
    shown = replace(basis, unit=present["unit"]) if basis.curve_label else basis
    said = tell_present(pipeline, basis, present, watch, now)
    return describe_curve(shown, present["curve"], present["curve"]["ts"][-1]) | {
        "mark": opened,
        "empty": is_empty(present["curve"]),
        "sentence": said or "Nothing has been measured in its window",
    }
