"""What is asked of windows: one as a tuple, many as columns."""

from typing import NamedTuple

import numpy as np

from metrics_app.queries.logs import shard_for

NOTHING_MORE = (None, "")  # neither a value besides the limit nor a zone


class Observation(NamedTuple):
    """What a window holds: the aggregate's value (None: empty) and the number of points."""

    value: float | None
    n: int


class Asked(NamedTuple):
    """Windows as columns of one length: arrays of shards, starts and ends (ms), lists of the rest.

    ``values`` is where shares divide, or what a trend leads to; None for any other. ``zones`` are those
    by whose clock a change finds the window before; "" for UTC.
    """

    topics: list
    shards: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    aggregates: list
    values: list
    zones: list

    @classmethod
    def of(cls, requests):
        """The columns of ``(topic, start_ms, end_ms, aggregate[, value[, zone]])``s."""
        rows = [(*request, *NOTHING_MORE[len(request) - 4 :]) for request in requests]
        topics, starts, ends, *rest = zip(*rows, strict=True) if rows else [()] * 6
        shards = [shard_for(topic) for topic in topics]
        return cls(topics, *(np.array(c, "int64") for c in (shards, starts, ends)), *rest)

    def find(self, names):
        """The indices of those whose aggregate is one of ``names``."""
        if set(self.aggregates).isdisjoint(names):
            return np.empty(0, int)
        return np.flatnonzero([name in names for name in self.aggregates])

    def take(self, chosen):
        """Those at some indices (an array)."""
        if len(chosen) == len(self.topics):
            return self
        places = chosen.tolist()
        topics, *rest = ([column[at] for at in places] for column in (self.topics, *self[4:]))
        return Asked(topics, self.shards[chosen], self.starts[chosen], self.ends[chosen], *rest)

    def join(self, other):
        """These, and then others."""
        arrays = (np.concatenate(pair) for pair in zip(self[1:4], other[1:4], strict=True))
        lists = ([*one, *more] for one, more in zip(self[4:], other[4:], strict=True))
        return Asked([*self.topics, *other.topics], *arrays, *lists)

    def requests(self):
        """A tuple for each, as ``Asked.of`` takes them."""
        starts, ends = self.starts.tolist(), self.ends.tolist()
        return list(zip(self.topics, starts, ends, *self[4:], strict=True))


def ask(topic, rule, slot):
    """The request for what a rule sees at a slot (ms)."""
    return topic, slot - rule.window * 1000, slot, rule.aggregate, rule.aggregate_value, rule.zone or ""


def list_observations(values, n):
    """An Observation for each of the arrays' elements; NaN is none."""
    pairs = zip(values.tolist(), n.tolist(), strict=True)
    return [Observation(None if value != value else value, count) for value, count in pairs]


def stack_observations(observations):
    """``(values, n)`` arrays of Observations."""
    values, n = zip(*observations, strict=True) if observations else ((), ())
    return np.array(values, float), np.array(n, "int64")
