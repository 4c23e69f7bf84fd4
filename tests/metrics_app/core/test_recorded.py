"""Spans in which a zero is a zero."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core.recorded import QUIET, is_enough, join_pieces, measure_share, measure_shares

HOUR = 3_600_000


def test_what_lies_between_two_points_was_recorded_unless_a_whole_day_lies_between():
    night, gap = (9 * HOUR, 10 * HOUR), (10 * HOUR + QUIET, 11 * HOUR + QUIET)
    assert join_pieces([gap, (0, HOUR), night]) == [(0, 10 * HOUR), gap]
    assert join_pieces([(0, 5 * HOUR), (HOUR, 2 * HOUR)]) == [(0, 5 * HOUR)]
    assert join_pieces([]) == []


edges = st.lists(st.integers(0, 60), unique=True, max_size=8).map(sorted)


@given(edges, st.lists(st.tuples(st.integers(-5, 70), st.integers(1, 40)), max_size=5))
def test_the_share_of_a_window_is_what_a_walk_over_its_moments_counts(edges, windows):
    spans = list(zip(edges[::2], edges[1::2], strict=False))
    starts, ends = [start for start, _ in windows], [start + length for start, length in windows]
    found = measure_shares(spans, starts, ends)
    for start, end, share in zip(starts, ends, found, strict=True):
        counted = sum(any(low <= at < high for low, high in spans) for at in range(start, end))
        assert share == pytest.approx(counted / (end - start))


def test_a_restart_does_not_make_a_day_unknown_and_half_an_hour_of_an_hour_does():
    day = 24 * HOUR
    assert is_enough(measure_share([(0, 10 * HOUR), (11 * HOUR, day)], 0, day))
    assert not is_enough(measure_share([(0, HOUR // 2)], 0, HOUR))
    assert not is_enough(measure_share([], 0, HOUR))
