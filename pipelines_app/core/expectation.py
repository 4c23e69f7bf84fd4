"""What would have come without the action, and how far that can be wrong.

Everything is on the scale of a Course: logarithms, or the KPI's own unit. Moments are hours
since the epoch; the outcome of a moment o is the mean of [o + settle, o + settle + span).
"""

import math
from dataclasses import dataclass

import numpy as np

from pipelines_app.core.durations import DAY_H, HOUR_MS
from pipelines_app.core.effect_records import Reason, Spread
from pipelines_app.core.hours import Course
from pipelines_app.core.quantiles import find_t

LENGTHS_H = (3, 24, 168, 672)  # of the stretches before a moment
LONG_H = 224 * DAY_H  # of history, from which on the longest of them counts
STEP_H = 4  # between moments
LEAST_DEGREES = 4  # of freedom
LEAST_LIKE = 5  # different spans among the moments that are like the one judged
LEAST_BREACHES = 5
ALL, LIKE, BREACHES = "all moments", "moments like this", "breaches nobody acted on"


@dataclass(frozen=True)
class Expectation:
    """What is expected at a moment; what comes lies in [value − below, value + above] 95 times in 100."""

    value: float
    below: float
    above: float
    moments: int
    t: float
    spreads: tuple[Spread, ...]


class NothingExpected(Exception):
    """The history does not say what to expect; ``reason`` says why."""

    def __init__(self, reason):
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, eq=False)
class Model:
    """The line through all moments of a course; ``rows`` are their regressors without the constant."""

    course: Course
    lengths: tuple[int, ...]
    settle: int
    span: int
    moments: np.ndarray
    rows: np.ndarray
    centre: np.ndarray
    slopes: np.ndarray
    level: float
    misses: np.ndarray

    def predict(self, rows):
        """The expected outcomes of rows of regressors."""
        return self.level + (rows - self.centre) @ self.slopes


def expect(model, at, breaches):
    """The Expectation at the hour ``at``; ``breaches`` are the moments of those nobody acted on.

    NothingExpected where the longest stretch before it has no points.
    """
    row = read_before(model.course, np.array([at]), model.lengths)[0]
    if not np.isfinite(row).all():
        raise NothingExpected(Reason.NOTHING_BEFORE)
    found = (measure_all(model), measure_like(model, row), measure_breaches(model, breaches))
    spreads = tuple(spread for spread in found if spread)
    widest = max(spreads, key=lambda spread: spread.size)
    t = find_t(widest.degrees)
    low, high = np.quantile(model.misses, (0.025, 0.975))
    return Expectation(
        value=float(model.predict(row)),
        below=float(max(t * widest.size, -low)),
        above=float(max(t * widest.size, high)),
        moments=len(model.moments),
        t=t,
        spreads=spreads,
    )


def fit_model(course, *, fired, settle, span, actions):
    """The Model of all moments whose outcome was over when it fired, and holds no start of an action.

    ``actions`` are times in hours, not only whole ones. NothingExpected where too few are left.
    """
    lengths = LENGTHS_H if fired - course.first >= LONG_H else LENGTHS_H[:-1]
    earliest = course.first + lengths[-1]
    moments = np.arange(-(-earliest // STEP_H) * STEP_H, fired - settle - span + 1, STEP_H)
    moments = leave_out(moments, settle, span, actions)
    rows, outcomes = read_before(course, moments, lengths), read_outcomes(course, moments, settle, span)
    has_all = np.isfinite(outcomes) & np.isfinite(rows).all(axis=1)
    moments, rows, outcomes = moments[has_all], rows[has_all], outcomes[has_all]
    if count_spans(moments, span) - len(lengths) - 1 < LEAST_DEGREES:
        raise NothingExpected(Reason.FEW_MOMENTS)
    # Around the means, which changes nothing but the rounding.
    centre, level = rows.mean(axis=0), float(outcomes.mean())
    slopes = np.linalg.lstsq(rows - centre, outcomes - level, rcond=None)[0]
    misses = outcomes - level - (rows - centre) @ slopes
    return Model(course, lengths, settle, span, moments, rows, centre, slopes, level, misses)


def leave_out(moments, settle, span, actions):
    """The moments whose outcome holds the start of no action."""
    begins = moments[:, None] + settle
    actions = np.asarray(actions, dtype=float)[None, :]
    return moments[~((begins <= actions) & (actions < begins + span)).any(axis=1)]


def read_before(course, moments, lengths):
    """The means of the stretches before the moments, shortest first: a row each.

    A stretch without points takes the value of the next longer one.
    """
    columns = []
    for length in reversed(lengths):
        column = course.mean(moments - length, moments)
        columns.insert(0, np.where(np.isnan(column), columns[0], column) if columns else column)
    return np.stack(columns, axis=1)


def read_outcomes(course, moments, settle, span):
    """The outcomes of the moments; nan without points."""
    return course.mean(moments + settle, moments + settle + span)


def count_spans(moments, span):
    """How many spans the moments fill, each standing for four hours; moments overlap, spans would not."""
    return len(moments) * STEP_H / span


def measure_all(model):
    """The Spread of all moments, each span of them counted once."""
    spans, regressors = count_spans(model.moments, model.span), len(model.lengths) + 1
    degrees = spans - regressors
    size = root_mean_square(model.misses) * math.sqrt(spans / degrees) * math.sqrt(1 + regressors / spans)
    return Spread(ALL, size, degrees, spans)


def measure_like(model, row):
    """The Spread of the tenth of the moments before which the KPI moved most like here, or None."""
    moves, here = model.rows[:, :-1] - model.rows[:, -1:], row[:-1] - row[-1]
    inverse = np.linalg.pinv(np.cov(moves, rowvar=False))
    away = moves - here
    distances = np.einsum("ij,jk,ik->i", away, inverse, away)
    nearest = np.argsort(distances, kind="stable")[: len(distances) // 10]
    spans = len(np.unique((model.moments[nearest] - model.moments[0]) // model.span))
    if spans < LEAST_LIKE:
        return None
    size = root_mean_square(model.misses[nearest]) * math.sqrt(1 + 1 / spans)
    return Spread(LIKE, size, spans - 1, spans)


def measure_breaches(model, moments):
    """The Spread of the breaches that nobody acted on, each judged as if somebody had; None under five."""
    moments = np.asarray(moments, dtype=np.int64)
    rows = read_before(model.course, moments, model.lengths)
    misses = read_outcomes(model.course, moments, model.settle, model.span) - model.predict(rows)
    misses = misses[np.isfinite(misses)]
    if len(misses) < LEAST_BREACHES:
        return None
    size = root_mean_square(misses) * math.sqrt(1 + 1 / len(misses))
    return Spread(BREACHES, size, len(misses), len(misses))


def list_breach_moments(model, breaches, fired, actions):
    """The moments (hours) of the breaches (ms) whose stretches and outcome are in the history."""
    moments = -(-np.asarray(breaches, dtype=np.int64) // HOUR_MS)
    earliest = model.course.first + model.lengths[-1]
    is_over = (moments >= earliest) & (moments + model.settle + model.span <= fired)
    return leave_out(moments[is_over], model.settle, model.span, actions)


def root_mean_square(misses):
    """√(mean of the squares), as a plain number."""
    return math.sqrt(float(np.mean(misses**2)))
