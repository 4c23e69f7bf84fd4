"""The simulated complaints look like those of a city."""

import numpy as np
import pytest

from hms_gov.traffic import PER_HOUR, Complaints, draw_latencies, rate_at
from metrics_app.core.durations import DAY_S, HOUR_S

# A Monday, noon UTC.
MONDAY = 1_731_931_200


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def collect_points(complaints, *, seconds, step=1):
    """All points of so many seconds, by topic."""
    points, begun = {}, complaints.now
    for after in range(step, seconds + 1, step):
        for topic, value in complaints.advance(begun + after):
            points.setdefault(topic, []).append(value)
    return points


def test_it_knows_day_from_night_and_the_weekend():
    assert rate_at(MONDAY + HOUR_S) == pytest.approx(PER_HOUR)
    assert rate_at(MONDAY + 13 * HOUR_S) == pytest.approx(PER_HOUR / 2)
    assert rate_at(MONDAY - DAY_S + HOUR_S) == pytest.approx(0.6 * PER_HOUR)
    assert rate_at(MONDAY - 3 * DAY_S + HOUR_S) == pytest.approx(PER_HOUR)


def test_it_moves_within_minutes_of_its_start(rng):
    points = collect_points(Complaints(MONDAY, rng=rng), seconds=300)
    assert set(points) == {
        "complaint.received",
        "complaint.latency",
        "complaint.open",
        "complaint.oldest_age",
    }
    assert len(points["complaint.open"]) >= 300 / 5 - 1


def test_it_answers_from_the_first_hour_on(rng):
    points = collect_points(Complaints(MONDAY, rng=rng), seconds=6 * HOUR_S, step=10)
    received, answered = len(points["complaint.received"]), len(points["complaint.latency"])
    assert received == pytest.approx(6 * PER_HOUR, rel=0.1)
    # On a Monday the quiet weekend is answered.
    assert received / 2 < answered < received


def test_it_keeps_the_mean_under_the_limit_though_some_wait_longer(rng):
    latencies = draw_latencies(100_000, rng)
    assert np.median(latencies) == pytest.approx(20 * HOUR_S, rel=0.02)
    assert 24 * HOUR_S < latencies.mean() < 32 * HOUR_S
    assert 0.1 < (latencies > 48 * HOUR_S).mean() < 0.2


def test_it_counts_open_complaints_as_received_less_answered(rng):
    complaints = Complaints(MONDAY, rng=rng)
    before = len(complaints.open)
    points = collect_points(complaints, seconds=HOUR_S, step=5)
    change = len(points["complaint.received"]) - len(points["complaint.latency"])
    assert points["complaint.open"][-1] == before + change


def test_it_ages_the_oldest_with_the_clock(rng):
    complaints = Complaints(MONDAY, rng=rng)
    complaints.open = [(MONDAY + DAY_S, MONDAY - HOUR_S)]
    assert dict(complaints.advance(MONDAY + 5))["complaint.oldest_age"] == HOUR_S + 5
    assert dict(complaints.advance(MONDAY + 10))["complaint.oldest_age"] == HOUR_S + 10
