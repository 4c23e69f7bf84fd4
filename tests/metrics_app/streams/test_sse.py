"""What an event stream says, event by event."""

import time

import pytest
from django.contrib.auth.models import Group

from metrics_app import conf, live, log
from metrics_app.connection import get_redis, key
from metrics_app.core.points import shard_of
from metrics_app.core.positions import format_position
from metrics_app.models import ApiKey, Kpi
from metrics_app.registry import forget
from metrics_app.services.keys import create_key, revoke_key
from metrics_app.streams import outbox, sse
from tests.metrics_app.streams.clients import StreamClient

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("hub"),
    pytest.mark.any_database,
]


async def test_it_begins_at_once_with_a_position_and_when_to_come_back(credentials, emit_now, in_thread):
    await in_thread(emit_now, "er.wait", [1.0])
    async with StreamClient("topic=er.wait", **credentials) as stream:
        assert stream.status == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["cache-control"] == "no-cache, no-transform"
        assert stream.headers["x-accel-buffering"] == "no"
        name, data = await stream.greeting()
        assert (name, data["recovered"]) == ("position", False) and data["ts"] > 0
        assert stream.last_id.endswith(":1")
        assert 2_000 <= stream.retry <= 5_000


async def test_it_sends_what_comes_after_it_was_opened(credentials, emit_now, in_thread):
    await in_thread(emit_now, "er.wait", [1.0])
    async with StreamClient("topic=er.wait", **credentials) as stream:
        now = int(time.time() * 1000)
        await in_thread(emit_now, "er.wait", [2.0, 3.0], [now, now - 1])
        assert await stream.next() == ("message", {"ts": now, "value": 2.0})
        assert await stream.next() == ("message", {"ts": now - 1, "value": 3.0})
        assert stream.last_id.endswith(":3")


@pytest.mark.parametrize("way", ["header", "position", "lastEventId"])
async def test_it_goes_on_where_the_client_left(way, credentials, emit_now, in_thread):
    await in_thread(emit_now, "er.wait", [1.0, 2.0, 3.0])
    [(epoch, _)] = (await in_thread(log.get_positions, ["er.wait"])).values()
    query = "topic=er.wait" + (f"&{way}={epoch}:1" if way != "header" else "")
    header = {"Last-Event-ID": f"{epoch}:1"} if way == "header" else {}
    async with StreamClient(query, **credentials, **header) as stream:
        name, data = await stream.greeting()
        assert (name, data["recovered"], stream.last_id) == ("position", True, f"{epoch}:1")
        await in_thread(emit_now, "er.wait", [4.0])
        assert await stream.take(3) == [2.0, 3.0, 4.0]


@pytest.mark.parametrize("position", ["00000000:0", "deadbeef:1", "{epoch}:99", "nonsense", "x" * 9000])
async def test_it_resets_a_position_it_cannot_continue(position, credentials, emit_now, in_thread):
    await in_thread(emit_now, "er.wait", [1.0])
    [(epoch, _)] = (await in_thread(log.get_positions, ["er.wait"])).values()
    header = {"Last-Event-ID": position.format(epoch=epoch)}
    async with StreamClient("topic=er.wait", **credentials, **header) as stream:
        assert await stream.next() == ("reset", {"topic": "er.wait"})
        assert stream.last_id == f"{epoch}:1"
        await in_thread(emit_now, "er.wait", [2.0])
        assert await stream.take(1) == [2.0]


async def test_it_resets_when_redis_has_lost_its_data(credentials, emit_now, in_thread, flush_redis):
    await in_thread(emit_now, "er.wait", [1.0])
    async with StreamClient("topic=er.wait", **credentials) as stream:
        await stream.next_message()
        await in_thread(flush_redis)
        await in_thread(emit_now, "er.wait", [2.0, 3.0])
        assert await stream.next() == ("reset", {"topic": "er.wait"})
        assert stream.last_id.endswith(":0")
        assert await stream.take(2) == [2.0, 3.0]
        await in_thread(emit_now, "er.wait", [4.0])
        assert await stream.take(1) == [4.0]
        assert stream.last_id.endswith(":3")


@pytest.mark.parametrize("query", ["topic=er.wait&topic=er.left", "topic=er.*"])
async def test_it_resets_every_topic_that_redis_has_lost_and_brings_all_their_new_points(
    query, credentials, emit_now, in_thread, flush_redis
):
    for topic in ("er.wait", "er.left"):
        await in_thread(emit_now, topic, [0.0])
    async with StreamClient(query, **credentials) as stream:
        await stream.greeting()
        await in_thread(flush_redis)
        for number in (1.0, 2.0):
            for topic in ("er.wait", "er.left"):
                await in_thread(emit_now, topic, [number])
        events = [await stream.next() for _ in range(6)]
    for topic in ("er.wait", "er.left"):
        own = [(name, data.get("value")) for name, data in events if data["topic"] == topic]
        assert own == [("reset", None), ("message", 1.0), ("message", 2.0)]


async def test_it_loses_no_point_of_either_log_under_a_rate(
    credentials, emit_now, in_thread, flush_redis, hub
):
    await in_thread(emit_now, "er.wait", [0.0])
    async with StreamClient("topic=er.wait&max_rate=1", **credentials) as stream:
        await stream.greeting()
        await in_thread(emit_now, "er.wait", [1.0])
        assert (await stream.next())[1]["count"] == 1
        await in_thread(emit_now, "er.wait", [2.0, 3.0])
        while hub.feeds["er.wait"].told < 5:
            await stream.wait_a_moment()
        await in_thread(flush_redis)
        await in_thread(emit_now, "er.wait", [5.0, 6.0, 7.0])
        events = [await stream.next() for _ in range(3)]
    assert [(name, data.get("count")) for name, data in events] == [
        ("message", 2), ("reset", None), ("message", 3),
    ]  # fmt: skip


async def test_a_new_generation_of_the_same_log_repeats_and_loses_nothing(credentials, emit_now, in_thread):
    await in_thread(emit_now, "er.wait", [1.0])
    async with StreamClient("topic=er.wait", **credentials) as stream:
        await stream.greeting()
        await in_thread(emit_now, "er.wait", [2.0])
        assert await stream.take(1) == [2.0]
        await in_thread(lose_meta, "er.wait")
        await in_thread(emit_now, "er.wait", [3.0])
        await in_thread(emit_now, "er.wait", [4.0])
        assert (await stream.next())[0] == "reset"
        assert await stream.take(2) == [3.0, 4.0]
        assert stream.last_id.endswith(":4")


def lose_meta(topic):
    """Redis came back without a shard's marks: its logs stay, under a new epoch."""
    get_redis().delete(key(shard_of(topic, conf.get("SHARDS")), "meta"))


async def test_it_finds_what_nobody_announced(credentials, emit_now, in_thread, lose_doorbell):
    await in_thread(emit_now, "er.wait", [1.0])
    async with StreamClient("topic=er.wait", **credentials) as stream:
        await stream.next_message()
        await in_thread(emit_now, "er.wait", [2.0])
        assert await stream.take(1) == [2.0]


async def test_it_waits_for_a_topic_that_has_no_point_yet(credentials, emit_now, in_thread):
    async with StreamClient("topic=er.wait", **credentials) as stream:
        await stream.next_message()
        await in_thread(emit_now, "er.wait", [1.0])
        assert await stream.take(1) == [1.0]


async def test_it_carries_several_topics_and_all_their_positions(credentials, emit_now, in_thread):
    await in_thread(emit_now, "er.wait", [1.0])
    await in_thread(emit_now, "er.left", [1.0])
    async with StreamClient("topic=er.wait&topic=er.left", **credentials) as stream:
        await stream.next_message()
        await in_thread(emit_now, "er.wait", [2.0])
        assert (await stream.next())[1]["topic"] == "er.wait"
    await in_thread(emit_now, "er.left", [3.0])
    await in_thread(emit_now, "er.wait", [4.0, 5.0])
    header = {"Last-Event-ID": stream.last_id}
    async with StreamClient("topic=er.wait&topic=er.left", **credentials, **header) as stream:
        events = [(await stream.next())[1] for _ in range(3)]
        assert len(stream.last_id) <= 4096
    assert [event["value"] for event in events if event["topic"] == "er.wait"] == [4.0, 5.0]
    assert [event["value"] for event in events if event["topic"] == "er.left"] == [3.0]


async def test_it_follows_topics_that_appear_under_a_pattern(credentials, emit_now, in_thread):
    async with StreamClient("topic=er.*", **credentials) as stream:
        await stream.next_message()
        await in_thread(emit_now, "er.wait", [1.0, 2.0])
        assert await stream.take(2) == [1.0, 2.0]


async def test_it_brings_all_points_of_a_topic_born_while_the_client_was_away(
    credentials, emit_now, in_thread
):
    await in_thread(emit_now, "er.wait", [1.0])
    async with StreamClient("topic=er.*", **credentials) as stream:
        await stream.greeting()
    await in_thread(emit_now, "er.born", [77.0, 78.0])
    header = {"Last-Event-ID": stream.last_id}
    async with StreamClient("topic=er.*", **credentials, **header) as stream:
        assert await stream.take(2) == [77.0, 78.0]


async def test_a_pattern_without_a_topic_gives_an_id_that_can_be_continued(credentials, emit_now, in_thread):
    async with StreamClient("topic=er.*", **credentials) as stream:
        await stream.greeting()
    assert stream.last_id
    await in_thread(emit_now, "er.wait", [5.0])
    header = {"Last-Event-ID": stream.last_id}
    async with StreamClient("topic=er.*", **credentials, **header) as stream:
        assert await stream.take(1) == [5.0]


async def test_a_forged_id_of_a_pattern_is_never_answered_with_a_replay(credentials, emit_now, in_thread):
    await in_thread(emit_now, "er.wait", [5.0])
    header = {"Last-Event-ID": "B" * 20}
    async with StreamClient("topic=er.*", **credentials, **header) as stream:
        await stream.greeting()
        assert (await stream.next())[0] == "reset"


async def test_the_first_id_of_a_start_in_the_past_lies_before_its_points(credentials, emit_now, in_thread):
    now = int(time.time() * 1000)
    await in_thread(emit_now, "er.wait", [1.0, 2.0, 3.0], [now - 40_000, now - 20_000, now - 10_000])
    async with StreamClient("topic=er.wait&since=-30", **credentials) as stream:
        await stream.greeting()
        assert stream.last_id.endswith(":1")


async def test_it_starts_from_a_time(credentials, emit_now, in_thread):
    now = int(time.time() * 1000)
    ts = [now - 40_000, now - 20_000, now - 10_000]
    await in_thread(emit_now, "er.wait", [1.0, 2.0, 3.0], ts)
    for since in (ts[1], -30):
        async with StreamClient(f"topic=er.wait&since={since}", **credentials) as stream:
            assert await stream.take(2) == [2.0, 3.0]


async def test_it_merges_points_where_the_client_asks_for_a_rate(credentials, emit_now, in_thread):
    await in_thread(emit_now, "er.wait", [0.0])
    async with StreamClient("topic=er.wait&max_rate=2", **credentials) as stream:
        await stream.next_message()
        await in_thread(emit_now, "er.wait", [4.0])
        first = (await stream.next())[1]
        await in_thread(emit_now, "er.wait", [1.0, 2.0])
        await in_thread(emit_now, "er.wait", [6.0])
        event = (await stream.next())[1]
    assert (first["value"], first["count"], first["min"], first["max"]) == (4.0, 1, 4.0, 4.0)
    assert (event["value"], event["count"], event["min"], event["max"]) == (3.0, 3, 1.0, 6.0)
    assert stream.last_id.endswith(":5")


async def test_it_tells_of_a_threshold_without_moving_the_position(credentials, emit_now, in_thread):
    await in_thread(emit_now, "er.wait", [1.0])
    event = {"type": "state", "topic": "er.wait", "threshold": 3, "state": "firing", "value": 9.0, "since": 5}
    async with StreamClient("topic=er.wait", **credentials) as stream:
        await stream.next_message()
        await in_thread(live.announce_states, [(event, "er.wait")])
        assert await stream.next() == ("state", event)
        assert stream.last_id is None


async def test_it_shows_that_it_is_alive(credentials, monkeypatch):
    monkeypatch.setattr(sse, "HEARTBEAT", 0.01)
    async with StreamClient("topic=er.wait", **credentials) as stream:
        await stream.next_message()
        body = (await stream.next_message())["body"].decode()
        assert body.startswith("event: heartbeat\ndata: ") and "id:" not in body


async def test_it_says_at_once_that_points_are_not_counted_any_more(credentials, monkeypatch):
    async with StreamClient("topic=er.wait", **credentials) as stream:
        await stream.next_message()
        # As if the collector had stood still for longer than is taken for slow.
        monkeypatch.setattr("metrics_app.queries.clock.GRACE", -1)
        body = (await stream.next_message())["body"].decode()
        assert body.startswith("event: heartbeat\ndata: ") and '"through":' in body


async def test_it_ends_when_the_key_is_revoked_and_tells_the_client_to_stop(credentials, in_thread):
    async with StreamClient("topic=er.wait", **credentials) as stream:
        await in_thread(revoke_key, await ApiKey.objects.aget())
        await stream.body()
    async with StreamClient("topic=er.wait", **credentials) as stream:
        assert (stream.status, await stream.body()) == (204, "")


async def test_it_replaces_the_oldest_beyond_the_limit(credentials, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"STREAMS_PER_KEY": 1}
    async with StreamClient("topic=er.wait", **credentials) as first:
        await first.next_message()
        async with StreamClient("topic=er.wait", **credentials) as second:
            assert "retry: 5000\nevent: unavailable" in await first.body()
            assert "id: " in (await second.next_message())["body"].decode()


async def test_it_ends_a_long_response_where_sending_does_not_wait(
    credentials, emit_now, in_thread, monkeypatch
):
    monkeypatch.setattr(sse, "RESPONSE_BYTES", 3_000)
    await in_thread(emit_now, "er.wait", [0.0])
    numbers = [float(number) for number in range(200)]
    header, received, responses = {}, [], 0
    while len(received) < 200:
        async with StreamClient("topic=er.wait", server_waits=False, **credentials, **header) as stream:
            if not responses:
                await stream.next_message()
                await in_thread(emit_now, "er.wait", numbers)
            while (event := await stream.next()) and event[0] == "message":
                received.append(event[1]["value"])
                if len(received) == 200:
                    break
            else:
                assert event == ("end", {"retry": stream.retry}) and 100 <= stream.retry <= 500
        header, responses = {"Last-Event-ID": stream.last_id}, responses + 1
        monkeypatch.setattr(sse, "PIECE_BYTES", 2_000)
    assert received == numbers


async def test_it_gives_up_a_reader_that_takes_nothing(credentials, emit_now, in_thread, monkeypatch, hub):
    monkeypatch.setattr(outbox, "PATIENCE", 0.1)
    monkeypatch.setattr(sse, "LAST_WORD", 0.1)
    await in_thread(emit_now, "er.wait", [0.0])
    async with StreamClient("topic=er.wait", **credentials) as stream:
        await stream.next_message()
        stream.gate.clear()
        await in_thread(emit_now, "er.wait", [1.0])
        await stream.task
    assert not hub.feeds


async def test_it_puts_a_client_off_while_redis_is_away(credentials, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"REDIS_URL": "redis://127.0.0.1:1"}
    async with StreamClient("topic=er.wait", **credentials) as stream:
        assert stream.status == 200
        body = await stream.body()
        assert "retry: 5000" in body and "event: unavailable" in body


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "topic"),
        ("topic=er wait", "topic"),
        ("topic=er.wait&since=yesterday", "since"),
        ("topic=er.wait&since=1732390000", "since"),
        ("topic=er.wait&max_rate=0", "max_rate"),
        ("topic=er.wait&max_rate=nan", "max_rate"),
        ("topic=er.wait&maxRate=1", "maxRate"),
        ("topic=er.wait&topics=er.left", "topics"),
        ("topic=a&" * 500, "topic"),
    ],
)
async def test_it_names_the_parameter_that_is_wrong(query, field, credentials):
    async with StreamClient(query, **credentials) as stream:
        assert stream.status == 400
        assert stream.headers["content-type"] == "application/json"
        assert f'"field":"{field}"' in await stream.body()


async def test_it_says_what_it_left_aside_of_what_a_client_added(credentials):
    async with StreamClient("topic=er.wait&_=1732390000123&utm_source=mail", **credentials) as stream:
        name, data = await stream.greeting()
        assert (name, data["ignored"]) == ("position", ["_", "utm_source"])


async def test_it_asks_who_is_there():
    async with StreamClient("topic=er.wait") as stream:
        assert (stream.status, stream.headers["www-authenticate"]) == (401, "Bearer")
    async with StreamClient("topic=er.wait", **{"X-API-Key": "hms_" + "x" * 43}) as stream:
        assert stream.status == 401


async def test_it_refuses_a_key_without_the_scope_and_hides_whether_a_topic_exists(
    credentials, emit_now, in_thread
):
    _, raw = await in_thread(create_key, name="k", scopes=["emit"])
    async with StreamClient("topic=er.wait", **{"X-API-Key": raw}) as stream:
        assert stream.status == 403
    await in_thread(emit_now, "er.secret", [1.0])
    owner = await Group.objects.acreate(name="er")
    await Kpi.objects.filter(topic="er.secret").aupdate(restricted=True, owner=owner)
    forget()
    for topic in ("er.secret", "er.absent"):
        async with StreamClient(f"topic={topic}", **credentials) as stream:
            assert stream.status == 200
            await stream.greeting()
            assert stream.last_id == format_position(log.null_epoch(topic), 0)


async def test_it_answers_other_methods(credentials):
    async with StreamClient("topic=er.wait", method="POST", **credentials) as stream:
        assert (stream.status, stream.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    async with StreamClient("topic=er.wait", method="HEAD", **credentials) as stream:
        assert (stream.status, await stream.body()) == (200, "")
    async with StreamClient(method="OPTIONS") as stream:
        assert (stream.status, stream.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
