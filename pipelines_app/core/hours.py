"""A KPI hour by hour: what was measured, and the same without its daily and weekly rhythm.

Hours are counted in UTC since the epoch and begin where UTC's do; a stretch [a, b) is
of whole hours. The rhythm is that of the site's zone.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from pipelines_app.core.durations import DAY_H, HOUR_MS, HOUR_S

MEAN, TOTAL = "mean", "total"  # per point, per hour
LONGEST_H = 400 * DAY_H  # of history that is looked at
LARGEST = 1e100  # sum of an hour; squares and ratios of larger ones leave what a float holds
RHYTHM_H = 56 * DAY_H  # of history that the rhythm is learnt from
CLASSES = 2 * DAY_H  # the hours of a working day, then those of the weekend


@dataclass(frozen=True, eq=False)
class History:
    """Sum and count of the points of each hour from ``first`` (hours since the epoch) on, without gaps."""

    first: int
    sums: np.ndarray
    counts: np.ndarray

    @property
    def end(self):
        """The hour after the last one."""
        return self.first + len(self.sums)

    def mean(self, begin, end, kind):
        """The plain mean of [begin, end); None without points, outside the history or beyond a float."""
        if begin < self.first or end > self.end:
            return None
        part = slice(begin - self.first, end - self.first)
        count = self.counts[part].sum()
        if not count:
            return None
        with np.errstate(over="ignore"):
            mean = float(self.sums[part].sum() / (count if kind == MEAN else end - begin))
        return mean if np.isfinite(mean) else None

    def is_extreme(self):
        """Whether an hour's sum is too large, or too small without being 0, to be reckoned with."""
        sizes = np.abs(self.sums[self.sums != 0])
        return bool((sizes > LARGEST).any() or (sizes < 1 / LARGEST).any())

    def find_first(self, limit):
        """The first hour with points among the 400 days before ``limit``; ``limit`` where there is none."""
        low = max(self.first, limit - LONGEST_H)
        found = np.flatnonzero(self.counts[low - self.first : max(limit - self.first, 0)])
        return low + int(found[0]) if len(found) else limit


def gather(starts, sums, counts, *, start, end):
    """The History of [start, end) (ms, whole hours) from rows of hours in any order.

    ``starts`` are the beginnings of the rows' hours (ms). Several rows of an hour are added, an hour
    without a row had no points. ValueError for rows outside and for sums that are not finite.
    """
    if start % HOUR_MS or end % HOUR_MS or end < start:
        raise ValueError(f"a history goes from one whole hour to a later one (ms), not from {start} to {end}")
    starts, sums, counts = (np.asarray(column) for column in (starts, sums, counts))
    at, sums = (starts - start) // HOUR_MS, sums.astype(float)
    hours = (end - start) // HOUR_MS
    if len(at) and not 0 <= at.min() <= at.max() < hours:
        raise ValueError(f"expected hours from {start} to {end} (ms), found {starts.min()} to {starts.max()}")
    if not np.isfinite(sums).all():
        raise ValueError(f"the sum of hour {starts[~np.isfinite(sums)][0]} (ms) is not finite")
    at = at.astype(int)
    columns = (np.bincount(at, weights=column, minlength=hours) for column in (sums, counts))
    return History(start // HOUR_MS, *columns)


@dataclass(frozen=True, eq=False)
class Course:
    """A history as it is judged: on one scale, without its rhythm, as running totals."""

    first: int
    totals: np.ndarray
    weights: np.ndarray
    is_log: bool

    def mean(self, begins, ends):
        """The means of the stretches [begin, end) on the scale (arrays of hours); nan without points."""
        begins, ends = np.asarray(begins) - self.first, np.asarray(ends) - self.first
        total, weight = self.totals[ends] - self.totals[begins], self.weights[ends] - self.weights[begins]
        has_value = (weight > 0) & (total > 0) if self.is_log else weight > 0
        mean = np.divide(total, weight, out=np.full(total.shape, np.nan), where=has_value)
        return np.log(mean) if self.is_log else mean

    def to_unit(self, value):
        """A value of the scale in the KPI's unit."""
        return float(np.exp(value) if self.is_log else value)


def make_course(history, *, first, fired, end, zone, kind):
    """The Course of the hours [first, end); the rhythm is that of the 56 days before ``fired``.

    On the scale of logarithms where every hour with points (of a total: every hour) is positive.
    """
    part = slice(first - history.first, end - history.first)
    sums, counts = history.sums[part], history.counts[part]
    if kind == TOTAL:
        counts = np.ones(len(sums))
    is_log = bool((sums[counts > 0] > 0).all())
    classes = classify(first, end, zone)
    learnt = slice(max(fired - RHYTHM_H - first, 0), fired - first)
    sums = take_rhythm(sums, counts, classes, learnt, is_log)
    totals, weights = (np.concatenate(([0.0], np.cumsum(column))) for column in (sums, counts))
    return Course(first, totals, weights, is_log)


def take_rhythm(sums, counts, classes, learnt, is_log):
    """The sums without what is usual for their class in the ``learnt`` slice of hours."""
    total, weight = (
        np.bincount(classes[learnt], weights=column[learnt], minlength=CLASSES) for column in (sums, counts)
    )
    if not weight.any():
        return sums
    overall = total.sum() / weight.sum()
    # A class without points has nothing that is usual for it.
    usual = np.divide(total, weight, out=np.full(CLASSES, overall), where=weight > 0)
    if is_log:
        return sums / (usual / overall)[classes]
    return sums - counts * (usual - overall)[classes]


def classify(first, end, zone):
    """The class of each hour of [first, end): its local hour of the day, plus 24 at the weekend."""
    hours = np.arange(first, end)
    local = hours * HOUR_S + list_offsets(first, end, ZoneInfo(zone))
    day, hour = local // (DAY_H * HOUR_S), local // HOUR_S % DAY_H
    # The epoch was a Thursday.
    return hour + DAY_H * ((day + 3) % 7 >= 5)


def list_offsets(first, end, zone):
    """How far the zone is ahead of UTC (s) in each hour of [first, end)."""

    def ask(hour):
        return int(datetime.fromtimestamp(hour * HOUR_S, zone).utcoffset().total_seconds())

    edges = [ask(hour) for hour in range(first, end + DAY_H, DAY_H)]
    offsets = np.repeat(edges, DAY_H)[: end - first]
    # Asked once a day, and hour by hour only where a day changes it.
    for at in np.flatnonzero(np.diff(edges)):
        day = range(first + at * DAY_H, min(first + (at + 1) * DAY_H, end))
        offsets[at * DAY_H : at * DAY_H + len(day)] = [ask(hour) for hour in day]
    return offsets
