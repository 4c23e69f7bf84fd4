"""Points for the benchmarks: the same ones for ours and for the reference."""

import time

import numpy as np

from metrics_app import bus
from metrics_app.collector import collect_all
from metrics_app.queries import collected_through

BATCH = 10_000  # points


def now_ms():
    """This machine's time, ms since the epoch."""
    return time.time_ns() // 1_000_000


def make_columns(count, *, span, integers=False, seed=12):
    """``count`` points in the order of their times over the last ``span`` seconds: (ts, values).

    No two are alike, so that a design that merges equal points loses none here;
    integers are whole seconds up to two days, as latencies are.
    """
    random = np.random.default_rng(seed)
    end = now_ms() - 1_000
    ts = np.linspace(end - span * 1000, end, count, endpoint=False).astype(np.int64)
    values = random.integers(0, 172_800, count).astype(np.float64) if integers else random.random(count) * 1e5
    return ts, values


def split(ts, values, topics):
    """The points dealt to topics in turn, as batches of at most 10,000 points."""
    for start in range(0, len(ts), BATCH):
        part = slice(start, start + BATCH)
        yield {
            topic: (ts[part][index :: len(topics)], values[part][index :: len(topics)])
            for index, topic in enumerate(topics)
        }


def feed_ours(ts, values, topics):
    """Through the bus and the collector, which keeps up batch by batch."""
    for number, batch in enumerate(split(ts, values, topics)):
        bus.publish(batch)
        if number % 20 == 19:
            collect_all()
    collect_all()


def list_points(ts, values, topics):
    """The same as (topic, ts, value) tuples of Python's own numbers, for the sorted set."""
    return [
        (topics[index % BATCH % len(topics)], moment, value)
        for index, (moment, value) in enumerate(zip(ts.tolist(), values.tolist(), strict=True))
    ]


def start_collector(stage):
    """Starts `manage.py collect`; returns once it has read every bus up to now."""
    begun = now_ms()
    process = stage.start("manage.py", "collect", name="collect")
    while min(collected_through().values()) < begun:
        if process.poll() is not None:
            raise RuntimeError(
                f"the collector ended: {(stage.directory / 'collect.log').read_text()[-2000:]}"
            )
        time.sleep(0.05)
    return process
