import numpy as np
import pytest

from metrics_app import queries, window
from metrics_app.collector import Collector
from metrics_app.connection import get_redis, key
from metrics_app.core.fold import next_mark
from metrics_app.exceptions import StaleFence
from metrics_app.window.seal import hold, read_hot
from tests.metrics_app.points import publish, select

pytestmark = pytest.mark.django_db
MINUTE, HOUR = 60_000, 3_600_000


class Clockwork:
    """A collector whose clock the test turns: minutes pass between two calls."""

    def __init__(self):
        self.collector = Collector(lease=False)
        self.now = queries.redis_now()

    def collect(self):
        while self.collector.turn(block_ms=None):
            pass

    def shard(self, topic):
        return queries.shard_for(topic)

    def seal(self, topic, now):
        """Seals as the collector does when ``now`` comes."""
        shard = self.shard(topic)
        mark = next_mark(now)
        window.seal(shard, self.collector.memories[shard], mark, self.collector.me)
        self.collector.memories[shard].forget_before(mark, now)
        return mark


@pytest.fixture
def clockwork():
    return Clockwork()


@pytest.fixture
def hour(clockwork):
    """Times and values of an hour of points of ``er.wait``: some minutes sparse, some crowded."""
    rng = np.random.default_rng(1)
    crowded = clockwork.now - 40 * MINUTE + rng.integers(0, 3 * MINUTE, 3_000)
    ts = np.concatenate([clockwork.now - rng.integers(0, 60 * MINUTE, 1_000), crowded])
    values = rng.lognormal(5, 1, len(ts))
    publish("er.wait", ts, values)
    clockwork.collect()
    return ts, values


def keys(topic):
    shard, client = queries.shard_for(topic), get_redis()
    return {name for name in ("ring", "det", "log", "held") if client.exists(key(shard, f"{name}:{topic}"))}


def check(found, expected):
    assert found.count == len(expected)
    assert found.sum == pytest.approx(expected.sum())
    assert found.m2 == pytest.approx(expected.var() * len(expected))
    assert (found.min, found.max) == (expected.min(), expected.max())
    for q in (0.5, 0.95, 0.99):
        assert found.quantile(q) == pytest.approx(np.quantile(expected, q), rel=0.01)


def test_a_window_over_the_sealed_mark_has_no_seam(clockwork, hour):
    ts, values = hour
    mark = clockwork.seal("er.wait", clockwork.now + 30 * MINUTE)
    assert mark > clockwork.now - HOUR
    start = (clockwork.now - 2 * HOUR) // MINUTE * MINUTE
    check(
        queries.span("er.wait", start, clockwork.now, percentiles=True),
        select(ts, values, start, clockwork.now),
    )


def test_an_hour_of_the_past_is_read_from_where_it_lies(clockwork, hour):
    ts, values = hour
    clockwork.seal("er.wait", clockwork.now + 3 * HOUR)
    end = clockwork.now // MINUTE * MINUTE - 5 * MINUTE
    start = end - HOUR
    expected = select(ts, values, start, end)
    check(queries.span("er.wait", start, end, percentiles=True), expected)
    assert queries.observe([("er.wait", start, end, "count")])[0].n == len(expected)
    assert sum(queries.series("er.wait", start, end, MINUTE)["count"]) == len(expected)


def test_sealed_minutes_wait_for_the_archiver_with_everything_it_needs(clockwork, hour):
    ts, values = hour
    mark = clockwork.seal("er.wait", clockwork.now + 30 * MINUTE)
    held = window.read_held(clockwork.shard("er.wait"), before=mark)
    assert [minute for _, minute, _ in held] == sorted(set((ts // MINUTE * MINUTE)[ts < mark].tolist()))
    for topic, minute, summary in held:
        assert topic == "er.wait"
        check(summary, select(ts, values, minute, minute + MINUTE))


def test_a_topic_without_a_hot_minute_gives_up_its_memory_and_keeps_its_position(clockwork, hour):
    top = queries.get_head("er.wait").top
    clockwork.seal("er.wait", clockwork.now + 3 * HOUR)
    assert keys("er.wait") == {"held"}
    assert queries.get_head("er.wait").top == top
    assert get_redis().zcard(key(clockwork.shard("er.wait"), "hot")) == 0


def test_points_after_a_long_silence_start_a_new_ring_and_go_on_in_the_log(clockwork, hour):
    top = queries.get_head("er.wait").top
    clockwork.seal("er.wait", clockwork.now + 55 * MINUTE)
    publish("er.wait", clockwork.now)
    clockwork.collect()
    assert queries.get_head("er.wait").top == top + 1
    assert queries.span("er.wait", clockwork.now, clockwork.now + 1000).count >= 1


def test_points_before_the_mark_are_late(clockwork, hour):
    clockwork.seal("er.wait", clockwork.now + 30 * MINUTE)
    publish("er.wait", clockwork.now - 50 * MINUTE, 7)
    clockwork.collect()
    [(_, batch)] = window.read_late(clockwork.shard("er.wait"))
    assert batch["er.wait"][1].tolist() == [7]


def test_a_crash_before_the_mark_moved_costs_nothing(clockwork, hour):
    ts, values = hour
    shard, memory = clockwork.shard("er.wait"), clockwork.collector.memories[clockwork.shard("er.wait")]
    mark = next_mark(clockwork.now + 30 * MINUTE)
    hold(shard, memory, read_hot(shard, mark))
    publish("er.wait", clockwork.now - 50 * MINUTE, 7.0)
    clockwork.collect()
    mark = clockwork.seal("er.wait", clockwork.now + 30 * MINUTE)
    assert sum(summary.count for *_, summary in window.read_held(shard, before=mark)) == (ts < mark).sum() + 1


def test_a_collector_that_fell_behind_cannot_seal(clockwork, hour):
    shard, stale = clockwork.shard("er.wait"), Clockwork()
    stale.collect()
    publish("er.wait", clockwork.now)
    clockwork.collect()
    with pytest.raises(StaleFence):
        window.seal(shard, stale.collector.memories[shard], clockwork.now, "me")


def test_what_waits_too_long_is_dropped_and_counted(clockwork, hour):
    mark = clockwork.seal("er.wait", clockwork.now + 30 * MINUTE)
    shard = clockwork.shard("er.wait")
    held = len(window.read_held(shard, before=mark))
    memory = clockwork.collector.memories[shard]
    assert window.drop_held(shard, memory, clockwork.now) == 0
    assert window.drop_held(shard, memory, mark + 24 * HOUR) == held
    assert int(get_redis().hget(key(shard, "meta"), "held_dropped")) == held
    assert window.read_held(shard, before=mark) == [] and "held" not in keys("er.wait")


def test_the_mark_never_goes_back_and_lies_69_minutes_before_the_newest(clockwork, hour):
    sealed = int(get_redis().hget(key(clockwork.shard("er.wait"), "meta"), "sealed"))
    assert clockwork.now - 70 * MINUTE < sealed <= clockwork.now + 10_000 - 69 * MINUTE
    batch = {"er.wait": (np.array([clockwork.now + 4 * MINUTE, clockwork.now + HOUR]), np.ones(2))}
    assert next_mark(clockwork.now, batch) == (clockwork.now + 4 * MINUTE) // MINUTE * MINUTE - 69 * MINUTE


def test_keys_of_a_topic_end_by_themselves_should_no_collector_run(clockwork, hour):
    shard = clockwork.shard("er.wait")
    for name in ("ring", "det", "log"):
        assert 24 * 3600 < get_redis().ttl(key(shard, f"{name}:er.wait")) <= 26 * 3600


def test_the_log_lets_go_of_what_arrived_over_an_hour_ago(clockwork):
    shard, client = clockwork.shard("er.wait"), get_redis()
    for _ in range(30):
        publish("er.wait", np.full(3, clockwork.now))
        clockwork.collect()
    name = key(shard, "log:er.wait")
    entries = client.xrange(name)
    client.delete(name)
    for at, (entry, fields) in enumerate(entries):
        old = clockwork.now - 2 * HOUR if at < 17 else clockwork.now
        client.xadd(name, {"d": fields[b"d"], "a": old}, id=entry)
    clockwork.collector.memories[shard].topics["er.wait"].tidied = 0
    publish("er.wait", clockwork.now)
    clockwork.collect()
    assert [entry for entry, _ in client.xrange(name)][:-1] == [entry for entry, _ in entries[17:]]
