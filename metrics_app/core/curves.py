"""Curves: what an aggregate over a moving window said at each minute.

Charts draw what the rule saw, not the single points: each value here is the
aggregate of a whole window, from the exact summaries of its minutes.
"""

import numpy as np

from metrics_app.core.aggregates import compute_many, get_aggregate
from metrics_app.core.buckets import Summary
from metrics_app.core.durations import HOUR_MS


def roll(columns, *, steps, aggregate):
    """The aggregate over each run of ``steps`` buckets; one value per bucket from the first full run.

    ``columns`` are those of a series: count, mean, min, max, equally spaced; the aggregate is one that
    ``is_rolled``. A run without points is None, or the aggregate's value of an empty window.
    """
    if len(columns["count"]) < steps:
        return []
    count = np.array(columns["count"], dtype=float)
    means = np.array([mean or 0.0 for mean in columns["mean"]], dtype=float)
    n = sum_runs(count, steps)
    low, high = np.full(len(n), np.inf), np.full(len(n), -np.inf)
    if get_aggregate(aggregate).reads_extremes:
        low, high = (find_extremes(columns[name], steps, name) for name in ("min", "max"))
    # Two of the largest doubles together are more than a double holds.
    with np.errstate(over="ignore", invalid="ignore"):
        sums = sum_runs(count * means, steps)
    span = columns["ts"][1] - columns["ts"][0] if len(count) > 1 else HOUR_MS
    windows = np.full(len(n), steps * span / 1000)
    values = compute_many(aggregate, Summary(n, sums, np.zeros(len(n)), low, high), windows).tolist()
    return [None if value != value else value for value in values]


def sum_runs(values, steps):
    """Sums of each run of ``steps`` neighbours, each summed on its own: no drift over a long roll."""
    return np.lib.stride_tricks.sliding_window_view(values, steps).sum(axis=1)


def find_extremes(values, steps, name):
    """The least ("min") or greatest of each run; infinite where a run is empty."""
    worst = np.inf if name == "min" else -np.inf
    filled = np.array([worst if value is None else value for value in values], dtype=float)
    runs = np.lib.stride_tricks.sliding_window_view(filled, steps)
    return runs.min(axis=1) if name == "min" else runs.max(axis=1)
