"""States of thresholds: what no ring brought is told all the same, and nothing older after it."""

import asyncio
import time
from types import SimpleNamespace

import pytest
from django.db import DatabaseError

from metrics_app import queries
from metrics_app.connection import get_redis, key
from metrics_app.models import Kpi, Threshold, ThresholdState
from metrics_app.queries.clock import Clock, read_clock
from metrics_app.queries.worked import EVALUATOR, name_hash
from metrics_app.streams import hub as hubs
from metrics_app.streams.states import States, make_seen, see_again
from tests.metrics_app.streams.clients import SocketClient, StreamClient

HOUR = 3_600_000  # ms


@pytest.fixture
def quick(monkeypatch):
    """A hub that compares without a long pause."""
    monkeypatch.setattr(hubs, "CHECK", 0.05)


@pytest.fixture
def light(emit_now, in_thread):
    """``await light()``: a threshold on er.wait that was judged ok, with its row."""

    def make():
        emit_now("er.wait", [1.0])
        rule = Threshold.objects.create(kpi=Kpi.objects.get(topic="er.wait"), limit=5)
        return ThresholdState.objects.create(threshold=rule, last_slot=1_000, slot_class="clear", value=1.0)

    return lambda: in_thread(make)


def be_away(topics, clock=None):
    """What reading the rows brings while the database is away."""
    raise DatabaseError("connection refused")


def change(row, **columns):
    """As a worker does that dies between its commit and the ring."""
    ThresholdState.objects.filter(pk=row.pk).update(**columns)


def firing(row, since=2_000, judged_at=2_000):
    """The message of the streams."""
    event = {"type": "state", "topic": "er.wait", "threshold": row.pk, "judged_at": judged_at}
    return event | {"state": "firing", "value": 9.0, "since": since}


FIRING = {"state": "firing", "value": 9.0, "since": 2_000, "last_slot": 2_000}


async def test_a_socket_learns_of_a_state_that_nobody_rang_for(
    credentials, light, in_thread, lose_doorbell, quick
):
    row = await light()
    async with SocketClient(**credentials) as socket:
        socket.say(type="subscribe", topics=["er.wait"])
        assert (await socket.receive())["thresholds"][0]["state"] == "ok"
        await in_thread(change, row, **FIRING)
        assert await socket.receive() == firing(row)
        await in_thread(change, row, data="empty", last_slot=3_000)
        assert await socket.receive() == firing(row, judged_at=3_000)
        await in_thread(Threshold.objects.update, enabled=False)
        unjudged = firing(row, judged_at=3_000) | {"unjudged_since": 3_000}
        assert await socket.receive() == unjudged
        await in_thread(Threshold.objects.all().delete)
        assert await socket.receive() == unjudged | {"state": "ok", "value": None}


def let_judge(ago):
    """The evaluator last completed a round so many ms ago; when that was."""
    at = queries.redis_now() - ago
    get_redis().hset(name_hash(), EVALUATOR, at)
    return at


async def test_streams_learn_that_nobody_judges_any_more_and_that_somebody_does_again(
    credentials, light, in_thread, lose_doorbell, quick
):
    """Also of a rule whose next slot is far off: no state changes then."""
    row = await light()
    fine = firing(row, since=None, judged_at=1_000) | {"state": "ok", "value": 1.0}
    async with SocketClient(**credentials) as socket, StreamClient("topic=er.wait", **credentials) as stream:
        await stream.next_message()
        socket.say(type="subscribe", topics=["er.wait"])
        await socket.receive()
        at = await in_thread(let_judge, 2 * HOUR)
        assert await socket.receive() == fine | {"unjudged_since": at}
        assert await stream.next() == ("state", fine | {"unjudged_since": at})
        at = await in_thread(let_judge, HOUR + 60_000)
        assert await socket.receive() == fine | {"unjudged_since": at}
        assert await stream.next() == ("state", fine | {"unjudged_since": at})
        now = await in_thread(let_judge, 0)
        assert await socket.receive() == fine
        assert await stream.next() == ("state", fine)
        socket.say(type="ping")
        pong = await socket.receive()
        assert (pong["type"], pong["judged"], pong["judges"]) == ("pong", now, True) and pong["now"] >= now


async def test_a_turn_of_the_clock_is_told_at_once_and_not_with_the_next_comparison(
    credentials, light, in_thread, lose_doorbell, monkeypatch
):
    monkeypatch.setattr(hubs, "CHECK", 3_600)
    monkeypatch.setattr("metrics_app.streams.states.LOOK", 0.02)
    row = await light()
    await in_thread(let_judge, 0)
    async with SocketClient(**credentials) as socket:
        socket.say(type="subscribe", topics=["er.wait"])
        assert (await socket.receive())["thresholds"][0]["unjudged_since"] is None
        at = await in_thread(let_judge, 2 * HOUR)
        assert (await socket.receive())["unjudged_since"] == at
        await in_thread(let_judge, 0)
        assert await socket.receive() == firing(row, since=None, judged_at=1_000) | {
            "state": "ok",
            "value": 1.0,
        }


@pytest.mark.parametrize("frozen", ["rows", "redis"])
async def test_what_does_not_answer_soon_is_not_waited_for(monkeypatch, told, frozen):
    """A server that is frozen holds a question for many seconds."""
    states, _ = told
    now, events, asked = int(time.time() * 1000), [], []
    states.hub.announce = lambda topic, notice: events.append(notice.event)
    off = make_seen(8, "er.wait", "ok", None, 1_500, 1_000, "fresh", False, unjudged=1_500)
    states.note({7: see("ok", 1_000), 8: off})

    async def call(function, *args):
        asked.append(function)
        if frozen == "rows" and function is read_clock:
            return Clock(now, {queries.shard_for("er.wait"): now}, now - 2 * HOUR)
        await asyncio.Event().wait()

    states.hub.call = call
    monkeypatch.setattr("metrics_app.streams.states.ANSWER", 0.01)
    monkeypatch.setattr("metrics_app.streams.states.ROWS", 0.01)
    for _ in range(3):
        await states.retell(await states.look())
    # The slot judged last, where nobody can say who has looked since.
    assert [event["unjudged_since"] for event in events] == [now - 2 * HOUR if frozen == "rows" else 1_000]
    assert len(asked) == (5 if frozen == "rows" else 2), "what has not come back is not asked for again"
    for question in (states.clock, states.comparison):
        question.task.cancel()


async def test_a_frozen_server_turns_lights_when_they_would_have_and_says_since_when_somebody_judged(told):
    """Also in the answer to a ping, which waits for nobody."""
    states, _ = told
    assert states.describe_clock() == {}, "nobody has told yet"
    judged, now, here = 10_000_000, 10_000_500, asyncio.get_running_loop().time()
    states.known = Clock(now, {queries.shard_for("er.wait"): now}, judged)
    states.known_at = here - 1.0
    told_by_pong = states.describe_clock()
    assert told_by_pong["now"] >= now + 1_000
    assert told_by_pong | {"now": 0} == {"now": 0, "through": now, "judged": judged, "judges": True}
    assert "unjudged_since" not in see_again({7: see("ok", 1_000)}, states.now)[7].event
    states.known_at = here - 7_200
    assert states.describe_clock()["judges"] is False
    assert see_again({7: see("ok", 1_000)}, states.now)[7].event["unjudged_since"] == judged


async def test_streams_learn_that_nobody_judges_while_the_rows_cannot_be_read(monkeypatch, told, in_thread):
    states, _ = told
    events, states.hub.call = [], in_thread
    states.hub.announce = lambda topic, notice: events.append(notice.event)
    states.note({7: see("ok", 1_000)})
    monkeypatch.setattr("metrics_app.streams.states.read_states", be_away)
    get_redis().hset(key(queries.shard_for("er.wait"), "meta"), "through", queries.redis_now())
    let_judge(0)
    await states.compare()
    assert not events
    at = let_judge(2 * HOUR)
    for _ in range(2):
        await states.compare()
    assert [event["unjudged_since"] for event in events] == [at]


async def test_an_event_stream_learns_of_a_state_that_nobody_rang_for(
    credentials, light, in_thread, lose_doorbell, quick
):
    row = await light()
    async with StreamClient("topic=er.wait", **credentials) as stream:
        await stream.next_message()
        await in_thread(change, row, **FIRING)
        assert await stream.next() == ("state", firing(row))
        assert stream.last_id is None


async def test_a_stream_that_goes_on_begins_with_the_states_as_they_are(
    credentials, light, in_thread, lose_doorbell
):
    row = await light()
    async with StreamClient("topic=er.wait", **credentials) as stream:
        await stream.greeting()
        position = stream.last_id
    await in_thread(change, row, **FIRING)
    async with StreamClient(f"topic=er.wait&position={position}", **credentials) as stream:
        await stream.greeting()
        assert await stream.next() == ("state", firing(row))


@pytest.fixture
def told():
    """``(states, messages)``: States of a hub that follows er.wait, and what it has told."""
    messages = []
    feeds = {"er.wait": SimpleNamespace(subscriptions=[SimpleNamespace(is_open=True)])}
    hub = SimpleNamespace(feeds=feeds, announce=lambda topic, notice: messages.append(notice.event["state"]))
    hub.spawn = asyncio.ensure_future
    return States(hub), messages


def see(state, slot):
    """A row that was read."""
    return make_seen(7, "er.wait", state, 9.0, slot, slot, "fresh", False)


def ring(states, state, slot):
    """A ring of the doorbell."""
    states.hear(see(state, slot).event, "er.wait", slot, "fresh", False)


def test_a_ring_is_told_once_however_often_it_is_heard(told):
    states, messages = told
    ring(states, "firing", 2_000)
    ring(states, "firing", 2_000)
    assert messages == ["firing"]


def test_an_older_state_never_comes_after_a_newer_one(told):
    states, messages = told
    ring(states, "recovering", 3_000)
    ring(states, "firing", 2_000)
    assert messages == ["recovering"]
    assert states.find_newest(7, see("firing", 2_000)).event["state"] == "recovering"


async def test_a_row_that_was_read_before_a_ring_is_not_told_after_it(told):
    states, messages = told
    states.note({7: see("ok", 1_000)})

    async def read(function, *args):
        if function is read_clock:
            return Clock(5_000, None)
        ring(states, "firing", 2_000)
        return {7: see("pending", 1_500)}

    states.hub.call = read
    await states.compare()
    assert messages == ["firing"]
