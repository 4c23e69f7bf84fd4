"""Whoever may not see a restricted KPI hears nothing of it on any stream, nor that it is there.

``pytest -s`` prints who gets what. A new stream in the routing fails here until it is asked.
"""

import json
import time
from itertools import count

import pytest

from metrics_app.models import ApiKey, Kpi
from metrics_app.registry import forget
from metrics_app.routing import http_urlpatterns, websocket_urlpatterns
from metrics_app.streams.asgi import partner_stream
from tests.metrics_app.streams.clients import SocketClient, StreamClient
from tests.metrics_app.watching import send
from tests.visiting import ABSENT, SEES, TOPIC, make_world

pytestmark = pytest.mark.any_database

LAST = "zoo.wait"  # an open one whose points come after those of the restricted one
# The partner of this world is of the group, and the topic on its list.
HEARS = SEES | {"partner"}


class PartnerClient(StreamClient):
    application = staticmethod(partner_stream)


def make_visitors():
    """``{name: headers}`` of all twelve; beside the restricted KPI an open one with a later point."""
    visitors = make_world().visitors
    ApiKey.objects.filter(name="partner").update(topics=[TOPIC, ABSENT["topic"], LAST])
    Kpi.objects.create(topic=LAST)
    forget()
    send((time.time_ns() // 1_000_000 - 30_000, 7.0), topic=LAST)
    found = {}
    for name, client in visitors.items():
        cookies = client.cookies.output(header="", sep=";").strip()
        found[name] = {"Cookie": cookies} if cookies else {}
        if key := client.defaults.get("HTTP_AUTHORIZATION"):
            found[name] = {"Authorization": key}
    return found


async def ask_socket(headers, topic, ring):
    """101 and what a WebSocket first says of a topic, or the code it is closed with."""
    call, frame = SocketClient(**headers), {}
    call.say(type="subscribe", topics=[topic])
    while frame.get("topic") != topic:
        message = await call.next_message()
        if message["type"] == "websocket.close":
            break
        frame = json.loads(message.get("text", "{}"))
    await call.finish({"type": "websocket.disconnect", "code": 1001})
    told = [frame.get(name) for name in ("type", "code", "message", "points")]
    return (message["code"] if message["type"] == "websocket.close" else 101), told


async def ask_stream(client, headers, topic, ring):
    """The status of an event stream, and what it says before the open topic's next point, or instead."""
    async with client(f"topic={topic}&topic={LAST}&since=-3600", **headers) as stream:
        if stream.status != 200:
            return stream.status, [await stream.body()]
        await stream.greeting()
        told, value = [len(stream.last_id)], await ring()
        # What is replayed comes before what is new.
        while (event := await stream.next())[1].get("value") != value:
            told += [event] if event[1].get("topic") != LAST else []
        return 200, told


STREAMS = {
    "^ws/metrics/?$": ask_socket,
    "^metrics/stream/?$": lambda *asked: ask_stream(StreamClient, *asked),
    "^mkt/metrics/stream/?$": lambda *asked: ask_stream(PartnerClient, *asked),
}


@pytest.mark.django_db(transaction=True)
async def test_no_stream_tells_others_of_it_nor_that_it_is_there(in_thread, hub):
    visitors, found, values = await in_thread(make_visitors), {}, count(1_000)

    async def ring():
        value = float(next(values))
        await in_thread(send, (time.time_ns() // 1_000_000, value), topic=LAST)
        return value

    for stream, ask in STREAMS.items():
        for name, headers in visitors.items():
            told = await ask(headers, TOPIC, ring)
            found[stream, name] = told[0], "48127" in repr(told)
            if name not in HEARS:
                absent = await ask(headers, ABSENT["topic"], ring)
                assert repr(absent).replace(ABSENT["topic"], TOPIC) == repr(told), (stream, name)
    for stream in STREAMS:
        cells = (f"{name} {found[stream, name][0]}{'*' * found[stream, name][1]}" for name in visitors)
        print(f"\n{stream:24}", " · ".join(cells))
    heard = {(stream[1:].split("/")[0], name) for (stream, name), cell in found.items() if cell[1]}
    assert heard == {(door, name) for door in ("ws", "metrics") for name in SEES} | {("mkt", "partner")}


def test_every_stream_is_asked():
    assert {str(one.pattern) for one in (*http_urlpatterns, *websocket_urlpatterns)} == STREAMS.keys()
