"""Moving windows against the plain answer over the same points."""

import numpy as np
import pytest

from metrics_app import queries
from metrics_app.collector import collect_all
from tests.metrics_app.points import publish, select

pytestmark = pytest.mark.django_db
MINUTE = 60_000


@pytest.mark.parametrize("aggregate", ["mean", "count", "rate_per_hour", "p50", "max"])
def test_each_value_is_the_aggregate_of_its_whole_window(base, aggregate):
    rng = np.random.default_rng(5)
    ts = np.sort(base + rng.integers(0, 20 * MINUTE, 400))
    values = rng.lognormal(3, 1, 400)
    publish("er.wait", ts, values)
    collect_all()
    ends = [base + n * MINUTE for n in range(5, 20, 5)]
    found = queries.windows("er.wait", ends, step=MINUTE, window=10 * MINUTE, aggregate=aggregate)
    for index, end in enumerate(ends):
        inside = select(ts, values, end - 10 * MINUTE, end)
        plain = {
            "mean": inside.mean(),
            "count": len(inside),
            "rate_per_hour": len(inside) * 6,
            "p50": np.quantile(inside, 0.5),
            "max": inside.max(),
        }
        assert found["value"][index] == pytest.approx(plain[aggregate], rel=0.01)
        assert found["n"][index] == len(inside)
        assert found["p50"][index] == pytest.approx(plain["p50"], rel=0.01)


def test_a_gap_has_no_value(base):
    publish("er.wait", [base, base + MINUTE])
    collect_all()
    ends = [base + 4 * MINUTE, base + 10 * MINUTE]
    found = queries.windows("er.wait", ends, step=MINUTE, window=4 * MINUTE, aggregate="mean")
    assert found["value"] == [1, None]
    empty = queries.windows("er.wait", [], step=MINUTE, window=MINUTE, aggregate="mean")
    assert set(map(len, empty.values())) == {0}
