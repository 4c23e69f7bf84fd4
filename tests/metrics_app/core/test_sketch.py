import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics_app.core.sketch import Sketch, decode, encode, merge, pack_split, split, unpack

numbers = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)
positive = st.floats(min_value=1e-6, max_value=1e9)


def as_array(values):
    return np.array(values, float)


def read(sketch):
    return sketch.codes.tolist(), sketch.counts.tolist()


@given(st.lists(numbers, min_size=1))
def test_it_stands_for_every_value_within_half_a_percent(values):
    for value, code in zip(values, encode(as_array(values)), strict=True):
        assert decode(code) == pytest.approx(value, rel=0.00501, abs=3e-308)


@given(st.lists(numbers, min_size=2))
def test_its_codes_sort_as_the_values_do(values):
    codes = encode(np.sort(as_array(values)))
    assert (np.diff(codes) >= 0).all()


@given(st.lists(positive, min_size=1, max_size=300), st.floats(0, 1))
def test_its_quantiles_are_within_one_percent_for_values_of_one_sign(values, q):
    values = as_array(values)
    for sign in (1, -1):
        signed = values * sign
        found = Sketch.of(signed).quantile(q, signed.min(), signed.max())
        assert found == pytest.approx(np.quantile(signed, q), rel=0.01)


@given(st.lists(numbers), st.lists(numbers), st.lists(numbers))
def test_it_does_not_matter_in_which_order_sketches_merge(a, b, c):
    x, y, z = (Sketch.of(as_array(values)) for values in (a, b, c))
    whole = read(Sketch.of(as_array(a + b + c)))
    assert read(merge([x, y, z])) == whole
    assert read(merge([merge([z, x]), y])) == whole


@given(st.lists(numbers), st.integers(1, 2**40))
def test_it_comes_back_from_its_bytes(values, times):
    sketch = Sketch.of(as_array(values))
    sketch.counts = sketch.counts * times
    assert read(unpack(sketch.pack())) == read(sketch)


@given(st.lists(st.tuples(st.integers(0, 3), numbers), min_size=1))
def test_it_splits_values_by_owner(pairs):
    owner, values = np.array([owner for owner, _ in pairs]), as_array([value for _, value in pairs])
    for at, sketch in enumerate(split(owner, values, 4)):
        assert read(sketch) == read(Sketch.of(values[owner == at]))


@given(
    st.lists(st.tuples(st.integers(0, 3), numbers), min_size=1),
    st.sampled_from([1, 300, 70_000]),
    st.integers(0, 3),
)
def test_many_at_once_are_packed_as_each_by_itself(pairs, times, often):
    # Whoever has few values and whoever has so many that their counts need larger integers.
    pairs = [*pairs, *((owner, 7.0) for owner in range(4)), *[(often, 9.0)] * times]
    owner, values = np.array([owner for owner, _ in pairs]), as_array([value for _, value in pairs])
    assert pack_split(owner, values, 4) == [sketch.pack() for sketch in split(owner, values, 4)]


def test_it_is_small():
    values = np.random.default_rng(1).lognormal(10, 1, 100_000)
    assert len(Sketch.of(values).pack()) < 2_500


@settings(max_examples=20)
@given(st.integers(1, 1000))
def test_a_part_of_it_keeps_its_shape_and_its_number(part):
    sketch = Sketch.of(np.arange(1.0, 1001.0)).scale(part / 1000)
    assert sketch.total == part
    assert sketch.quantile(0.5, 1, 1000) == pytest.approx(500, rel=0.02)


def test_nothing_merges_to_nothing():
    assert read(merge([])) == ([], [])
    assert read(unpack(merge([]).pack())) == ([], [])
