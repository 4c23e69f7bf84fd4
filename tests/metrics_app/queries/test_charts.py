import numpy as np
import pytest

from metrics_app import queries
from metrics_app.collector import collect_all
from metrics_app.core.buckets import stack, summarise
from metrics_app.exceptions import BadInput
from metrics_app.queries.charts import merge_rows
from tests.metrics_app.points import publish, select

pytestmark = pytest.mark.django_db
MINUTE = 60_000


@pytest.fixture
def now():
    return queries.redis_now()


@pytest.mark.parametrize("points", [300, 40_000])
@pytest.mark.parametrize("step", [1_000, 7_000, MINUTE, 90_000, 10 * MINUTE])
def test_a_series_is_what_numpy_says_of_each_bucket(now, points, step):
    rng = np.random.default_rng(1)
    ts, values = now - rng.integers(0, 600_000, points), rng.lognormal(3, 1, points)
    publish("er.wait", ts, values)
    collect_all()
    columns = queries.series("er.wait", now - 600_000, now, step)
    assert columns["ts"][0] == (now - 600_000) // step * step and columns["ts"][-1] + step >= now
    assert np.diff(columns["ts"]).tolist() == [step] * (len(columns["ts"]) - 1)
    for at, start in enumerate(columns["ts"]):
        expected = select(ts, values, start, start + step)
        assert columns["count"][at] == len(expected)
        if not len(expected):
            assert columns["mean"][at] is columns["min"][at] is columns["p50"][at] is None
            continue
        assert columns["mean"][at] == pytest.approx(expected.mean())
        assert (columns["min"][at], columns["max"][at]) == (expected.min(), expected.max())
        if points == 300 or step == MINUTE:
            assert columns["p95"][at] == pytest.approx(np.quantile(expected, 0.95), rel=0.02)


def test_a_series_of_nothing_is_empty_buckets(now):
    columns = queries.series("never.seen", now - 180_000, now, MINUTE)
    assert set(columns) == {"ts", "count", "mean", "min", "max", "p50", "p95"}
    assert set(columns["count"]) == {0} and set(columns["mean"]) == {None}


@pytest.mark.parametrize(("start", "end", "step"), [(0, 1, 500), (0, 1, 1500), (0, 1, 0), (1, 0, 1000)])
def test_a_span_that_cannot_be_drawn_is_refused(start, end, step):
    with pytest.raises(BadInput):
        queries.series("er.wait", start, end, step)


def test_too_many_buckets_are_refused_with_advice(now):
    with pytest.raises(BadInput, match="take a larger step"):
        queries.series("er.wait", 0, now, 1_000)


def test_decades_in_large_steps_are_quick(now):
    publish("er.wait", now)
    collect_all()
    columns = queries.series("er.wait", now - 30 * 365 * 86_400_000, now, 86_400_000)
    assert sum(columns["count"]) == 1


def test_a_snapshot_has_every_point_in_the_order_of_arrival(now):
    publish("er.wait", [now - 1000, now - 3000, now - 3000], [1, 2, 2])
    collect_all()
    publish("er.wait", [now - 2000], 3)
    collect_all()
    found = queries.snapshot("er.wait", since=now - 60_000, max_points=100)
    assert found.points == [[now - 1000, 1], [now - 3000, 2], [now - 3000, 2], [now - 2000, 3]]
    assert found.position == f"{queries.get_head('er.wait').epoch}:4" and found.rows == []
    assert queries.snapshot("er.wait", since=now - 1500).points == [[now - 1000, 1]]


@pytest.mark.parametrize("n", [101, 5_000, 50_000])
def test_more_points_than_asked_for_come_as_rows_that_lose_nothing(now, n):
    rng = np.random.default_rng(1)
    ts, values = now - rng.integers(0, 3_000_000, n), rng.normal(10, 3, n)
    publish("er.wait", ts, values)
    collect_all()
    found = queries.snapshot("er.wait", since=now - 3_600_000, max_points=100)
    assert found.points == [] and 0 < len(found.rows) <= 101
    assert found.position.endswith(f":{n}")
    assert sum(row[1] for row in found.rows) == n
    assert sum(row[1] * row[2] for row in found.rows) == pytest.approx(values.sum())
    assert (min(row[3] for row in found.rows), max(row[4] for row in found.rows)) == (
        values.min(),
        values.max(),
    )
    assert [row[0] for row in found.rows] == sorted(row[0] for row in found.rows)


def test_the_mean_of_a_row_lies_between_its_extremes():
    pieces = [summarise(np.array([value])) for value in (0.1, 0.1, 0.1, 1.7e308, 1.6e308)]
    rows = merge_rows(np.array([0, 0, 0, 1, 1]), stack(pieces))
    assert [(low <= mean <= high, mean) for _, _, mean, low, high in rows] == [(True, 0.1), (True, 1.7e308)]


def test_exactly_as_many_points_as_asked_for_are_points(now):
    publish("er.wait", now - np.arange(100) * 10, 1)
    collect_all()
    assert len(queries.snapshot("er.wait", since=now - 60_000, max_points=100).points) == 100


def test_a_topic_without_points_has_no_position(now):
    assert queries.snapshot("never.seen", since=now - 60_000, max_points=100) == queries.Snapshot(None)
