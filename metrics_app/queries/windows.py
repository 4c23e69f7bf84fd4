"""What an aggregate said over a moving window, with what stood behind each value."""

from metrics_app.core.aggregate_functions import clip, maximum, mean, minimum
from metrics_app.core.aggregates import compute
from metrics_app.core.buckets import merge
from metrics_app.queries.buckets import read_buckets
from metrics_app.queries.charts import check_step

FACTS = ("n", "mean", "p50", "p95", "min", "max")


def windows(topic, ends, *, step, window, aggregate):
    """Columns of the windows [at − window, at) for ascending ``ends``, multiples of ``step``.

    Times in ms; ``window`` is a multiple of ``step``, the grain it is read in. Columns: ``value``,
    n, mean, p50, p95, min, max.
    """
    if not ends:
        return {name: [] for name in ("value", *FACTS)}
    first = ends[0] - window
    check_step(first, ends[-1], step)
    buckets, _ = read_buckets(topic, [*range(first, ends[-1] + 1, step)], step=step)
    runs = (buckets[(at - window - first) // step : (at - first) // step] for at in ends)
    rows = [describe_run(run, window, aggregate) for run in runs]
    return {name: [row[name] for row in rows] for name in ("value", *FACTS)}


def describe_run(run, window, aggregate):
    """One row: the aggregate of neighbouring Summaries and the facts of the crosshair."""
    whole, seconds = merge(run), window / 1000
    return {
        "value": compute(aggregate, whole, seconds),
        "n": whole.count,
        "mean": mean(whole, seconds),
        "p50": clip(whole.quantile(0.5)),
        "p95": clip(whole.quantile(0.95)),
        "min": minimum(whole, seconds),
        "max": maximum(whole, seconds),
    }
