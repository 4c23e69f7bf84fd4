"""The hub: what it promises to every subscription, whatever happens in which order."""

import asyncio
import itertools
import random

import pytest

from metrics_app import live
from metrics_app.core.positions import parse_position
from metrics_app.models import Kpi
from metrics_app.streams import feed, hub
from tests.metrics_app.streams.clients import SocketClient

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]
TOPICS = ("er.wait", "er.left", "ward.beds")
unasked = itertools.count(5_000)


class Page:
    """What a page holds that applies every frame, and its proof that nothing is missing or twice."""

    def __init__(self):
        self.points, self.positions, self.resets = {}, {}, 0

    def apply(self, frame):
        """Takes a frame as stream.js does."""
        topic = frame.get("topic")
        if frame["type"] == "reset":
            self.resets += 1
            self.points[topic] = None
        elif frame["type"] == "snapshot" and not frame["recovered"]:
            self.points[topic] = frame["points"]
        elif frame["type"] in ("snapshot", "points"):
            self.prove_contiguity(topic, frame)
            self.points[topic] += frame["points"]
        if "position" in frame:
            self.positions[topic] = frame["position"]

    def prove_contiguity(self, topic, frame):
        """The offset has grown by the number of points; an epoch only begins at nothing."""
        old_epoch, old = parse_position(self.positions[topic])
        epoch, offset = parse_position(frame["position"])
        assert epoch == old_epoch or old == 0, "an epoch changed without a reset"
        assert offset == old + len(frame["points"])


async def read_fresh(credentials):
    """What a new client is told of all topics, by topic."""
    page = Page()
    # A number nobody asked for before: the answer is not shared with an earlier one.
    max_points = next(unasked)
    async with SocketClient(**credentials) as socket:
        socket.say(type="subscribe", topics=list(TOPICS), max_points=max_points)
        while len(page.points) < len(TOPICS):
            page.apply(await socket.receive("snapshot", "points"))
    return page


class Life:
    """A random life of a topic's points: emitted, announced or not, sometimes all lost."""

    def __init__(self, seed, emit_now, flush_redis, in_thread, monkeypatch):
        self.random, self.emit_now, self.flush_redis = random.Random(seed), emit_now, flush_redis
        self.in_thread, self.publish_turn = in_thread, live.publish_turn
        monkeypatch.setattr(live, "publish_turn", self.ring)

    def ring(self, updates):
        """Announces in nine cases of ten."""
        if self.random.random() < 0.9:
            self.publish_turn(updates)

    async def go_on(self):
        """One step."""
        if self.random.random() < 0.07:
            await self.in_thread(self.flush_redis)
        points = [float(self.random.randrange(100)) for _ in range(self.random.choice([1, 1, 2, 30]))]
        await self.in_thread(self.emit_now, self.random.choice(TOPICS), points)


@pytest.mark.parametrize("seed", range(5))
async def test_it_holds_that_snapshot_and_frames_are_a_fresh_snapshot(
    seed, hub_soon, credentials, emit_now, flush_redis, in_thread, monkeypatch
):
    await Kpi.objects.abulk_create([Kpi(topic=topic) for topic in TOPICS])
    life, page = Life(seed, emit_now, flush_redis, in_thread, monkeypatch), Page()
    for _ in range(3):  # the client leaves and comes back twice
        await life.go_on()
        async with SocketClient(**credentials) as socket:
            socket.say(type="subscribe", topics=list(TOPICS), positions=page.positions)
            for _ in range(8):
                await life.go_on()
                while not socket.sent.empty():
                    page.apply(await socket.receive())
            fresh = await read_fresh(credentials)
            while page.positions != fresh.positions:
                page.apply(await socket.receive())
    assert page.points == fresh.points


@pytest.fixture
async def hub_soon(monkeypatch):
    """A hub that looks at positions far more often than in life."""
    monkeypatch.setattr(hub, "CHECK", 0.1)
    monkeypatch.setattr(feed, "SETTLE", 0.02)
    running = hub.get_hub()
    yield running
    await running.stop()


async def test_it_encodes_once_for_all(hub_soon, credentials, emit_now, in_thread):
    await in_thread(emit_now, "er.wait", [1.0])
    async with SocketClient(**credentials) as one, SocketClient(**credentials) as two:
        for socket in (one, two):
            socket.say(type="subscribe", topics=["er.wait"])
            await socket.receive()
        while not all(subscription.is_live for subscription in hub_soon.feeds["er.wait"].subscriptions):
            await one.wait_a_moment()
        await in_thread(emit_now, "er.wait", [2.0])
        assert await one.next_message() is await two.next_message()


async def test_it_sends_at_most_ten_frames_a_second_of_a_topic(hub_soon, credentials, emit_now, in_thread):
    await in_thread(emit_now, "er.wait", [1.0])
    async with SocketClient(**credentials) as socket:
        socket.say(type="subscribe", topics=["er.wait"])
        await socket.receive()
        # From before the first of the frames: whoever reads late reads them closer to each other.
        start, points, frames = asyncio.get_running_loop().time(), 0, 0
        for _ in range(6):
            await in_thread(emit_now, "er.wait", [1.0])
        while points < 6:
            points, frames = points + len((await socket.receive())["points"]), frames + 1
        assert frames <= (asyncio.get_running_loop().time() - start) * 10 + 1 + feed.EARLY


async def test_it_sends_rows_while_a_topic_is_faster_than_anyone_reads(
    hub_soon, credentials, emit_now, in_thread, monkeypatch
):
    monkeypatch.setattr(feed, "RAW_BURST", 100)
    monkeypatch.setattr(feed, "RAW_RATE", 0.1)  # a second: however long this takes
    await in_thread(emit_now, "er.wait", [1.0])
    async with SocketClient(**credentials) as socket:
        socket.say(type="subscribe", topics=["er.wait"])
        await socket.receive()
        await in_thread(emit_now, "er.wait", [1.0] * 90)
        assert len((await socket.receive())["points"]) == 90
        await in_thread(emit_now, "er.wait", [2.0, 4.0] * 45)
        frame = await socket.receive()
    assert frame["type"] == "summary"
    assert (frame["from"].split(":")[1], frame["position"].split(":")[1]) == ("92", "181")
    assert sum(count for _, count, *_ in frame["rows"]) == 90
    assert {tuple(row[2:]) for row in frame["rows"]} == {(3.0, 2.0, 4.0)}


async def test_it_forgets_a_topic_that_nobody_follows(hub_soon, credentials, emit_now, in_thread):
    await in_thread(emit_now, "er.wait", [1.0])
    async with SocketClient(**credentials) as socket:
        socket.say(type="subscribe", topics=["er.wait"])
        await socket.receive()
        assert list(hub_soon.feeds) == ["er.wait"]
    assert not hub_soon.feeds
