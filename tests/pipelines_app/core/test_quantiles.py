"""The quantile of Student's t, against SciPy's."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pipelines_app.core.quantiles import NORMAL, find_t
from tests.examples import examples


@pytest.mark.parametrize("degrees", [1, 2, 4, 4.55, 12, 19.7, 48.2, 300, 10_000])
def test_it_is_scipys(degrees):
    assert find_t(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=1e-9)


@settings(max_examples=examples(200))
@given(st.floats(1, 1e5))
def test_it_is_scipys_between_whole_numbers_too(degrees):
    assert find_t(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=1e-8)


def test_it_is_what_tables_print():
    assert [round(find_t(degrees), 3) for degrees in (4, 5, 10, 30)] == [2.776, 2.571, 2.228, 2.042]


def test_it_ends_in_the_normal_one():
    assert pytest.approx(stats.norm.ppf(0.975), rel=1e-12) == NORMAL


@pytest.mark.parametrize("degrees", [0.5, 0, -3, float("nan")])
def test_it_refuses_what_has_no_quantile_that_anyone_should_use(degrees):
    with pytest.raises(ValueError, match="degrees of freedom must be 1 or more"):
        find_t(degrees)
