import numpy as np
import pytest

from metrics_app import bus, queries
from metrics_app.collector import collect_all
from metrics_app.connection import get_redis
from metrics_app.core.aggregates import AGGREGATES, ZERO_WHEN_EMPTY
from metrics_app.core.buckets import summarise
from metrics_app.queries import Observation
from tests.metrics_app.points import select

pytestmark = pytest.mark.django_db
MINUTE = 60_000


@pytest.fixture
def minute():
    """The start of the present minute (ms)."""
    return queries.redis_now() // MINUTE * MINUTE


@pytest.fixture
def data(minute):
    """Topics from sparse to crowded: name → (ts, values), collected."""
    rng = np.random.default_rng(1)
    sizes = [1, 10, 100, 1_000, 30_000] + [5] * 30
    data = {
        f"topic{at}": (minute - rng.integers(0, 3_600_000, n), rng.lognormal(3, 1, n))
        for at, n in enumerate(sizes)
    }
    bus.publish(data)
    collect_all()
    return data


SPANS = [
    (-1800, 0),
    (-3600, 0),
    (-60, 0),
    (-1790, 10),
    (-1805, -5),
    (-90, -60),
    (-30, -10),
    (-7200, 0),
    (0, 0),
]


@pytest.mark.parametrize("aggregate", sorted(AGGREGATES))
def test_it_judges_many_windows_as_each_alone(data, minute, aggregate):
    requests = [
        (topic, minute + start * 1000, minute + end * 1000, aggregate)
        for topic in data
        for start, end in SPANS
        if end > start
    ]
    for (topic, start, end, _), found in zip(requests, queries.observe(requests), strict=True):
        values = select(*data[topic], start, end)
        expected = AGGREGATES[aggregate](summarise(values), (end - start) / 1000)
        assert found.n == len(values)
        if len(values) and aggregate.startswith("p") and end - start < 5 * MINUTE and topic == "topic4":
            continue  # a part of a crowded minute answers percentiles with the whole minute
        rel = 0.02 if aggregate.startswith("p") else 1e-9
        assert found.value == (expected if expected is None else pytest.approx(expected, rel=rel))


@pytest.mark.parametrize("aggregate", sorted(AGGREGATES))
def test_a_topic_without_data_is_empty(minute, aggregate):
    value = 0 if aggregate in ZERO_WHEN_EMPTY else None
    for start in (minute - 30 * MINUTE, minute - 30 * MINUTE + 1000):
        assert queries.observe([("never.seen", start, minute, aggregate)]) == [Observation(value, 0)]


def test_no_question_has_no_answer():
    assert queries.observe([]) == []


def test_answers_come_in_the_order_of_the_questions(data, minute):
    requests = [
        (topic, minute - 1800_000, minute, name) for topic in data for name in ("count", "p50", "sum")
    ]
    expected = [queries.observe([request])[0] for request in requests]
    assert queries.observe(requests) == expected


def test_thousands_of_windows_take_one_round_trip_a_shard(minute, data):
    calls = []
    pipeline = get_redis().pipeline

    def note(**options):
        calls.append(options)
        return pipeline(**options)

    client = get_redis()
    client.pipeline = note
    try:
        queries.observe([(f"topic{at}", minute - 1800_000, minute, "mean") for at in range(3_000)])
    finally:
        del client.pipeline
    assert len(calls) == 8
