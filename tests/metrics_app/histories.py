"""A collector whose clock the test turns, and the plain answer to what history says."""

import numpy as np
import pytest

from metrics_app import queries, window
from metrics_app.collector import Collector
from metrics_app.core.fold import next_mark

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


class Clockwork:
    """Seals as if the time had come: hours pass between two calls."""

    def __init__(self):
        self.collector = Collector(lease=False)
        self.now = queries.redis_now()
        self.collect()

    def collect(self):
        # Three: one may find that a shard was lost or moved on, the next one loads it again.
        for _ in range(3):
            while self.collector.turn(block_ms=None):
                pass

    def seal(self, now):
        """Moves the marks of all shards to where they belong at ``now`` (ms)."""
        self.collector.memories.clear()
        self.collect()
        for shard, memory in self.collector.memories.items():
            mark = next_mark(now)
            if mark > memory.sealed:
                window.seal(shard, memory, mark, self.collector.me)
                memory.forget_before(mark, now)


def check(found, values, rel=0.01):
    """A Summary against plain NumPy over the same values."""
    values = np.asarray(values, float)
    assert found.count == len(values)
    if len(values):
        assert found.sum == pytest.approx(values.sum())
        assert found.m2 == pytest.approx(values.var() * len(values), rel=1e-6, abs=1e-6)
        assert (found.min, found.max) == (values.min(), values.max())
        for q in (0.5, 0.95) if found.sketch is not None or found.values is not None else ():
            # Between a negative and a positive neighbour the error is of their size, not of the result's.
            ends = [abs(np.quantile(values, q, method=end)) for end in ("lower", "higher")]
            assert found.quantile(q) == pytest.approx(np.quantile(values, q), abs=rel * max(ends) + 1e-9)
