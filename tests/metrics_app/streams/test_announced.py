"""Events of the project, such as a proposal that changed: what no ring brought is told all the same, once."""

from types import SimpleNamespace

import pytest
from django.db import OperationalError

from metrics_app import live
from metrics_app.streams import hub as hubs
from metrics_app.streams.announced import Announced
from tests.metrics_app.streams.clients import SocketClient

rows = []


def read_rows(after):
    """``METRICS_APP["EVENTS"]`` of these tests."""
    found = [row for row in rows if after is None or row["position"] > after]
    return (rows[-1]["position"] if rows else 0), found


def make_change(position, pk=1, state="approved", group=None):
    """What is told of a proposal."""
    event = {"type": "pipeline", "id": pk, "state": state, "title": "t"}
    return {"event": event, "permission": None, "group": group, "position": position}


@pytest.fixture
def named(settings):
    """The settings name these rows."""
    settings.METRICS_APP = settings.METRICS_APP | {"EVENTS": f"{__name__}.read_rows"}
    rows.clear()


@pytest.fixture
def told(named):
    """``(announced, messages)``: of a hub with one listener, and the positions and states it heard."""
    messages = []

    async def call(function, *args):
        return function(*args)

    def listen(message):
        messages.append((message["position"], message["event"]["state"]))

    return Announced(SimpleNamespace(listeners={listen}, call=call)), messages


async def test_what_was_rung_for_and_what_was_not_is_each_told_once(told):
    announced, messages = told
    rows.append(make_change(1, state="awaiting_approval"))
    await announced.compare()
    announced.hear(make_change(2))
    rows.extend([make_change(2), make_change(3, pk=2)])
    await announced.compare()
    announced.hear(make_change(3, pk=2))
    await announced.compare()
    assert messages == [(1, "awaiting_approval"), (2, "approved"), (3, "approved")]
    assert announced.told == {}


async def test_a_late_ring_tells_nothing_older(told):
    announced, messages = told
    announced.hear(make_change(5, state="executing"))
    announced.hear(make_change(4))
    rows.append(make_change(6, state="done"))
    await announced.compare()
    announced.hear(make_change(5, state="executing"))
    assert messages == [(5, "executing"), (6, "done")]


@pytest.mark.parametrize("error", [OperationalError("away"), KeyError("a project's own")])
async def test_a_round_that_fails_is_made_up_for_by_the_next(told, monkeypatch, error):
    announced, messages = told
    await announced.compare()
    rows.append(make_change(1))

    async def fail(*args):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(announced.hub, "call", fail)
        await announced.compare()
    await announced.compare()
    assert messages == [(1, "approved")]


async def test_nobody_asks_while_nobody_listens(told):
    announced, _ = told
    await announced.compare()
    announced.hub.listeners.clear()
    announced.hub.call = None
    await announced.compare()
    assert announced.position is None


@pytest.mark.django_db(transaction=True)
async def test_a_socket_hears_of_a_proposal_that_nobody_rang_for_if_it_may(
    login, credentials, named, monkeypatch, hub
):
    monkeypatch.setattr(hubs, "CHECK", 0.05)
    async with SocketClient(Cookie=login) as person, SocketClient(**credentials) as program:
        rows.extend([make_change(1, group=4711), make_change(2, pk=2)])
        assert await person.receive() == make_change(2, pk=2)["event"]
        program.say(type="ping")
        assert (await program.receive())["type"] == "pong"
    assert not hub.listeners


def test_a_ring_carries_the_position_of_what_it_tells(monkeypatch):
    sent = []
    monkeypatch.setattr(live.doorbell, "ring", sent.extend)
    live.announce_event({"type": "pipeline", "id": 1}, group=2, position=3)
    assert (sent[0]["position"], sent[0]["group"]) == (3, 2)
