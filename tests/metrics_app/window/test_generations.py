import numpy as np
import pytest

from hms_gov.embedded import start_redis
from metrics_app import conf, queries
from metrics_app.collector import Collector, collect_all
from metrics_app.connection import get_redis, key
from tests.metrics_app.points import publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def own_redis(settings, tmp_path):
    """A Redis of this test alone, which it may break; ends with the test."""
    process, url = start_redis(tmp_path)
    settings.METRICS_APP = {**settings.METRICS_APP, "REDIS_URL": url, "AUTO_CREATE_KPIS": False}
    yield get_redis()
    process.kill()
    process.wait()


def generation(shard=0):
    return get_redis().hget(key(shard, "meta"), "generation")


def emit_some(collector=None):
    publish("er.wait", np.full(10, queries.redis_now()))
    collector.turn(block_ms=None) if collector else collect_all()
    return queries.get_head("er.wait")


def test_the_generation_stays_while_nothing_is_lost():
    collect_all()
    first = generation()
    emit_some()
    collect_all()
    assert len(first) == 8 and generation() == first


def test_every_topic_has_an_epoch_of_its_own_and_keeps_it():
    head = emit_some()
    publish("other", queries.redis_now())
    assert emit_some().epoch == head.epoch != queries.list_topics()["other"].epoch


def test_lost_meta_is_a_new_generation_and_a_new_epoch_and_keeps_the_points():
    before = emit_some()
    shard = queries.shard_for("er.wait")
    old = generation(shard)
    get_redis().delete(key(shard, "meta"))
    after = emit_some()
    assert generation(shard) != old
    assert after.epoch != before.epoch and after.top == after.total == 20
    assert queries.stats("er.wait", 60)["count"] == 20


def test_a_collector_with_memory_notices_that_everything_is_gone(own_redis):
    collector = Collector(lease=False)
    before = emit_some(collector)
    own_redis.flushall()
    for _ in range(3):
        after = emit_some(collector)
    assert after.epoch != before.epoch
    assert after.top == queries.stats("er.wait", 60)["count"] == 30


def test_a_collector_with_memory_notices_that_its_last_turns_are_gone():
    collector = Collector(lease=False, idle_ms=0)
    before, shard = emit_some(collector), queries.shard_for("er.wait")
    old = get_redis().hgetall(key(shard, "meta"))
    emit_some(collector)
    get_redis().hset(key(shard, "meta"), mapping=old)
    collector.turn(block_ms=None)
    collector.turn(block_ms=None)
    assert generation(shard) != old[b"generation"]
    assert queries.get_head("er.wait").epoch != before.epoch


def test_a_bus_that_ends_before_the_offset_is_a_loss():
    emit_some()
    shard = queries.shard_for("er.wait")
    old = generation(shard)
    get_redis().hset(key(shard, "meta"), "offset", "99999999999999-0")
    assert emit_some().total == 20
    assert generation(shard) != old


def restart(client):
    """As far as the collector can tell, another server answers: its run id is not the one it knew."""
    for shard in range(conf.get("SHARDS")):
        client.hset(key(shard, "meta"), "run_id", "0" * 40)


def test_a_restart_of_a_redis_that_keeps_its_promises_is_nothing(own_redis):
    before = emit_some()
    restart(own_redis)
    assert emit_some().epoch == before.epoch
    own_redis.config_set("appendfsync", "everysec")
    assert emit_some().epoch == before.epoch


def test_a_restart_of_one_that_promises_less_is_a_new_generation(own_redis):
    own_redis.config_set("appendfsync", "everysec")
    before = emit_some()
    restart(own_redis)
    assert emit_some().epoch != before.epoch


def test_points_survive_the_death_of_redis(settings, tmp_path):
    process, url = start_redis(tmp_path)
    settings.METRICS_APP = {**settings.METRICS_APP, "REDIS_URL": url, "AUTO_CREATE_KPIS": False}
    collector = Collector()
    before = emit_some(collector)
    publish("er.wait", np.full(5, queries.redis_now()))
    process.kill()
    process.wait()
    process, url = start_redis(tmp_path)
    settings.METRICS_APP = {**settings.METRICS_APP, "REDIS_URL": url}
    try:
        collector.memories.clear()
        while collector.turn(block_ms=None):
            pass
        head = queries.get_head("er.wait")
        assert (head.epoch, head.total) == (before.epoch, 15)
        assert queries.stats("er.wait", 60)["count"] == 15
    finally:
        process.kill()
        process.wait()
