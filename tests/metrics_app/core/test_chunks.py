import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core.chunks import pack_chunk, unpack_chunk

NOW = 1_732_390_000_123


@given(
    offset=st.integers(1, 2**60),
    points=st.lists(
        st.tuples(st.integers(NOW - 3_600_000, NOW), st.floats(allow_nan=False, allow_infinity=False)),
        min_size=1,
        max_size=50,
    ),
)
def test_it_gives_back_what_was_packed_in_the_order_of_arrival(offset, points):
    ts = np.array([point[0] for point in points], np.int64)
    values = np.array([point[1] for point in points], np.float64)
    packed = pack_chunk(offset, ts, values)
    first, ts_back, values_back = unpack_chunk(packed)
    assert first == offset
    assert ts_back.tolist() == ts.tolist()
    assert values_back.tolist() == values.tolist()


def test_it_takes_twelve_bytes_a_point():
    ts, values = np.full(1000, NOW, np.int64), np.zeros(1000)
    assert len(pack_chunk(1, ts, values)) == 16 + 12 * 1000


def test_it_refuses_points_that_lie_too_far_apart():
    with pytest.raises(ValueError, match="at most"):
        pack_chunk(1, np.array([NOW, NOW - 2**32], np.int64), np.zeros(2))
