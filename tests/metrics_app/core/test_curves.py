"""A curve holds, at each minute, what the aggregate of the whole window was."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core.curves import roll

MINUTE = 60_000


def make_columns(minutes):
    """Columns of a series from lists of values, one list per minute."""
    filled = [values or None for values in minutes]
    return {
        "ts": [index * MINUTE for index in range(len(minutes))],
        "count": [len(values) for values in minutes],
        "mean": [values and sum(values) / len(values) for values in filled],
        "min": [values and min(values) for values in filled],
        "max": [values and max(values) for values in filled],
    }


def test_a_mean_is_that_of_all_points_in_the_window_not_the_mean_of_minutes():
    columns = make_columns([[10, 10, 10], [50], [], []])
    assert roll(columns, steps=2, aggregate="mean") == [20, 50, None]


def test_counting_aggregates_say_zero_where_nothing_came():
    columns = make_columns([[1], [1, 1], [], []])
    assert roll(columns, steps=2, aggregate="count") == [3, 2, 0]
    assert roll(columns, steps=2, aggregate="sum") == [3, 2, 0]
    assert roll(columns, steps=2, aggregate="rate_per_hour") == [90, 60, 0]


def test_extremes_skip_what_is_empty():
    columns = make_columns([[3, 9], [], [], [4]])
    assert roll(columns, steps=2, aggregate="max") == [9, None, 4]
    assert roll(columns, steps=2, aggregate="min") == [3, None, 4]


def test_the_largest_numbers_stay_numbers():
    """Infinity is no JSON: one such curve would take every chart of its page along."""
    columns = make_columns([[1.7e308], [1.7e308], [-1.7e308], [-1.7e308]])
    for aggregate in ("mean", "sum"):
        assert all(map(math.isfinite, roll(columns, steps=2, aggregate=aggregate)))
    columns["mean"] = [-1.7e308, 1.7e308, 1.7e308, -1.7e308]
    columns["count"] = [2, 2, 2, 2]
    assert roll(columns, steps=2, aggregate="sum")[0] is None, "what is below and above all numbers is none"


def test_a_series_shorter_than_the_window_has_no_full_window():
    assert roll(make_columns([[1]]), steps=2, aggregate="mean") == []


values = st.lists(st.floats(-1e6, 1e6), max_size=3)


@given(
    st.lists(values, min_size=3, max_size=12),
    st.integers(1, 3),
    st.sampled_from(["mean", "min", "max", "sum"]),
)
def test_it_agrees_with_a_look_at_every_window(minutes, steps, aggregate):
    rolled = roll(make_columns(minutes), steps=steps, aggregate=aggregate)
    functions = {"min": min, "max": max, "sum": sum, "mean": lambda points: sum(points) / len(points)}
    for index, value in enumerate(rolled):
        points = [point for minute in minutes[index : index + steps] for point in minute]
        if not points:
            assert value in (None, 0)
        else:
            assert math.isclose(value, functions[aggregate](points), rel_tol=1e-9, abs_tol=1e-6)


def test_a_long_roll_gathers_no_rounding_errors():
    columns = make_columns([[1e15], [1e15]] + [[0.1]] * 200)
    assert roll(columns, steps=2, aggregate="mean")[-1] == pytest.approx(0.1, rel=1e-12)
