"""What is frozen about measuring: the courses around breaches that nobody acted on."""

import numpy as np

from pipelines_app.core.measuring import MOST_IGNORED, describe_unplanned, judge_effect
from tests.pipelines_app.core.test_effect import DAY, DAYS, FIRED, FIRST, HOUR_MS, STARTED

MEASURE = {"zone": "UTC", "kind": "mean", "of": "values", "better": "lower"}
END = STARTED + 8 * DAY


def judge(*, breaches, actions=(), value=40.0, settle=24, span=168):
    """The days of an effect whose KPI is ``value`` all the time, and twice that for a day after breaches."""
    starts = np.arange(FIRST, END)
    values = np.full(len(starts), value)
    for breach in breaches:
        values[breach - FIRST : breach - FIRST + DAY] *= 2
    rows = {"starts": starts * HOUR_MS, "sums": values, "counts": np.ones(len(starts))}
    planned = describe_unplanned("unreadable", MEASURE, FIRED * HOUR_MS, settle=settle, span=span)
    # The rows begin where this KPI did; what was before had no points.
    told = {"actions": [at * HOUR_MS for at in actions], "breaches": [at * HOUR_MS for at in breaches]}
    return judge_effect(rows, planned, STARTED * HOUR_MS, END * HOUR_MS, **told)[1]


def test_a_breach_that_nobody_acted_on_is_laid_over_the_start():
    breach = FIRED - 30 * DAY + 5
    days = judge(breaches=[breach])
    [course] = days["ignored"]
    assert course["at"] == breach * HOUR_MS and len(course["values"]) == len(days["ts"])
    started = days["ts"].index(STARTED * HOUR_MS)
    # From as long before as is judged, the day after the breach twice as high, then back.
    assert course["values"] == [None] * (started - 7) + [40.0] * 7 + [80.0] + [40.0] * 7


def test_no_course_is_drawn_that_somebody_acted_on_or_that_was_not_over_when_it_fired():
    over = FIRED - 8 * DAY
    assert judge(breaches=[over + 1])["ignored"] == []
    assert len(judge(breaches=[over])["ignored"]) == 1
    assert judge(breaches=[over], actions=[over + 7 * DAY])["ignored"] == []
    assert len(judge(breaches=[over], actions=[over + 8 * DAY])["ignored"]) == 1


def test_only_the_newest_are_drawn():
    breaches = [FIRED - (10 + 9 * back) * DAY for back in range(DAYS // 10)]
    found = [course["at"] // HOUR_MS for course in judge(breaches=breaches)["ignored"]]
    assert found == sorted(breaches)[-MOST_IGNORED:]
