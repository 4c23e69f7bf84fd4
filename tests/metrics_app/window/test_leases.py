"""Collectors divide the shards by leases, and tell once a second that they live and what is read out."""

import time

import pytest

from metrics_app import conf, queries, window
from metrics_app.collector import Collector, collect_all
from metrics_app.connection import get_redis, key
from metrics_app.core.points import shard_of
from metrics_app.window.leases import LEASE_MS, SILENCE_MS, name_beats, parse_beats, take_leases
from tests.metrics_app.points import publish

pytestmark = pytest.mark.django_db
ALL = list(range(8))


def silence(me, ms=SILENCE_MS + 1_000):
    """That one was heard of last so long ago."""
    get_redis().hset(name_beats(), f"at:{me}", queries.redis_now() - ms)


def test_shards_are_held_by_who_lives_and_are_free_once_nobody_hears_of_them():
    assert take_leases(ALL, "one") == (ALL, ALL)
    assert take_leases(ALL, "one") == (ALL, [])
    assert take_leases(ALL, "two") == ([], [])
    silence("one")
    assert take_leases([0, 1], "two") == ([0, 1], [0, 1])
    # Who comes back finds what is left, as nothing new.
    assert take_leases(ALL, "one") == (ALL[2:], [])


def test_a_holder_of_whom_nobody_has_heard_for_minutes_is_forgotten():
    take_leases(ALL, "one")
    silence("one", LEASE_MS + 1_000)
    take_leases(ALL, "two")
    assert set(parse_beats(get_redis().hgetall(name_beats())).at) == {"two"}


def test_a_lease_is_written_once_in_minutes_however_often_it_is_asked_for():
    take_leases(ALL, "one")
    get_redis().pexpire(key(3, "lease"), LEASE_MS // 2 + 5_000)
    get_redis().pexpire(key(4, "lease"), LEASE_MS // 2 - 1)
    assert take_leases(ALL, "one") == (ALL, [])
    assert get_redis().pttl(key(3, "lease")) <= LEASE_MS // 2 + 5_000
    assert get_redis().pttl(key(4, "lease")) > LEASE_MS // 2 + 5_000


def test_what_is_given_up_is_free_at_once_and_what_was_read_out_stays_so():
    take_leases(ALL, "one")
    window.beat("one", ALL, 5_000)
    window.release_leases(ALL, "one")
    assert take_leases(ALL, "two") == (ALL, ALL)
    assert queries.collected_through() == dict.fromkeys(ALL, 5_000)


def test_what_is_read_out_never_goes_back_whoever_tells_of_it():
    window.beat("one", ALL, 5_000)
    window.beat("two", [0, 1], 9_000)
    window.beat("one", ALL, 4_000)
    window.beat("two", [0, 1], 3_000)
    assert queries.collected_through() == {shard: 9_000 if shard < 2 else 5_000 for shard in ALL}
    get_redis().hset(key(7, "meta"), "through", 7_000)
    assert queries.collected_through()[7] == 7_000


def test_an_idle_collector_moves_all_marks_by_one_write_a_beat():
    collector = Collector()
    collector.turn(block_ms=None)
    first = queries.collected_through()
    assert min(first.values()) > 0 and len(set(first.values())) == 1
    writes = count_writes()
    collector.beaten = collector.renewed = float("-inf")
    collector.turn(block_ms=None)
    assert count_writes() - writes <= 2, "the beat, and now and then that somebody records"
    assert min(queries.collected_through().values()) >= max(first.values())


def count_writes():
    """How many commands have written a hash or a key so far."""
    stats = get_redis().info("commandstats")
    return sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("hset", "set", "pexpire"))


def test_a_shard_that_is_behind_is_not_said_to_be_read_out(monkeypatch):
    topic = "lease.behind"
    shard = shard_of(topic, conf.get("SHARDS"))
    collector = Collector()
    collector.turn(block_ms=None)
    for value in range(4):
        publish(topic, [queries.redis_now()], [value])
        time.sleep(0.002)
    collector.count, collector.beaten = 1, float("-inf")
    collector.turn(block_ms=None)
    marks = queries.collected_through()
    others = {mark for at, mark in marks.items() if at != shard}
    assert len(others) == 1 and marks[shard] < others.pop()


def test_who_takes_a_shard_anew_looks_where_it_stands():
    topic, now = "lease.anew", queries.redis_now()
    shard = shard_of(topic, conf.get("SHARDS"))
    first, second = Collector(), Collector()
    first.turn(block_ms=None)
    silence(first.me)
    publish(topic, [now], [1.0])
    second.turn(block_ms=None)
    assert second.mine == ALL
    silence(second.me)
    publish(topic, [now], [2.0])
    first.renewed = float("-inf")
    first.turn(block_ms=None)
    assert first.memories[shard].seq == window.read_meta([shard])[0].seq
    collect_all()
    assert queries.stats(topic, 60)["count"] == 2


def test_a_redis_that_lost_all_is_noticed_though_nothing_comes():
    collector = Collector()
    collector.turn(block_ms=None)
    before = {meta.shard: meta.fields["generation"] for meta in window.read_meta(ALL)}
    get_redis().delete(*get_redis().keys(f"*{conf.get('REDIS_PREFIX')}*"))
    collector.renewed = float("-inf")
    collector.turn(block_ms=None)
    after = {meta.shard: meta.fields["generation"] for meta in window.read_meta(ALL)}
    assert all(after[shard] != before[shard] for shard in ALL)


@pytest.mark.parametrize(("points", "is_at_rest"), [(1, False), (0, True)])
def test_it_rests_once_nothing_has_come_for_a_while(points, is_at_rest):
    collector = Collector()
    collector.woken = float("-inf")
    if points:
        publish("lease.rest", [queries.redis_now()], [1.0])
    collector.turn(block_ms=None)
    collector.beaten = float("-inf")
    collector.turn(block_ms=None)
    assert collector.is_at_rest() == is_at_rest
