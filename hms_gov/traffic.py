"""Simulated complaints: when they come, how long their answers take, how many are open.

Complaints arrive at random with a daily and a weekly rhythm; each is answered
after a log-normal time, so that a few wait for weeks. The rate depends on the
time of day alone: the simulation begins as if it had run for a month, or with
what a seeded past has left open.
"""

import heapq
import json
import math
from pathlib import Path

import numpy as np

from hms_gov.files import write_private
from metrics_app.core.durations import DAY_S, HOUR_S

# Few enough that ten late answers are seen in the mean of half an hour.
PER_HOUR = 90  # complaints in an hour of a working day's noon
MEDIAN = 20 * HOUR_S  # seconds until an answer
SPREAD = 0.8  # sigma of the log-normal time: one in seven waits beyond 48 h
MONTH = 30 * DAY_S
GAUGE_EVERY = 5  # seconds between two values of the gauges


def rate_at(moment, per_hour=PER_HOUR):
    """Complaints per hour at a time (seconds since the epoch, scalar or array).

    Twice as many by day as by night, and six in ten at the weekend.
    """
    hour = np.asarray(moment) / HOUR_S % 24
    # 1970-01-01 was a Thursday: day 2 and 3 of that week are the weekend.
    weekend = np.floor(np.asarray(moment) / DAY_S) % 7
    week = np.where((weekend == 2) | (weekend == 3), 0.6, 1.0)
    return per_hour * week * (0.75 + 0.25 * np.sin((hour - 7) / 24 * 2 * math.pi))


def draw_arrivals(start, end, rng, per_hour=PER_HOUR):
    """Sorted times of the complaints in [start, end): a Poisson process of that rate."""
    count = rng.poisson(per_hour * (end - start) / HOUR_S)
    moments = np.sort(rng.uniform(start, end, count))
    return moments[rng.uniform(0, per_hour, count) < rate_at(moments, per_hour)]


def draw_latencies(count, rng):
    """Seconds until the answers of so many complaints."""
    return MEDIAN * np.exp(SPREAD * rng.standard_normal(count))


def keep_waiting(path, moment, waiting):
    """Writes what was open at a moment (s): ``[(answered, created), …]``."""
    write_private(path, json.dumps({"moment": moment, "waiting": waiting}))


def read_waiting(path):
    """``(moment, waiting)`` as it was kept, or None where nothing was."""
    path = Path(path)
    if not path.exists():
        return None
    kept = json.loads(path.read_text())
    return kept["moment"], kept["waiting"]


class Complaints:
    """The open complaints of a city; ``advance`` moves its clock (seconds since the epoch).

    ``known``: ``(moment, waiting)``, what was open at an earlier moment.
    """

    def __init__(self, now, *, rng, per_hour=PER_HOUR, known=None):
        self.now, self.rng, self.per_hour = now, rng, per_hour
        self.next_gauges = now
        since, waiting = known or (0, [])
        created = draw_arrivals(max(since, now - MONTH), now, rng, per_hour)
        answered = created + draw_latencies(len(created), rng)
        cases = zip(answered.tolist(), created.tolist(), strict=True)
        # A heap by the time of the answer: (answered, created).
        self.open = [case for case in (*map(tuple, waiting), *cases) if case[0] >= now]
        heapq.heapify(self.open)

    def advance(self, now):
        """Yields ``(topic, value)`` of what happened since the last call."""
        arrivals = draw_arrivals(self.now, now, self.rng, self.per_hour)
        for created, latency in zip(arrivals, draw_latencies(len(arrivals), self.rng), strict=True):
            heapq.heappush(self.open, (float(created + latency), float(created)))
            yield "complaint.received", 1
        while self.open and self.open[0][0] < now:
            answered, created = heapq.heappop(self.open)
            yield "complaint.latency", round(answered - created, 3)
        self.now = now
        if now >= self.next_gauges:
            self.next_gauges = now + GAUGE_EVERY
            yield "complaint.open", len(self.open)
            yield "complaint.oldest_age", round(now - min((c for _, c in self.open), default=now), 3)
