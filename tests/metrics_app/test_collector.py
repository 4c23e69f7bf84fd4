import threading

import numpy as np
import pytest
from django.db import DatabaseError

from metrics_app import conf, live, queries, window
from metrics_app.collector import ANEW, Collector, collect_all
from metrics_app.connection import get_redis, key
from metrics_app.core.chunks import unpack_chunk
from metrics_app.core.packing import SLOTS
from metrics_app.exceptions import BusUnavailable, MetricsError
from metrics_app.models import Kpi
from metrics_app.services import kpis
from tests.metrics_app.points import publish

pytestmark = pytest.mark.django_db
MINUTE = 60_000


@pytest.fixture
def rung(monkeypatch):
    """The updates that went to the doorbell."""
    updates = []
    monkeypatch.setattr(live, "publish_turn", updates.extend)
    return updates


@pytest.fixture
def now():
    return queries.redis_now()


def count(topic, window=600):
    return queries.stats(topic, window)["count"]


def meta(topic, name):
    return int(get_redis().hget(key(queries.shard_for(topic), "meta"), name) or 0)


def read_offsets(topic):
    """Every offset in a topic's log, in order."""
    entries = get_redis().xrange(key(queries.shard_for(topic), f"log:{topic}"))
    chunks = [unpack_chunk(fields[b"d"]) for _, fields in entries]
    return [first + at for first, ts, _ in chunks for at in range(len(ts))]


def collect(collector):
    while collector.turn(block_ms=None):
        pass


def test_ten_thousand_identical_points_are_ten_thousand_points(now):
    publish("complaint.received", np.full(10_000, now))
    collect_all()
    assert count("complaint.received") == 10_000
    assert queries.get_head("complaint.received").total == 10_000
    assert read_offsets("complaint.received") == list(range(1, 10_001))


def test_it_takes_what_it_has_collected_off_the_bus(now):
    publish("er.wait", now)
    collect_all()
    assert get_redis().xlen(key(queries.shard_for("er.wait"), "bus")) == 0


def test_points_in_any_order_give_the_same_statistics(now):
    ts, values = now - np.arange(500) * 1000, np.arange(500.0)
    shuffled = np.random.default_rng(1).permutation(500)
    publish("ordered", ts, values)
    collect_all()
    for part in np.array_split(shuffled, 7):
        publish("shuffled", ts[part], values[part])
        collect_all()
    expected = queries.stats("ordered", 600, now=now)
    found = queries.stats("shuffled", 600, now=now)
    assert found == expected | {
        "topic": "shuffled",
        "sum": pytest.approx(expected["sum"]),
        "mean": pytest.approx(expected["mean"]),
        "stddev": pytest.approx(expected["stddev"]),
    }


def test_a_new_collector_goes_on_where_the_last_one_stopped(now):
    for part in range(6):
        publish("er.wait", now - np.arange(100) * 100, part)
        collect_all()
    assert count("er.wait") == 600
    assert read_offsets("er.wait") == list(range(1, 601))


def test_two_collectors_on_the_same_shards_count_every_point_once(now):
    rivals = [Collector(lease=False), Collector(lease=False)]
    for turn in range(20):
        publish("er.wait", np.full(10, now - turn))
        rivals[turn % 2].turn(block_ms=None)
        rivals[turn % 3 % 2].turn(block_ms=None)
    for rival in rivals:
        collect(rival)
    collect_all()
    assert count("er.wait") == 200
    assert read_offsets("er.wait") == list(range(1, 201))


def test_a_collector_that_fell_behind_writes_nothing(now):
    late = Collector(lease=False)
    late.turn(block_ms=None)
    publish("er.wait", now)
    collect_all()
    publish("er.wait", now)
    late.turn(block_ms=None)
    assert count("er.wait") == 1
    collect(late)
    late.turn(block_ms=None)
    assert count("er.wait") == 2


def test_the_lease_spares_a_second_collector_the_work_and_goes_back_at_the_end(now):
    first, second = Collector(), Collector()
    first.turn(block_ms=None)
    second.turn(block_ms=None)
    assert len(first.mine) == conf.get("SHARDS") and second.mine == []
    first.release()
    second.renewed = float("-inf")
    second.turn(block_ms=None)
    assert len(second.mine) == conf.get("SHARDS")


def test_it_serves_the_shards_it_is_told(now):
    publish("er.wait", now)
    shard = queries.shard_for("er.wait")
    collect(Collector([(shard + 1) % conf.get("SHARDS")]))
    assert count("er.wait") == 0
    collect(Collector([shard]))
    assert count("er.wait") == 1


def test_it_rings_with_the_points_and_their_offsets(now, rung):
    publish("er.wait", [now, now + 1], [1, 2])
    publish("er.wait", now, 3)
    collect_all()
    publish("er.wait", now, 4)
    collect_all()
    head = queries.get_head("er.wait")
    assert [(update.topic, update.epoch, update.first_offset) for update in rung] == [
        ("er.wait", head.epoch, 1),
        ("er.wait", head.epoch, 4),
    ]
    assert rung[0].values.tolist() == [1, 2, 3] and rung[0].ts.tolist() == [now, now + 1, now]


def test_the_through_marks_move_while_nothing_comes():
    collect_all()
    before = queries.redis_now()
    collect_all()
    marks = queries.collected_through()
    assert len(marks) == conf.get("SHARDS") and min(marks.values()) >= before


def test_an_old_point_goes_to_the_late_log_and_is_counted(now):
    publish("er.wait", [now, now - 2 * 3_600_000], [1, 2])
    collect_all()
    assert count("er.wait") == 1
    assert meta("er.wait", "late") == 1
    [(position, batch)] = window.read_late(queries.shard_for("er.wait"))
    assert position == 1 and batch["er.wait"][1].tolist() == [2]
    assert window.read_late(queries.shard_for("er.wait"), after=1) == []


def test_the_late_log_is_bounded_and_says_what_it_dropped(now, settings):
    settings.METRICS_APP = {**settings.METRICS_APP, "LATE_POINTS": 10}
    for _ in range(5):
        publish("er.wait", np.full(4, now - 2 * 3_600_000))
        collect_all()
    held = sum(len(batch["er.wait"][0]) for _, batch in window.read_late(queries.shard_for("er.wait")))
    assert held <= 12
    assert meta("er.wait", "late") == 20 == held + meta("er.wait", "late_dropped")


def test_a_point_far_ahead_is_dropped_and_counted(now):
    publish("er.wait", [now, now + 3_600_000])
    collect_all()
    assert meta("er.wait", "future_dropped") == 1 and queries.get_head("er.wait").total == 1
    assert meta("er.wait", "sealed") <= now - (SLOTS - 2) * MINUTE


def test_a_clock_that_runs_ahead_a_little_is_followed(now):
    publish("er.wait", [now - 60 * MINUTE, now + 4 * MINUTE])
    collect_all()
    assert queries.get_head("er.wait").total == 2
    assert queries.span("er.wait", now - 61 * MINUTE, now + 5 * MINUTE).count == 2


def test_what_is_no_batch_is_counted_and_passed_over(now):
    shard = queries.shard_for("er.wait")
    get_redis().xadd(key(shard, "bus"), {"d": b"\xc1"})
    publish("er.wait", now)
    collect_all()
    assert count("er.wait") == 1 and meta("er.wait", "broken") == 1


def test_the_log_keeps_the_newest_points(now, settings):
    settings.METRICS_APP = {**settings.METRICS_APP, "LOG_POINTS": 1000}
    for _ in range(20):
        publish("er.wait", np.full(4_000, now))
        collect_all()
    offsets = read_offsets("er.wait")
    assert offsets[-1] == 80_000 and len(offsets) < 20_000
    assert offsets == list(range(offsets[0], 80_001))


def test_unknown_topics_become_kpis(now):
    publish("er.wait", now)
    collect_all()
    assert Kpi.objects.filter(topic="er.wait").exists()


def test_a_topic_of_which_only_old_points_came_becomes_a_kpi(now):
    publish("er.wait", now - 2 * 3_600_000)
    collect_all()
    assert Kpi.objects.filter(topic="er.wait").exists()


def test_unknown_topics_stay_unknown_where_the_setting_says_so(now, settings):
    settings.METRICS_APP = {**settings.METRICS_APP, "AUTO_CREATE_KPIS": False}
    publish("er.wait", now)
    collect_all()
    assert not Kpi.objects.exists() and count("er.wait") == 1


def test_a_kpi_that_was_deleted_comes_again_within_a_minute_where_points_go_on(now):
    collector = Collector(lease=False)
    for is_back in (False, True):
        publish("er.wait", now)
        collector.turn(block_ms=None)
        Kpi.objects.all().delete()
        collector.forgotten -= ANEW * is_back
        publish("er.wait", now)
        collector.turn(block_ms=None)
        assert Kpi.objects.filter(topic="er.wait").exists() == is_back


def test_a_database_that_is_away_stops_nothing_and_is_asked_again(now, monkeypatch):
    collector, asked = Collector(lease=False), []

    def refuse(topics):
        asked.append(set(topics))
        raise DatabaseError("away")

    with monkeypatch.context() as patch:
        patch.setattr(kpis, "register_topics", refuse)
        for _ in range(3):
            publish("er.wait", now)
            collector.turn(block_ms=None)
    assert count("er.wait") == 3 and asked == [{"er.wait"}]
    collector.tried = float("-inf")
    collector.turn(block_ms=None)
    assert Kpi.objects.filter(topic="er.wait").exists()


def test_it_refuses_another_number_of_shards(settings):
    collect_all()
    settings.METRICS_APP = {**settings.METRICS_APP, "SHARDS": 4}
    with pytest.raises(MetricsError, match="began with 8"):
        collect_all()


def test_it_reads_more_entries_while_they_are_small(now):
    collector = Collector(lease=False)
    for _ in range(300):
        publish("er.wait", now)
    assert collector.turn(block_ms=None)
    assert collector.count == 512
    collect(collector)
    assert count("er.wait") == 300


def test_it_survives_a_redis_that_is_away(monkeypatch, caplog):
    collector, stop, answers = Collector(), threading.Event(), iter([BusUnavailable("No Redis at x"), None])

    def turn(block_ms):
        answer = next(answers)
        if answer:
            raise answer
        stop.set()

    monkeypatch.setattr(collector, "turn", turn)
    caplog.set_level("INFO")
    collector.run(stop)
    assert "No Redis at x" in caplog.text and "Redis is back" in caplog.text


def test_details_it_forgot_are_loaded_again(now):
    collector = Collector(lease=False)
    publish("er.wait", np.full(10, now - 5 * MINUTE))
    collect(collector)
    for memory in collector.memories.values():
        memory.forget_before(memory.sealed, now)
    publish("er.wait", np.full(10, now - 5 * MINUTE))
    collect(collector)
    assert count("er.wait") == 20
    assert queries.stats("er.wait", 600)["p50"] == 1
