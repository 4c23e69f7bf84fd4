import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core.buckets import summarise
from metrics_app.core.details import MOST_POINTS, Points, Seconds, unpack
from metrics_app.core.durations import MINUTE_MS

rows = st.lists(
    st.tuples(st.integers(0, MINUTE_MS - 1), st.floats(-1e6, 1e6)), min_size=1, max_size=3 * MOST_POINTS
)


def fill(pairs, times=1):
    offsets, values = np.array([at for at, _ in pairs]), np.array([value for _, value in pairs], float)
    detail = Points()
    for part in range(times):
        detail = detail.add(offsets[part::times], values[part::times])
    return detail, offsets, values


def check_same(found, expected):
    assert found.count == expected.count
    assert found.sum == pytest.approx(expected.sum, rel=1e-9, abs=1e-6)
    assert found.m2 == pytest.approx(expected.m2, rel=1e-6, abs=1e-2)
    assert (found.min, found.max) == (expected.min, expected.max)


@given(rows, st.integers(1, 4), st.integers(0, 60), st.integers(0, 60))
def test_it_is_exact_to_the_second_in_either_form(pairs, times, start, end):
    detail, offsets, values = fill(pairs, times)
    expected = summarise(values[(offsets >= start * 1000) & (offsets < end * 1000)])
    check_same(detail.cut(start * 1000, end * 1000), expected)
    check_same(unpack(detail.pack()).cut(start * 1000, end * 1000), expected)


@given(rows)
def test_the_form_follows_the_number_of_points_however_they_came(pairs):
    for times in (1, 3):
        detail, _, _ = fill(pairs, times)
        assert isinstance(detail, Points if len(pairs) <= MOST_POINTS else Seconds)


def test_points_are_exact_to_the_millisecond():
    detail, _, _ = fill([(999, 1.0), (1000, 2.0), (1001, 4.0)])
    assert detail.cut(1000, 1001).sum == 2


def test_a_part_of_a_crowded_minute_takes_the_shape_of_the_whole():
    pairs = [
        (at % MINUTE_MS, value)
        for at, value in zip(range(0, 60_000 * 7, 70), np.tile(np.arange(1.0, 101.0), 60), strict=True)
    ]
    part = fill(pairs)[0].cut(0, 30_000)
    assert part.quantile(0.5) == pytest.approx(50.5, rel=0.03)


@given(rows)
def test_splitting_loses_nothing(pairs):
    detail, _, values = fill(pairs)
    offsets, columns = detail.split()
    assert columns[0].sum() == len(values) and len(offsets) == columns.shape[1]
    assert columns[1].sum() == pytest.approx(values.sum(), rel=1e-9, abs=1e-6)


def test_no_bytes_are_no_points():
    assert unpack(None).cut(0, MINUTE_MS).count == 0
