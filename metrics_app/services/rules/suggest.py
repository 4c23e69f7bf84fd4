"""A limit, a recovery and a ``min_count`` from the history of a KPI."""

import time
from typing import Any, NamedTuple

import numpy as np

from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.durations import DAY_MS
from metrics_app.core.text.entries import write_duration
from metrics_app.core.text.phrases import is_sample, tell_widened, write_span
from metrics_app.core.text.suggestions import suggest_parts, write_part
from metrics_app.services.rules.backtest import DEFAULT_SPAN, make_rule, plan, read_views

NAMES = {"operator": "side", "limit": "limit", "recovery_limit": "recovery", "min_count": "points"}


def suggest(threshold, kpi, *, now=None, span=DEFAULT_SPAN):
    """What the last ``span`` ms of a KPI suggest for a threshold, saved or not.

    ``{"sentence", "parts": [{"field", "name", "text", "said", "reason"}]}``; no parts where
    the history is too short. Of the threshold only aggregate, window and operator are read.
    """
    if get_aggregate(threshold.aggregate).is_trend:
        return {"sentence": "No history suggests how early you want to know: choose a limit.", "parts": []}
    now = time.time_ns() // 1_000_000 if now is None else now
    past = read_past(threshold, kpi.topic, now, span)
    if not past.known and span > DAY_MS:
        # Windows hours apart all miss a KPI that began today.
        past = read_past(threshold, kpi.topic, now, DAY_MS)
    while past.known and past.known * 2 <= span:
        # A young KPI: its own time in finer steps, instead of a few windows out of 30 days. Again where
        # the first look only met it by chance: one of windows 5 h apart says 5 h of an hour.
        span = past.known
        past = read_past(threshold, kpi.topic, now, span)
    widened = tell_widened(past)
    if widened and get_aggregate(threshold.aggregate).grows:
        return {
            "sentence": f"{widened} That says nothing of a {threshold.aggregate}: choose a limit.",
            "parts": [],
        }
    sentence, parts = suggest_parts(
        threshold.aggregate, threshold.operator, kpi.direction, kpi.unit, past.values, past.n
    )
    written = [write_part(part, kpi.unit, threshold.aggregate) for part in parts]
    far = f", looked at every {write_duration(past.step)}" if is_sample(past) else ""
    said = f"The last {write_span(past.known or span)}{far}: {sentence[:1].lower()}{sentence[1:]}"
    return {
        "sentence": " ".join(filter(None, [said, widened])),
        "parts": [{"name": NAMES[part["field"]]} | part for part in written],
    }


class Past(NamedTuple):
    """Values and points of the windows since the first that held anything, and how they were judged.

    ``step``, ``window``, ``asked`` and ``grain`` as of a ``Backtest``; ``known`` is in ms.
    """

    values: Any
    n: Any
    step: int
    window: int
    asked: int
    grain: int

    @property
    def known(self):
        """How long the KPI is known, in ms."""
        return len(self.n) * self.step * 1000


def read_past(threshold, topic, now, span):
    """The Past of the last ``span`` ms; points as many as the rule's own window would hold."""
    rule = make_rule(threshold)
    made = plan(topic, rule, now - span, now)
    values, n = since_first(read_views(topic, made))
    # Of a window judged longer than it is, only its share of the points will be there.
    own = np.where(n > 0, np.maximum(n * rule.window // made.rule.window, 1), 0)
    return Past(values, own, made.rule.interval, made.rule.window, rule.window, made.grain)


def since_first(views):
    """Values and counts of every slot from the first window that held anything: nobody measured before."""
    values, n = (np.repeat(column, views.repeat) for column in (views.values, views.n))
    # Points that had nothing to be compared with were no value yet.
    filled = np.flatnonzero((n > 0) & ~np.isnan(values))
    first = int(filled[0]) if len(filled) else len(n)
    return values[first:], n[first:]
