"""A KPI hour by hour, and its rhythm."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines_app.core.durations import HOUR_MS
from pipelines_app.core.hours import MEAN, TOTAL, History, classify, gather, make_course
from tests.examples import examples

MONDAY = 482_256  # 2025-01-06T00:00Z, in hours
DAY, WEEK = 24, 168


def hour_of(text):
    """The hour since the epoch of an ISO time."""
    return int(datetime.fromisoformat(text).timestamp()) // 3600


ROWS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(-1000, 1000), st.integers(1, 50)), min_size=1, max_size=40
)


@given(ROWS, st.randoms())
def test_the_order_of_rows_does_not_matter_and_rows_of_an_hour_add_up(rows, random):
    def read(rows):
        hours, sums, counts = zip(*rows, strict=True)
        return gather(np.array(hours) * HOUR_MS, sums, counts, start=0, end=10 * HOUR_MS)

    one, other = read(rows), read(random.sample(rows, len(rows)))
    assert one.sums.tolist() == other.sums.tolist() and one.counts.tolist() == other.counts.tolist()
    assert one.sums[3] == sum(total for hour, total, _ in rows if hour == 3)
    assert one.counts.sum() == sum(count for *_, count in rows)


def test_hours_without_a_row_had_no_points():
    history = gather([7 * HOUR_MS], [5.0], [2], start=5 * HOUR_MS, end=9 * HOUR_MS)
    assert (history.first, history.end) == (5, 9)
    assert history.sums.tolist() == [0, 0, 5, 0] and history.counts.tolist() == [0, 0, 2, 0]
    assert len(gather([], [], [], start=0, end=3 * HOUR_MS).sums) == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"start": 5}, "from one whole hour to a later one"),
        ({"end": -HOUR_MS}, "from one whole hour to a later one"),
        ({"starts": [9 * HOUR_MS]}, "expected hours from 0 to"),
        ({"starts": [-HOUR_MS]}, "expected hours from 0 to"),
        ({"sums": [float("nan")]}, "the sum of hour 3600000 .ms. is not finite"),
    ],
)
def test_it_refuses_what_is_no_history(words, said):
    given_words = {"starts": [HOUR_MS], "sums": [1.0], "counts": [1], "start": 0, "end": 4 * HOUR_MS} | words
    with pytest.raises(ValueError, match=said):
        gather(**given_words)


def test_plain_means_are_per_point_or_per_hour():
    history = History(0, np.array([6.0, 0.0, 3.0]), np.array([2.0, 0.0, 1.0]))
    assert history.mean(0, 3, MEAN) == 3 and history.mean(0, 3, TOTAL) == 3
    assert history.mean(0, 2, MEAN) == 3 and history.mean(0, 2, TOTAL) == 3
    assert history.mean(2, 3, MEAN) == 3 and history.mean(1, 3, TOTAL) == 1.5
    assert history.mean(1, 2, MEAN) is None and history.mean(2, 4, MEAN) is None


def test_a_history_begins_with_its_first_point_within_400_days():
    counts = np.zeros(500 * DAY)
    counts[[5, 300 * DAY]] = 1
    history = History(1000, counts, counts)
    assert history.find_first(1000 + 400 * DAY) == 1005
    assert history.find_first(1000 + 401 * DAY) == 1000 + 300 * DAY
    assert history.find_first(1003) == 1003
    assert history.find_first(900) == 900


ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
)


@settings(max_examples=examples(60))
@given(st.sampled_from(ZONES), st.integers(482_136, 482_136 + 500 * DAY), st.integers(1, 60 * DAY))
def test_a_class_is_the_local_hour_of_a_working_day_or_of_the_weekend(zone, first, hours):
    found = classify(first, first + hours, zone)
    for at in range(0, hours, 7):
        local = datetime.fromtimestamp((first + at) * 3600, ZoneInfo(zone))
        assert found[at] == local.hour + 24 * (local.weekday() >= 5)


def test_the_doubled_hour_of_a_clock_change_counts_in_its_class_and_the_skipped_one_is_missing():
    autumn = hour_of("2025-10-26T00:00+02:00")
    assert classify(autumn, autumn + 6, "Europe/Berlin").tolist() == [24, 25, 26, 26, 27, 28]
    spring = hour_of("2025-03-30T00:00+01:00")
    assert classify(spring, spring + 5, "Europe/Berlin").tolist() == [24, 25, 27, 28, 29]


def make_weeks(value, weeks=9, count=2.0):
    """A History from a Monday on, each hour of the week with its value, as (History, hour after it)."""
    sums = np.array([value(hour % DAY, hour // DAY) * count for hour in range(WEEK)])
    history = History(MONDAY, np.tile(sums, weeks), np.full(weeks * WEEK, count))
    return history, MONDAY + weeks * WEEK


def make_whole_course(history, end, kind=MEAN):
    return make_course(history, first=history.first, fired=end, end=end, zone="UTC", kind=kind)


def test_what_is_usual_for_the_hour_and_the_weekend_is_taken_out_by_its_factor():
    history, end = make_weeks(lambda hour, day: (30 if hour < 12 else 50) * (2 if day >= 5 else 1))
    course = make_whole_course(history, end)
    # Mean of all: 40 on five days, 80 on two: 360 ÷ 7.
    hours = np.arange(MONDAY, end - 3)
    assert course.is_log
    assert np.exp(course.mean(hours, hours + 3)) == pytest.approx(np.full(len(hours), 360 / 7))


def test_on_the_plain_scale_it_is_taken_out_by_its_difference():
    history, end = make_weeks(lambda hour, day: (-30 if hour < 12 else 50) + (7 if day >= 5 else 0))
    course = make_whole_course(history, end)
    hours = np.arange(MONDAY, end - 3)
    assert not course.is_log
    assert course.mean(hours, hours + 3) == pytest.approx(np.full(len(hours), 12.0))


def test_the_rhythm_is_that_of_the_last_56_days():
    history, end = make_weeks(lambda hour, day: 30 if hour < 12 else 50, weeks=12)
    history.sums[: 4 * WEEK] = 80.0
    course = make_whole_course(history, end)
    assert np.exp(course.mean(end - 6, end)) == pytest.approx(40)
    # Before, nothing was like that, and it is divided all the same: 40 ÷ (30 ÷ 40) at night.
    assert np.exp(course.mean(MONDAY, MONDAY + 6)) == pytest.approx(40 / 0.75)


def test_hours_of_a_class_without_points_and_months_without_any_keep_their_sums():
    history, end = make_weeks(lambda hour, day: 30 if hour < 12 else 50, weeks=12)
    seven = np.arange(12 * WEEK) % DAY == 7
    history.counts[seven], history.sums[seven] = 0, 0
    at = MONDAY + 7
    history.counts[7], history.sums[7] = 1, 90.0  # more than 56 days before
    assert np.exp(make_whole_course(history, end).mean(at, at + 1)) == pytest.approx(90)
    history.counts[WEEK:], history.sums[WEEK:] = 0, 0
    assert np.exp(make_whole_course(history, end).mean(MONDAY, MONDAY + 1)) == pytest.approx(30)


def test_a_mean_of_a_stretch_weighs_points_and_has_none_without_them():
    history = History(MONDAY, np.array([10.0, 0, 80, 30]), np.array([1.0, 0, 4, 1]))
    course = make_course(history, first=MONDAY, fired=MONDAY, end=MONDAY + 4, zone="UTC", kind=MEAN)
    assert np.exp(course.mean(MONDAY, MONDAY + 4)) == pytest.approx(20)
    assert np.isnan(course.mean(MONDAY + 1, MONDAY + 2))


def test_a_total_is_per_hour_and_an_empty_hour_is_nothing():
    history = History(MONDAY, np.array([10.0, 0, 80, 30]), np.array([1.0, 0, 4, 1]))
    course = make_course(history, first=MONDAY, fired=MONDAY, end=MONDAY + 4, zone="UTC", kind=TOTAL)
    assert not course.is_log
    assert course.mean(MONDAY, MONDAY + 4) == 30 and course.mean(MONDAY + 1, MONDAY + 2) == 0


def test_one_hour_that_is_not_positive_makes_the_scale_plain():
    sums, counts = np.full(WEEK, 5.0), np.ones(WEEK)
    assert make_whole_course(History(MONDAY, sums, counts), MONDAY + WEEK).is_log
    sums[9] = 0.0
    assert not make_whole_course(History(MONDAY, sums, counts), MONDAY + WEEK).is_log
    counts[9] = 0  # an hour without points says nothing about a mean
    assert make_whole_course(History(MONDAY, sums, counts), MONDAY + WEEK).is_log
    assert not make_whole_course(History(MONDAY, sums, counts), MONDAY + WEEK, TOTAL).is_log


@pytest.mark.filterwarnings("error")
def test_a_plain_mean_beyond_a_float_is_none():
    assert History(0, np.full(24, 1.7e308), np.full(24, 1.0)).mean(0, 24, MEAN) is None
