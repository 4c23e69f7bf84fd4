"""The doorbell and the log."""

import multiprocessing
import time
from urllib.parse import urlsplit

import numpy as np
import pytest
import redis
from channels.layers import get_channel_layer

from hms_gov.embedded import start_redis
from metrics_app import live, log
from metrics_app.collector import collect_all
from metrics_app.connection import get_redis, key
from metrics_app.core.chunks import unpack_chunk
from metrics_app.core.slices import Slice
from metrics_app.queries import shard_for
from tests.metrics_app.points import publish


@pytest.fixture
def epoch_of_log(transactional_db):
    """A epoch_of_log of three points in two chunks: ``(epoch, values)``."""
    now = int(time.time() * 1000)
    for values in ([1.0, 2.0], [3.0]):
        publish("er.wait", [now] * len(values), values)
        collect_all()
    [(epoch, top)] = log.get_positions(["er.wait"]).values()
    assert top == 3
    return epoch


def make_update(topic="er.wait", first=1, count=1, span=0):
    ts = np.full(count, 1_732_390_000_123, np.int64)
    ts[-1] += span
    return Slice(topic, "0123abcd", first, ts, np.ones(count))


def test_a_stream_of_a_lost_log_goes_on_before_the_first_point_that_is_held(epoch_of_log):
    assert log.find_restart("er.wait", "deadbeef", 9) == (epoch_of_log, 0)
    get_redis().xtrim(key(shard_for("er.wait"), "log:er.wait"), minid=3, approximate=False)
    assert log.find_restart("er.wait", "deadbeef", 9) == (epoch_of_log, 2)
    get_redis().delete(key(shard_for("er.wait"), "log:er.wait"))
    assert log.find_restart("er.wait", "deadbeef", 9) == (epoch_of_log, 3)


def test_a_stream_that_fell_behind_in_the_same_log_goes_on_from_now(epoch_of_log):
    assert log.find_restart("er.wait", epoch_of_log, 1) == (epoch_of_log, 3)
    assert log.find_restart("er.none", epoch_of_log, 1) == (log.null_epoch("er.none"), 0)


@pytest.mark.parametrize(("stood_at", "goes_on_at"), [(2, 2), (3, 3), (9, 3)])
def test_a_stream_of_a_log_with_a_new_epoch_gets_what_it_had_not(stood_at, goes_on_at, epoch_of_log):
    get_redis().delete(key(shard_for("er.wait"), "meta"))
    publish("er.wait", [int(time.time() * 1000)], [4.0])
    collect_all()
    [(epoch, top)] = log.get_positions(["er.wait"]).values()
    assert (epoch != epoch_of_log, top) == (True, 4)
    assert log.find_restart("er.wait", epoch_of_log, stood_at) == (epoch, goes_on_at)


@pytest.mark.parametrize(("offset", "values"), [(0, [1, 2, 3]), (1, [2, 3]), (2, [3]), (3, [])])
def test_it_reads_what_comes_after_a_position(offset, values, epoch_of_log):
    part = log.read_log("er.wait", epoch_of_log, offset)
    assert (part.epoch, part.first_offset, part.values.tolist()) == (epoch_of_log, offset + 1, values)


@pytest.mark.parametrize(("epoch", "offset"), [("deadbeef", 1), (None, 4), ("00000000", 0)])
def test_it_does_not_continue_what_is_not_in_the_log(epoch, offset, epoch_of_log):
    assert log.read_log("er.wait", epoch or epoch_of_log, offset) is None


def test_it_does_not_continue_over_points_that_are_gone(epoch_of_log):
    name = key(shard_for("er.wait"), "log:er.wait")
    get_redis().xtrim(name, minid="3-0", approximate=False)
    assert log.read_log("er.wait", epoch_of_log, 1) is None
    assert log.read_log("er.wait", epoch_of_log, 2).values.tolist() == [3]
    get_redis().delete(name)
    assert log.read_log("er.wait", epoch_of_log, 2) is None
    assert log.read_log("er.wait", epoch_of_log, 3).values.tolist() == []


def test_it_continues_from_before_the_first_point(epoch_of_log):
    nothing = log.get_positions(["er.left"])["er.left"]
    assert nothing == (log.null_epoch("er.left"), 0)
    assert log.read_log("er.left", *nothing).values.tolist() == []
    part = log.read_log("er.wait", log.null_epoch("er.wait"), 0)
    assert (part.epoch, part.values.tolist()) == (epoch_of_log, [1, 2, 3])


def test_it_reads_from_a_time(transactional_db):
    now = int(time.time() * 1000)
    publish("er.wait", [now - 9000, now - 5000, now - 7000], [1, 2, 3])
    collect_all()
    assert log.read_since("er.wait", now - 8000).values.tolist() == [2, 3]
    late = log.read_since("er.wait", now)
    assert (late.first_offset, late.values.tolist()) == (4, [])
    assert log.read_since("er.left", now).first_offset == 1


async def receive_all(send):
    """What a hub receives of what ``send`` announces."""
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(live.group_name(), channel)
    messages = []
    for message in send:
        await layer.group_send(live.group_name(), message)
        messages.append(await layer.receive(channel))
    return messages


async def test_it_sends_a_turn_of_many_topics_in_one_message():
    updates = [make_update(f"t{number}", count=2) for number in range(100)]
    [message] = await receive_all(live.pack_turn(updates))
    assert message["type"] == "turn"
    topic, epoch, top, chunk = message["updates"][42]
    assert (topic, epoch, top) == ("t42", "0123abcd", 2)
    first, ts, values = unpack_chunk(chunk)
    assert (first, ts.tolist(), values.tolist()) == (1, updates[42].ts.tolist(), [1.0, 1.0])


def test_it_splits_a_large_turn_and_leaves_a_very_large_one_to_the_log():
    messages = list(live.pack_turn([make_update(f"t{number}", count=30_000) for number in range(5)]))
    assert [len(message["updates"]) for message in messages] == [2, 2, 1]
    [message] = live.pack_turn([make_update(count=90_000)])
    assert message["updates"] == [["er.wait", "0123abcd", 90_000, b""]]
    messages = list(live.pack_turn([make_update(f"t{number}", count=80_000) for number in range(20)]))
    assert sum(len(message["updates"]) for message in messages) == 20
    assert not any(chunk for message in messages for *_, chunk in message["updates"])
    [message] = live.pack_turn([make_update(count=2, span=2**40)])
    assert message["updates"][0][3] == b""


@pytest.mark.parametrize("layers", [{}, {"default": {
    "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": ["redis://127.0.0.1:1"]},
}}])  # fmt: skip
def test_it_never_stops_the_collector(layers, settings, caplog, monkeypatch):
    settings.CHANNEL_LAYERS = layers
    monkeypatch.setattr(live.doorbell, "down", False)
    before = live.failures
    for _ in range(3):
        live.publish_turn([make_update()])
    assert live.failures == before + 3
    assert len([record for record in caplog.records if "channel layer is away" in record.message]) == 1


def test_the_first_ring_after_a_restart_of_the_layer_is_heard(tmp_path, settings, caplog):
    process, url = start_redis(tmp_path)
    settings.CHANNEL_LAYERS = {"default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [url]},
    }}  # fmt: skip
    address = urlsplit(url)
    try:
        live.announce_event({"id": 1})  # the connection is open now
        process.terminate()
        process.wait()
        process, url = start_redis(tmp_path, port=address.port, password=address.password)
        with redis.Redis.from_url(url).pubsub() as ears:
            ears.subscribe(f"asgi__group__{live.group_name()}")
            assert ears.get_message(timeout=30)["type"] == "subscribe"
            before = live.failures
            live.announce_event({"id": 2})
            assert ears.get_message(timeout=30)["type"] == "message"
        assert (live.failures, caplog.records) == (before, [])
    finally:
        process.kill()
        process.wait()


def ring_in_child(answers):
    live.publish_turn([make_update()])
    answers.put(live.failures)


def test_it_rings_after_a_fork():
    live.publish_turn([make_update()])
    answers = multiprocessing.get_context("fork").Queue()
    child = multiprocessing.get_context("fork").Process(target=ring_in_child, args=[answers])
    child.start()
    assert answers.get(timeout=60) == live.failures
    child.join(60)
