import uuid

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics_app import queries
from metrics_app.collector import Collector, collect_all
from metrics_app.connection import get_redis
from metrics_app.exceptions import BadInput
from tests.metrics_app.points import publish, select

pytestmark = pytest.mark.django_db
MINUTE = 60_000


def compare(found, values, window):
    """The statistics against plain NumPy over the same values."""
    assert found["count"] == len(values)
    assert found["rate_per_hour"] == pytest.approx(len(values) * 3600 / window)
    if not len(values):
        assert found["sum"] == 0
        assert all(
            found[name] is None for name in ("mean", "min", "max", "stddev", "p50", "p90", "p95", "p99")
        )
        return
    assert (found["min"], found["max"]) == (values.min(), values.max())
    assert found["sum"] == pytest.approx(values.sum()) and found["mean"] == pytest.approx(values.mean())
    assert found["stddev"] == pytest.approx(values.std(), rel=1e-6, abs=1e-9)


def check_percentiles(found, values, rel):
    for name, q in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)):
        assert found[name] == pytest.approx(np.quantile(values, q), rel=rel)


@pytest.fixture
def now():
    return queries.redis_now()


@pytest.mark.parametrize("points", [50, 2_000, 60_000])
@pytest.mark.parametrize("window", [1, 59, 60, 61, 600, 1799, 3600])
def test_it_is_what_numpy_says_of_the_same_points(now, points, window):
    rng = np.random.default_rng(points)
    ts, values = now - rng.integers(0, 3_660_000, points), rng.lognormal(8, 1, points)
    publish("er.wait", ts, values)
    collect_all()
    end = now // 1000 * 1000 + 1000
    expected = select(ts, values, end - window * 1000, end)
    found = queries.stats("er.wait", window, now=now)
    compare(found, expected, window)
    mean = queries.mean_last("er.wait", window, now=now)
    assert mean == found["mean"] or mean == pytest.approx(found["mean"])
    if len(expected) and (window >= 600 or points == 50):
        check_percentiles(found, expected, rel=0.02 if window < 1799 else 0.011)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(-200_000, 3_000), st.floats(-1e6, 1e6)), min_size=1, max_size=60),
    st.integers(1, 200),
    st.integers(0, 3),
)
def test_edges_order_and_restarts_change_nothing(now, rows, window, restarts):
    topic = f"t{uuid.uuid4().hex}"
    ts, values = now + np.array([at for at, _ in rows]), np.array([value for _, value in rows])
    for part in range(restarts + 1):
        publish(topic, ts[part :: restarts + 1], values[part :: restarts + 1])
        collect_all()
    end = now // 1000 * 1000 + 1000
    compare(queries.stats(topic, window, now=now), select(ts, values, end - window * 1000, end), window)


def test_few_points_have_exact_percentiles(now):
    publish("er.wait", np.full(100, now), np.arange(1.0, 101.0))
    collect_all()
    check_percentiles(queries.stats("er.wait", 60, now=now), np.arange(1.0, 101.0), rel=1e-12)


def test_large_values_with_small_differences_keep_their_deviation(now):
    values = 1e9 + np.random.default_rng(1).normal(0, 0.1, 5_000)
    publish("er.wait", now - np.arange(5_000) * 100, values)
    collect_all()
    found = queries.stats("er.wait", 1800, now=now)
    assert found["stddev"] == pytest.approx((values - 1e9).std(), rel=1e-4)


def test_the_largest_doubles_make_no_infinity(now):
    publish("er.wait", [now, now, now], [1.7e308, 1.7e308, -1.7e308])
    publish("more", np.full(600, now), 1.7e308)
    collect_all()
    for topic in ("er.wait", "more"):
        found = queries.stats(topic, 60, now=now)
        assert all(value is None or np.isfinite(value) for value in list(found.values())[2:])


def test_an_unknown_topic_is_empty(now):
    compare(queries.stats("never.seen", 60), np.array([]), 60)
    assert queries.mean_last("never.seen", 60) is None
    assert queries.stats("never.seen", 60)["last_point_at"] is None
    assert queries.get_head("never.seen") is None


def test_it_has_exactly_the_fields_of_the_contract(now):
    names = (
        "topic window count sum mean min max stddev p50 p90 p95 p99 rate_per_hour last_point_at computed_at"
    )
    assert list(queries.stats("er.wait", 60, now=now)) == names.split()


def test_it_says_when_the_last_point_was(now):
    publish("er.wait", [now, now - 5000])
    collect_all()
    found = queries.stats("er.wait", 60, now=now)
    assert found["last_point_at"] == now and found["computed_at"] == now


def test_a_point_a_little_ahead_counts_once_its_time_has_come(now):
    publish("er.wait", now + 4_000)
    collect_all()
    assert queries.stats("er.wait", 60, now=now)["count"] == 0
    assert queries.stats("er.wait", 60, now=now + 4_000)["count"] == 1


@pytest.mark.parametrize("window", [0, -1])
def test_a_window_that_is_none_is_refused(window):
    with pytest.raises(BadInput, match="is no window"):
        queries.mean_last("er.wait", window)


def test_its_cost_does_not_grow_with_the_points(now):
    def commands(points):
        publish(f"n{points}", now - np.arange(points) % 1_700_000, 1.0)
        collect_all()
        with counted() as calls:
            assert queries.mean_last(f"n{points}", 1800, now=now) == 1
        return calls

    assert commands(100) == commands(50_000) == ["EVAL"]


def counted():
    """Collects the names of the commands that go to Redis."""
    return Recorder()


class Recorder:
    """A context that lists what the process sends."""

    def __enter__(self):
        self.client, self.names = get_redis(), []
        self.original = self.client.execute_command
        self.client.execute_command = self.note
        return self.names

    def note(self, name, *arguments, **options):
        self.names.append(name)
        return self.original(name, *arguments, **options)

    def __exit__(self, *_):
        del self.client.execute_command


def test_a_collector_that_stopped_leaves_the_answers_standing(now):
    publish("er.wait", now, 3)
    collector = Collector()
    collector.turn(block_ms=None)
    collector.release()
    assert queries.mean_last("er.wait", 60, now=now) == 3
