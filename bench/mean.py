"""One mean over a window of 10,000, 100,000 and 1,000,000 points: milliseconds a call.

Ours reads summaries, so the cost must not grow with the points. The reference
reads every member of a sorted set, decodes it and adds it up. Both answers are
compared: they are the same mean.
"""

import math
import statistics
import time

from bench.feed import feed_ours, list_points, make_columns, now_ms
from bench.references import sorted_set
from bench.runner import compare
from metrics_app.queries import mean_last

WINDOW = 3_600  # seconds
TOPIC = "bench.mean"


def run(stage, *, quick):
    """A row for each number of points."""
    sizes = (1_000, 10_000) if quick else (10_000, 100_000, 1_000_000)
    return [run_size(stage, size, quick=quick) for size in sizes]


def run_size(stage, size, *, quick):
    """The row of one number of points, spread over 55 minutes of the window."""
    stage.clear()
    ts, values = make_columns(size, span=3_300)
    feed_ours(ts, values, [TOPIC])
    with stage.relaxed_sync():
        sorted_set.add_many(stage.redis, list_points(ts, values, [TOPIC]))
    check_same(stage)
    return compare(
        ours=lambda: time_calls(lambda: mean_last(TOPIC, WINDOW), 20 if quick else 200),
        reference=lambda: time_calls(lambda: read_reference(stage), 1),
        rounds=2 if quick else 5,
        case=f"{size:,} points".replace(",", " "),
        unit="ms",
        reference_name="sorted set",
        more_is_better=False,
    )


def read_reference(stage):
    """The reference's mean of the same window."""
    return sorted_set.mean_last(stage.redis, TOPIC, WINDOW, now=now_ms())


def check_same(stage):
    """Both must find the same mean, or neither figure means anything."""
    ours, reference = mean_last(TOPIC, WINDOW), read_reference(stage)
    if not math.isclose(ours, reference, rel_tol=1e-9):
        raise RuntimeError(f"the means differ: ours {ours}, reference {reference}")


def time_calls(call, times):
    """The median duration of a call, in ms."""
    durations = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        durations.append(time.perf_counter() - start)
    return statistics.median(durations) * 1000
