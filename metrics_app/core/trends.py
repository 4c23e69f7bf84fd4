"""Where a KPI is going: a line through the minutes of a window, and when it meets a value.

Weighted least squares as in Draper and Smith, *Applied Regression Analysis* (3rd ed.,
chapter 9): a minute's mean has the variance of its points divided by their number, so
its weight is that number. Minutes of one KPI are not independent of each other; the
uncertainty is that of the line, not of what the world does next.
"""

from typing import NamedTuple

import numpy as np

from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.durations import MINUTE_MS

FEWEST = 3  # minutes with points; two always lie on a line
SURE = 2.0  # standard errors by which a slope must differ from none
FAR = 365 * 86_400.0  # seconds; "not in sight"


class Line(NamedTuple):
    """A fitted line: its level at time 0, its slope per second, and the standard error of that."""

    level: float
    slope: float
    error: float


class Forecast(NamedTuple):
    """Seconds until a value is met: about, and the earliest and latest within ``SURE`` standard errors."""

    about: float
    earliest: float
    latest: float


MET = Forecast(0.0, 0.0, 0.0)
NOT_IN_SIGHT = Forecast(FAR, FAR, FAR)


def fit_line(seconds, means, counts):
    """The Line through minutes (arrays of one length); None for fewer than ``FEWEST``, or beyond doubles."""
    if len(seconds) < FEWEST:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        total = counts.sum()
        middle, mean = (counts * seconds).sum() / total, (counts * means).sum() / total
        away = seconds - middle
        spread = (counts * away * away).sum()
        slope = (counts * away * (means - mean)).sum() / spread
        left = means - mean - slope * away
        variance = (counts * left * left).sum() / (len(seconds) - 2)
        line = Line(*(float(part) for part in (mean - slope * middle, slope, np.sqrt(variance / spread))))
    return line if np.isfinite(line).all() else None


def meet(line, value, *, rising):
    """The Pace at which a Line meets a value on its way up or down; ``NOT_IN_SIGHT`` where it may not."""
    level, slope = (line.level, line.slope) if rising else (-line.level, -line.slope)
    gap = (value if rising else -value) - level
    if gap <= 0:
        return MET
    # A slope that may as well be none leads nowhere.
    if slope <= 0 or slope < SURE * line.error or gap / slope >= FAR:
        return NOT_IN_SIGHT
    slowest = slope - SURE * line.error
    latest = min(gap / slowest, FAR) if slowest > 0 else FAR
    return Forecast(gap / slope, gap / (slope + SURE * line.error), latest)


def find_forecast(minutes, counts, means, end, aggregate, value):
    """The Pace at ``end`` (ms) from the starts of minutes (ms) and what they held; None for too few."""
    if value is None:
        return None
    counts, means = np.asarray(counts, float), np.asarray(means, float)
    line = fit_line((np.asarray(minutes, float) + MINUTE_MS / 2 - end) / 1000, means, counts)
    return None if line is None else meet(line, value, rising=get_aggregate(aggregate).rising)


def cover(start, end):
    """The whole minutes within [start, end) ms, as ``(first, last)``: a cut one has no mean of its own."""
    return -(-start // MINUTE_MS) * MINUTE_MS, end // MINUTE_MS * MINUTE_MS
