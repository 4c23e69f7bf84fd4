"""Curves: what an aggregate over a moving window said at each minute.

Charts draw what the rule saw, not the single points: each value here is the
aggregate of a whole window, from the exact summaries of its minutes.
"""

import numpy as np

from metrics_app.core.aggregates import clip

HOUR = 3_600_000
# Only merged sketches know percentiles of a window; rows of minutes do not.
ROLLABLE = {"mean", "count", "sum", "rate_per_hour", "min", "max"}


def roll(columns, *, steps, aggregate):
    """The aggregate over each run of ``steps`` buckets; one value per bucket from the first full run.

    ``columns`` are those of a series: count, mean, min, max, equally spaced. A run
    without points is None, or 0 for the counting aggregates.
    """
    count = np.array(columns["count"], dtype=float)
    if len(count) < steps:
        return []
    if aggregate in {"min", "max"}:
        return roll_extremes(columns[aggregate], steps, aggregate)
    n = sum_runs(count, steps)
    if aggregate == "count":
        return n.tolist()
    span = columns["ts"][1] - columns["ts"][0] if len(count) > 1 else HOUR
    if aggregate == "rate_per_hour":
        return (n * HOUR / (steps * span)).tolist()
    means = np.array([mean or 0.0 for mean in columns["mean"]], dtype=float)
    # Two of the largest doubles together are more than a double holds.
    with np.errstate(over="ignore", invalid="ignore"):
        sums = sum_runs(count * means, steps).tolist()
    if aggregate == "sum":
        return [clip(total) for total in sums]
    return [clip(total / k) if k else None for total, k in zip(sums, n.tolist(), strict=True)]


def sum_runs(values, steps):
    """Sums of each run of ``steps`` neighbours, each summed on its own: no drift over a long roll."""
    return np.lib.stride_tricks.sliding_window_view(values, steps).sum(axis=1)


def roll_extremes(values, steps, aggregate):
    """Minimum or maximum of each run; None where a run is empty."""
    worst = np.inf if aggregate == "min" else -np.inf
    filled = np.array([worst if value is None else value for value in values], dtype=float)
    runs = np.lib.stride_tricks.sliding_window_view(filled, steps)
    found = runs.min(axis=1) if aggregate == "min" else runs.max(axis=1)
    return [value if np.isfinite(value) else None for value in found.tolist()]
