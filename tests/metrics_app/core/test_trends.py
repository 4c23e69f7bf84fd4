"""The line through the minutes, against NumPy, and when it meets a value."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core.text.phrases import tell_crossing
from metrics_app.core.trends import FAR, MET, NOT_IN_SIGHT, Forecast, Line, find_forecast, fit_line, meet
from metrics_app.core.watch import Rule
from metrics_app.core.windows import make_pieces, view_windows

MINUTE, HOUR = 60_000, 3600
minutes = st.lists(
    st.tuples(st.integers(0, 500), st.integers(-1000, 1000), st.integers(1, 50)),
    min_size=3, max_size=40, unique_by=lambda row: row[0],
)  # fmt: skip


@given(minutes)
def test_the_fit_is_the_weighted_one_of_numpy(rows):
    at, means, counts = (np.array(column, float) for column in zip(*rows, strict=True))
    at = -60.0 * at
    line = fit_line(at, means, counts)
    (slope, level), covariance = np.polyfit(at, means, 1, w=np.sqrt(counts), cov="unscaled")
    left = means - (level + slope * at)
    error = np.sqrt(covariance[0, 0] * (counts * left**2).sum() / (len(at) - 2))
    assert line.slope == pytest.approx(slope, rel=1e-6, abs=1e-9)
    assert line.level == pytest.approx(level, rel=1e-6, abs=1e-5)
    assert line.error == pytest.approx(error, rel=1e-4, abs=1e-9)


def test_two_minutes_are_no_trend_nor_is_what_no_double_holds():
    assert fit_line(np.array([0.0, 60.0]), np.array([1.0, 2.0]), np.array([1.0, 1.0])) is None
    assert fit_line(np.arange(3.0), np.array([1e308, -1e308, 1e308]), np.ones(3)) is None


def test_a_line_that_rises_meets_the_value_in_about_that_time():
    # 40 h now, 4 h more each hour: 48 h in 2 h.
    line = Line(40.0 * HOUR, 4.0, 0.5)
    assert meet(line, 48 * HOUR, rising=True) == Forecast(2 * HOUR, 8 * HOUR / 5, 8 * HOUR / 3)


@pytest.mark.parametrize(
    ("line", "rising", "forecast"),
    [
        (Line(50.0, -1.0, 0.0), True, MET),
        (Line(40.0, -1.0, 0.0), True, NOT_IN_SIGHT),
        (Line(40.0, 0.0, 0.0), True, NOT_IN_SIGHT),
        (Line(40.0, 1.0, 0.6), True, NOT_IN_SIGHT),
        (Line(40.0, 1e-9, 0.0), True, NOT_IN_SIGHT),
        (Line(60.0, -2.0, 0.0), False, Forecast(6.0, 6.0, 6.0)),
        (Line(48.0, 1.0, 0.0), False, MET),
        (Line(40.0, 1.0, 0.5), True, Forecast(8.0, 4.0, FAR)),
    ],
)
def test_it_is_met_or_not_in_sight_where_it_is(line, rising, forecast):
    assert meet(line, 48.0, rising=rising) == forecast


@given(minutes, st.integers(-2000, 2000))
def test_falling_is_rising_upside_down(rows, value):
    at, means, counts = zip(*((row[0] * MINUTE, row[1], row[2]) for row in rows), strict=True)
    end = max(at) + MINUTE
    upside_down = [-mean for mean in means]
    up = find_forecast(at, counts, means, end, "time_until_above", value)
    down = find_forecast(at, counts, upside_down, end, "time_until_below", -value)
    assert up == pytest.approx(down)
    assert 0 <= up.earliest <= up.about <= up.latest <= FAR


def test_the_windows_of_a_backtest_see_whole_minutes_only():
    # One point a minute at :30, an hour more each minute: 48 h is met 8 minutes after 40 h.
    ts = [minute * MINUTE + 30_000 for minute in range(41)]
    pieces = make_pieces(ts, [minute * HOUR for minute in range(41)])
    slots = np.array([40 * MINUTE + 30_000, 41 * MINUTE, 41 * MINUTE + 59_000])
    rule = Rule("time_until_above", 600, "lt", 3600.0, aggregate_value=48.0 * HOUR)
    views = view_windows(pieces, slots, rule.aggregate, rule.window, rule.aggregate_value)
    assert views.values == pytest.approx([480.0, 450.0, 391.0])
    assert views.n.tolist() == [9, 10, 9]
    assert np.isnan(view_windows(pieces, slots, rule.aggregate, 120, 1.0).values[0])
    assert view_windows(make_pieces([], []), slots, rule.aggregate, 600, 1.0).n.tolist() == [0, 0, 0]


def test_it_is_said_with_its_uncertainty():
    said = tell_crossing(Forecast(3.0 * HOUR, 2.5 * HOUR, 4.0 * HOUR), "48 h", HOUR)
    assert said == "At the pace of the last hour, 48 h is crossed in about 3 h (2 h 30 min to 4 h)"
    assert "(2 h or later)" in tell_crossing(Forecast(3.0 * HOUR, 2.0 * HOUR, FAR), "48 h", HOUR)
    assert tell_crossing(NOT_IN_SIGHT, "48 h", HOUR) == tell_crossing(MET, "48 h", HOUR) == ""
