"""Whatever happens, in whatever order: history is what the points say."""

import uuid

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics_app import queries
from metrics_app.collector import Collector
from metrics_app.services.archive import archive
from metrics_app.services.compact import compact_history
from tests.examples import examples
from tests.metrics_app.histories import DAY, HOUR, MINUTE, Clockwork, check
from tests.metrics_app.points import publish, select

pytestmark = pytest.mark.django_db

POINTS = st.lists(
    st.tuples(st.integers(0, 200), st.sampled_from([1, 60, 3_000, 90_000]), st.integers(-1000, 1000)),
    min_size=1,
    max_size=20,
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("emit"), POINTS),
        st.tuples(st.sampled_from(["archive", "restart", "seal", "compact"]), st.just(None)),
    ),
    min_size=3,
    max_size=10,
)


def play(clockwork, topic, steps):
    """Plays the steps; the times and values that were emitted."""
    ts, values, later = [], [], 0
    for name, rows in steps:
        if name == "emit":
            times = [clockwork.now - at * seconds * 1000 // 60 * 60 for at, seconds, _ in rows]
            publish(topic, times, [value for *_, value in rows])
            clockwork.collect()
            ts += times
            values += [value for *_, value in rows]
        elif name == "restart":
            clockwork.collector = Collector(lease=False)
            clockwork.collect()
        elif name == "seal":
            later += 25 * MINUTE
            clockwork.seal(clockwork.now + later)
        else:
            archive() if name == "archive" else compact_history(now=clockwork.now)
    archive()
    return np.array(ts, np.int64), np.array(values, float)


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS, st.integers(1, 300), st.integers(0, 50))
def test_any_history_is_what_its_points_say(steps, start, end):
    clockwork, topic = Clockwork(), f"t{uuid.uuid4().hex}"
    ts, values = play(clockwork, topic, steps)
    spans = [(start * HOUR, end * HOUR), (start * 60 * MINUTE + 90 * MINUTE, 0), (220 * DAY, -MINUTE)]
    for back, ahead in spans:
        low, high = (clockwork.now // MINUTE * MINUTE - at for at in (back, min(back, ahead)))
        check(queries.span(topic, low, high, percentiles=True), select(ts, values, low, high), rel=0.02)
    for step in (MINUTE, HOUR, DAY):
        columns = queries.series(topic, clockwork.now - 50 * step, clockwork.now, step)
        assert columns["count"] == [len(select(ts, values, at, at + step)) for at in columns["ts"]]
