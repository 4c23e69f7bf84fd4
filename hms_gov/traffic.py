"""Simulated complaints: when they come, how long their answers take, how many are open.

Complaints arrive at random with a daily and a weekly rhythm; each is answered
after a log-normal time, so that a few wait for weeks. The rate depends on the
time of day alone: the simulation begins as if it had run for a month.
"""

import heapq
import math

import numpy as np

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


class Complaints:
    """The open complaints of a city; ``advance`` moves its clock (seconds since the epoch)."""

    def __init__(self, now, *, rng, per_hour=PER_HOUR):
        self.now, self.rng, self.per_hour = now, rng, per_hour
        self.next_gauges = now
        created = draw_arrivals(now - MONTH, now, rng, per_hour)
        answered = created + draw_latencies(len(created), rng)
        waiting = answered >= now
        # A heap by the time of the answer: (answered, created).
        self.open = list(zip(answered[waiting].tolist(), created[waiting].tolist(), strict=True))
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
