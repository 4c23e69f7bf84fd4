"""What is asked of windows: one as a tuple, many as columns."""

from typing import NamedTuple

import numpy as np

from metrics_app.queries.logs import shard_for


class Observation(NamedTuple):
    """What a window holds: the aggregate's value (None: empty) and the number of points."""

    value: float | None
    n: int


class Asked(NamedTuple):
    """Windows as columns of one length: arrays of shards, starts and ends (ms), lists of the rest.

    ``values`` is where shares divide, or what a trend leads to; None for any other.
    """

    topics: list
    shards: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    aggregates: list
    values: list

    @classmethod
    def of(cls, requests):
        """The columns of ``(topic, start_ms, end_ms, aggregate[, value])``s."""
        topics, starts, ends, aggregates, values = (
            zip(*[(*request, None)[:5] for request in requests], strict=True) if requests else [()] * 5
        )
        shards = [shard_for(topic) for topic in topics]
        return cls(topics, *(np.array(c, "int64") for c in (shards, starts, ends)), aggregates, values)

    def find(self, names):
        """The indices of those whose aggregate is one of ``names``."""
        if set(self.aggregates).isdisjoint(names):
            return np.empty(0, int)
        return np.flatnonzero([name in names for name in self.aggregates])

    def take(self, chosen):
        """Those at some indices (an array)."""
        if len(chosen) == len(self.topics):
            return self
        topics, aggregates, values = (
            [column[at] for at in chosen.tolist()] for column in (self.topics, self.aggregates, self.values)
        )
        arrays = (self.shards[chosen], self.starts[chosen], self.ends[chosen])
        return Asked(topics, *arrays, aggregates, values)

    def join(self, other):
        """These, and then others."""
        arrays = (np.concatenate(pair) for pair in zip(self[1:4], other[1:4], strict=True))
        lists = ([*one, *more] for one, more in zip(self[4:], other[4:], strict=True))
        return Asked([*self.topics, *other.topics], *arrays, *lists)

    def requests(self):
        """A tuple for each, as ``Asked.of`` takes them."""
        starts, ends = self.starts.tolist(), self.ends.tolist()
        return list(zip(self.topics, starts, ends, self.aggregates, self.values, strict=True))


def ask(topic, rule, slot):
    """The request for what a rule sees at a slot (ms)."""
    return topic, slot - rule.window * 1000, slot, rule.aggregate, rule.aggregate_value


def list_observations(values, n):
    """An Observation for each of the arrays' elements; NaN is none."""
    pairs = zip(values.tolist(), n.tolist(), strict=True)
    return [Observation(None if value != value else value, count) for value, count in pairs]


def stack_observations(observations):
    """``(values, n)`` arrays of Observations."""
    values, n = zip(*observations, strict=True) if observations else ((), ())
    return np.array(values, float), np.array(n, "int64")
