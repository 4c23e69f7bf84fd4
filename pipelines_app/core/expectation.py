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
LEAST_BREACHES = 5  # nobody acted on, and as many earlier actions
ROUNDING = 1e-9  # of what a course measures: less is what its running totals round to
ALL, LIKE, BREACHES = "all moments", "moments like this", "breaches nobody acted on"
ACTIONS = "earlier actions"


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


def expect(model, at, breaches, actions=(), *, is_worse_above=True):
    """The Expectation at the hour ``at``; ``breaches`` are the moments of those nobody acted on.

    ``actions`` are those of earlier actions. People act where they believe that a rise will stay, so
    where they chose, the moments left to learn from lead to something better: what is expected can be
    too good, seldom too bad. Hence the spread of earlier actions counts on the bad side alone.
    NothingExpected where the longest stretch before the hour has no points.
    """
    row = read_before(model.course, np.array([at]), model.lengths)[0]
    if not np.isfinite(row).all():
        raise NothingExpected(Reason.NOTHING_BEFORE)
    found = (measure_all(model), measure_like(model, row), measure_breaches(model, breaches))
    spreads = tuple(spread for spread in found if spread)
    widest = max(spreads, key=lambda spread: spread.size)
    t, chosen = find_t(widest.degrees), measure_actions(model, actions)
    worse = find_t(chosen.degrees) * chosen.size if chosen else 0.0
    low, high = np.quantile(model.misses, (0.025, 0.975))
    return Expectation(
        value=float(model.predict(row)),
        below=float(max(t * widest.size, -low, 0.0 if is_worse_above else worse)),
        above=float(max(t * widest.size, high, worse if is_worse_above else 0.0)),
        moments=len(model.moments),
        t=t,
        spreads=(*spreads, chosen) if chosen else spreads,
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
    slopes = find_slopes(rows - centre, outcomes - level, 1.0 if course.is_log else np.abs(rows).max())
    misses = outcomes - level - (rows - centre) @ slopes
    return Model(course, lengths, settle, span, moments, rows, centre, slopes, level, misses)


def find_slopes(rows, outcomes, scale):
    """The least-squares slopes of centred rows; 0 along what moves by a billionth of ``scale`` or less.

    Of a KPI that stood still that is rounding: a slope along it would carry whatever is not out of sight.
    """
    rows = np.where(np.abs(rows).max(axis=0) > ROUNDING * scale, rows, 0.0)
    return np.linalg.lstsq(rows, outcomes, rcond=ROUNDING)[0]


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
    misses = read_misses(model, moments)
    if len(misses) < LEAST_BREACHES:
        return None
    size = root_mean_square(misses) * math.sqrt(1 + 1 / len(misses))
    return Spread(BREACHES, size, len(misses), len(misses))


def measure_actions(model, moments):
    """The Spread of what came of earlier actions, around their own mean; None under five.

    What all of them did alike falls out with the mean; how differently it went on stays.
    """
    misses = read_misses(model, moments)
    if len(misses) < LEAST_BREACHES:
        return None
    size = root_mean_square(misses - misses.mean()) * math.sqrt((len(misses) + 1) / (len(misses) - 1))
    return Spread(ACTIONS, size, len(misses) - 1, len(misses))


def read_misses(model, moments):
    """How far the outcomes of moments lay from the line; those without points are dropped."""
    moments = np.asarray(moments, dtype=np.int64)
    rows = read_before(model.course, moments, model.lengths)
    misses = read_outcomes(model.course, moments, model.settle, model.span) - model.predict(rows)
    return misses[np.isfinite(misses)]


def list_breach_moments(model, breaches, fired, actions):
    """The moments (hours) of the breaches (ms) whose stretches and outcome are in the history."""
    moments = -(-np.asarray(breaches, dtype=np.int64) // HOUR_MS)
    return leave_out(select_known(model, moments, fired), model.settle, model.span, actions)


def list_action_moments(model, actions, fired):
    """The moments of earlier actions (hours) that are in the history and share it with no other."""
    actions = np.asarray(actions, dtype=float)
    begins = np.ceil(actions)
    moments = select_known(model, np.unique(begins).astype(np.int64), fired)
    alone = [
        leave_out(moments[at : at + 1], model.settle, model.span, actions[begins != moments[at]])
        for at in range(len(moments))
    ]
    return np.concatenate([moments[:0], *alone])


def select_known(model, moments, fired):
    """Those of the moments whose stretches and outcome are in the history before it fired."""
    earliest = model.course.first + model.lengths[-1]
    return moments[(moments >= earliest) & (moments + model.settle + model.span <= fired)]


def root_mean_square(misses):
    """√(mean of the squares), as a plain number."""
    return math.sqrt(float(np.mean(misses**2)))
