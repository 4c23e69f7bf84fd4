import json
import math

import numpy as np
import pytest

from metrics_app.core.aggregates import AGGREGATES, QUANTILES, ZERO_WHEN_EMPTY, stddev
from metrics_app.core.buckets import EMPTY, summarise
from metrics_app.models import Aggregate

VALUES = np.array([1.0, 2.0, 3.0, 10.0])


def test_every_choice_of_a_threshold_is_an_aggregate():
    assert set(AGGREGATES) == set(Aggregate.values)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mean", 4), ("count", 4), ("sum", 16), ("min", 1), ("max", 10), ("p50", 2.5), ("rate_per_hour", 8)],
)
def test_it_says_what_its_name_says(name, expected):
    assert AGGREGATES[name](summarise(VALUES), 1800) == expected


@pytest.mark.parametrize("name", sorted(AGGREGATES))
def test_an_empty_window_is_none_or_zero(name):
    assert AGGREGATES[name](EMPTY, 60) == (0 if name in ZERO_WHEN_EMPTY else None)


@pytest.mark.parametrize("name", sorted(AGGREGATES))
def test_the_largest_numbers_still_make_json(name):
    value = AGGREGATES[name](summarise(np.array([1.7e308, 1.7e308, 1.7e308])), 60)
    assert math.isfinite(value) and json.dumps(value, allow_nan=False)


@pytest.mark.parametrize(("name", "q"), QUANTILES.items())
def test_percentiles_are_those_of_numpy(name, q):
    assert AGGREGATES[name](summarise(VALUES), 60) == pytest.approx(np.quantile(VALUES, q))


def test_the_deviation_is_that_of_the_values_themselves():
    assert stddev(summarise(VALUES)) == pytest.approx(np.std(VALUES))
    assert stddev(EMPTY) is None
    assert stddev(summarise(np.array([1.7e308, -1.7e308]))) is None
