"""Whoever asks to follow a topic follows it, also where it, a right or the database comes meanwhile."""

import asyncio
import threading

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError

from metrics_app import log
from metrics_app.exceptions import BusUnavailable
from metrics_app.models import Kpi
from metrics_app.registry import forget
from metrics_app.streams import visitors, websocket
from metrics_app.streams.visitors import get_visitors
from tests.metrics_app.streams.clients import SocketClient, StreamClient

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.any_database,
    pytest.mark.usefixtures("hub"),
]


class Gate:
    """``function``, which says that it has its answer and waits before it gives that."""

    def __init__(self, function):
        self.function, self.answered, self.opened = function, threading.Event(), threading.Event()

    def __call__(self, *args):
        answer = self.function(*args)
        self.answered.set()
        assert self.opened.wait(30)
        return answer


@pytest.fixture
def hold(monkeypatch):
    """``hold(name)``: the Gate in a function's place in ``streams.websocket``."""

    def hold(name):
        gate = Gate(getattr(websocket, name))
        monkeypatch.setattr(websocket, name, gate)
        return gate

    return hold


@pytest.fixture
def quick(monkeypatch):
    """Rounds without a long pause."""
    monkeypatch.setattr(visitors, "ROUND", 0.05)


@pytest.fixture
def break_once(monkeypatch):
    """``break_once(module, name, error)``: a function raises an error, and works from then on."""

    def break_once(module, name, error):
        whole = getattr(module, name)

        def broken(*args):
            monkeypatch.setattr(module, name, whole)
            raise error

        monkeypatch.setattr(module, name, broken)

    return break_once


def add_kpi(topic):
    """A KPI that another process made a moment ago."""
    Kpi.objects.create(topic=topic)
    forget()


async def test_a_topic_that_was_looked_up_before_it_came_is_followed_though_everybody_was_told_of_it(
    credentials, in_thread, hold, emit_now
):
    gate = hold("find_topics")
    async with SocketClient(**credentials) as socket:
        socket.say(type="subscribe", topics=["er.wait"])
        await in_thread(gate.answered.wait)
        await in_thread(add_kpi, "er.wait")
        await get_visitors().look_after()
        gate.opened.set()
        assert (await socket.receive())["code"] == "unknown_topic"
        await get_visitors().look_after()
        assert (await socket.receive())["type"] == "snapshot"


async def test_what_is_asked_for_while_a_round_looks_at_rights_stays(credentials, in_thread, hold):
    await in_thread(add_kpi, "er.wait")
    gate = hold("look_up")
    async with SocketClient(**credentials) as socket:
        socket.say(type="subscribe", topics=["er.left"])
        assert (await socket.receive())["code"] == "unknown_topic"
        await in_thread(add_kpi, "er.other")
        async with asyncio.TaskGroup() as group:
            group.create_task(get_visitors().look_after())
            await in_thread(gate.answered.wait)
            socket.say(type="subscribe", topics=["er.wait"])
            assert (await socket.receive())["type"] == "snapshot"
            gate.opened.set()
        assert list(next(iter(get_visitors().visitors)).subscriptions) == ["er.wait"]


async def test_what_is_asked_for_while_the_database_is_away_follows_by_itself(
    credentials, in_thread, break_once, quick
):
    await in_thread(add_kpi, "er.wait")
    break_once(websocket, "find_topics", OperationalError("away"))
    async with SocketClient(**credentials) as socket:
        socket.say(type="subscribe", topics=["er.wait"])
        assert (await socket.receive())["code"] == "unavailable"
        assert (await socket.receive())["type"] == "snapshot"


async def test_a_new_topic_is_followed_though_redis_was_away_in_its_round(
    credentials, in_thread, emit_now, break_once, quick
):
    async with StreamClient("topic=er.*", **credentials) as stream:
        await stream.greeting()
        break_once(log, "get_positions", BusUnavailable("away"))
        await in_thread(emit_now, "er.wait", [1.0])
        assert (await stream.next())[1]["value"] == 1.0


async def test_a_right_that_is_lost_while_redis_is_away_is_lost(login, user, in_thread, break_once, quick):
    group = await Group.objects.acreate(name="er")
    await user.groups.aadd(group)
    await Kpi.objects.acreate(topic="er.wait", restricted=True, owner=group)
    forget()
    async with SocketClient(Cookie=login) as socket:
        socket.say(type="subscribe", topics=["er.wait"])
        assert (await socket.receive())["type"] == "snapshot"
        break_once(websocket, "look_up", BusUnavailable("away"))
        await user.groups.aremove(group)
        assert (await socket.receive())["code"] == "not_allowed"


async def test_who_leaves_while_a_round_looks_something_up_for_them_follows_nothing(
    hub, credentials, in_thread, hold
):
    await in_thread(add_kpi, "er.wait")
    async with SocketClient(**credentials) as socket:
        socket.say(type="subscribe", topics=["er.*"])
        assert (await socket.receive())["type"] == "snapshot"
        [visitor] = get_visitors().visitors
        gate = hold("look_up")
        await in_thread(add_kpi, "er.other")
        round_of_all = asyncio.create_task(get_visitors().look_after())
        await in_thread(gate.answered.wait)
    assert visitor not in get_visitors().visitors
    gate.opened.set()
    await round_of_all
    assert not visitor.subscriptions and not hub.feeds


async def test_of_whom_nobody_can_say_what_they_may_see_ends_and_the_others_go_on(
    credentials, in_thread, break_once
):
    await in_thread(add_kpi, "er.wait")
    async with SocketClient(**credentials) as broken, SocketClient(**credentials) as whole:
        for socket in (broken, whole):
            socket.say(type="subscribe", topics=["er.*"])
            assert (await socket.receive())["type"] == "snapshot"
        break_once(websocket, "look_up", ValueError("odd"))
        await in_thread(add_kpi, "er.other")
        await get_visitors().look_after()
        assert await broken.closed() in (1013, 4013)
        assert (await whole.receive())["topic"] == "er.other"


async def test_what_waits_for_the_database_is_bounded(credentials, monkeypatch):
    def be_away(*args):
        raise OperationalError("away")

    monkeypatch.setattr(websocket, "find_topics", be_away)
    monkeypatch.setattr(websocket, "MOST_POSTPONED", 1)
    async with SocketClient(**credentials) as socket:
        for text in ("followed once it answers", "enough waits for it"):
            socket.say(type="subscribe", topics=["er.wait"])
            error = await socket.receive()
            assert error["code"] == "unavailable" and text in error["message"]
        [visitor] = get_visitors().visitors
        assert len(visitor.postponed) == 1
