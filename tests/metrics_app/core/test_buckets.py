import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core.buckets import EMPTY, fold, merge, merge_pair, summarise
from metrics_app.core.durations import MINUTE_MS
from metrics_app.core.sketch import Sketch

values = st.lists(st.floats(-1e6, 1e6), max_size=30)
points = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 10 * MINUTE_MS), st.floats(-1e6, 1e6)),
    min_size=1,
    max_size=200,
)


def summary_of(numbers):
    return summarise(np.array(numbers, float))


def check_same(found, expected):
    assert found[0] == expected[0]
    assert found[1] == pytest.approx(expected[1], rel=1e-9, abs=1e-6)
    assert found[2] == pytest.approx(expected[2], rel=1e-6, abs=1e-3)
    assert found[3:5] == expected[3:5]


@given(values, values, values)
def test_parts_merge_to_the_whole_in_any_order(a, b, c):
    whole = summary_of(a + b + c)
    x, y, z = (summary_of(part) for part in (a, b, c))
    check_same(merge([x, y, z]), whole)
    check_same(merge([merge([z, y]), x]), whole)
    check_same(merge_pair(tuple(x[:5]), merge_pair(tuple(y[:5]), tuple(z[:5]))), whole)


def test_it_keeps_its_digits_for_large_values_with_small_differences():
    numbers = 1e9 + np.random.default_rng(1).normal(0, 0.1, 100_000)
    parts = [summarise(part) for part in np.array_split(numbers, 70)]
    assert merge(parts).m2 / 100_000 == pytest.approx(np.var(numbers - 1e9), rel=1e-5)


def test_the_largest_numbers_overflow_without_a_warning():
    summary = merge([summary_of([1.7e308, 1.7e308]), summary_of([1.7e308])])
    assert summary.count == 3 and summary.max == 1.7e308
    assert summary_of([-1.7e308, 1.7e308]).quantile(0.5) == 0


def test_nothing_is_empty():
    assert merge([]) == EMPTY
    assert EMPTY.mean is None and EMPTY.quantile(0.5) is None


@given(points)
def test_a_fold_is_what_a_loop_would_have_counted(rows):
    rows.sort(key=lambda row: row[0])
    owner, ts, numbers = (np.array(column) for column in zip(*rows, strict=True))
    expected = {}
    for who, at, value in rows:
        expected.setdefault((who, at // MINUTE_MS * MINUTE_MS), []).append(value)
    folded = fold(owner, ts, numbers.astype(float))
    found = zip(
        folded.owner.tolist(),
        folded.bucket.tolist(),
        folded.first,
        folded.last,
        folded.columns.T,
        strict=True,
    )
    groups = {(who, minute): (first, last, column) for who, minute, first, last, column in found}
    assert groups.keys() == expected.keys()
    for group, (first, last, column) in groups.items():
        assert folded.values[first:last].tolist() == expected[group]
        check_same(tuple(column), summary_of(expected[group]))


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=50), st.floats(0, 1))
def test_exact_points_answer_exact_percentiles(numbers, q):
    assert summary_of(numbers).quantile(q) == pytest.approx(np.quantile(numbers, q), rel=1e-9)


def test_points_and_sketches_merge_to_a_sketch():
    points, sketched = summary_of(range(1, 101)), summary_of(range(101, 201))
    sketched = sketched._replace(values=None, sketch=Sketch.of(sketched.values))
    assert merge([points, sketched]).quantile(0.5) == pytest.approx(100.5, rel=0.01)
