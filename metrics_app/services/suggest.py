"""A limit, a recovery and a ``min_count`` from the history of a KPI."""

import time

import numpy as np

from metrics_app.core.aggregates import TRENDS
from metrics_app.core.phrases import write_span
from metrics_app.core.suggestions import suggest_parts, write_part
from metrics_app.core.windows import list_range
from metrics_app.services.backtest import DEFAULT_SPAN, choose_step, make_rule, read_views

NAMES = {"operator": "side", "limit": "limit", "recovery_limit": "recovery", "min_count": "points"}


def suggest(threshold, kpi, *, now=None, span=DEFAULT_SPAN):
    """What the last ``span`` ms of a KPI suggest for a threshold, saved or not.

    ``{"sentence", "parts": [{"field", "name", "text", "said", "reason"}]}``; no parts where
    the history is too short. Of the threshold only aggregate, window and operator are read.
    """
    if threshold.aggregate in TRENDS:
        return {"sentence": "No history suggests how early you want to know: choose a limit.", "parts": []}
    now = time.time_ns() // 1_000_000 if now is None else now
    values, n, step = read_past(threshold, kpi.topic, now, span)
    known = len(n) * step * 1000
    if known * 2 <= span and known:
        # A young KPI: its own time in finer steps, instead of a few windows out of 30 days.
        values, n, step = read_past(threshold, kpi.topic, now, known)
        known = len(n) * step * 1000
    sentence, parts = suggest_parts(
        threshold.aggregate, threshold.operator, kpi.direction, kpi.unit, values, n
    )
    written = [write_part(part, kpi.unit, threshold.aggregate) for part in parts]
    return {
        "sentence": f"The last {write_span(known or span)}: {sentence[:1].lower()}{sentence[1:]}",
        "parts": [{"name": NAMES[part["field"]]} | part for part in written],
    }


def read_past(threshold, topic, now, span):
    """``(values, n, step in seconds)`` of the windows since the first that held anything."""
    rule = make_rule(threshold)
    step = choose_step(rule, span)
    rule = rule._replace(interval=step, window=-(-rule.window // step) * step)
    slots = list_range(now - span, now, step)
    return *since_first(read_views(topic, rule, slots)), step


def since_first(views):
    """Values and counts of every slot from the first window that held anything: nobody measured before."""
    values, n = (np.repeat(column, views.repeat) for column in (views.values, views.n))
    filled = np.flatnonzero(n > 0)
    first = int(filled[0]) if len(filled) else len(n)
    return values[first:], n[first:]
