"""Who may open a WebSocket, and with which code it is closed."""

import pytest

from metrics_app import live
from metrics_app.models import ApiKey
from metrics_app.services.keys import create_key, revoke_key
from metrics_app.streams import outbox, visitors
from tests.metrics_app.streams.clients import SocketClient

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub")]


async def pong(socket):
    socket.say(type="ping")
    return (await socket.receive())["type"]


async def test_it_refuses_who_is_not_logged_in():
    async with SocketClient() as socket:
        assert await socket.closed() == 4401


async def test_it_refuses_an_unknown_key_even_beside_a_session(login):
    async with SocketClient(**{"X-API-Key": "hms_" + "x" * 43, "Cookie": login}) as socket:
        assert await socket.closed() == 4401


@pytest.mark.parametrize("scope", ["emit", "partner"])
async def test_it_refuses_a_key_that_may_not_read(scope, in_thread):
    _, raw = await in_thread(create_key, name="k", scopes=[scope])
    async with SocketClient(**{"X-API-Key": raw}) as socket:
        assert await socket.closed() == 4403


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost:8000", True),
        ("https://friend.example", True),
        ("https://evil.example", False),
        ("http://localhost:9000", False),
        ("null", False),
        (None, True),
    ],
)
async def test_it_takes_sessions_from_its_own_pages_only(origin, allowed, login, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"ALLOWED_ORIGINS": ["https://friend.example"]}
    settings.ALLOWED_HOSTS = ["localhost"]
    headers = {"Cookie": login, "Host": "localhost:8000"} | ({"Origin": origin} if origin else {})
    async with SocketClient(**headers) as socket:
        if allowed:
            assert await pong(socket) == "pong"
        else:
            assert await socket.closed() == 4403


@pytest.mark.parametrize(
    ("limit", "other"), [("STREAMS_PER_KEY", "Cookie"), ("STREAMS_PER_USER", "X-API-Key")]
)
async def test_it_replaces_the_oldest_beyond_the_limit(limit, other, credentials, login, settings):
    settings.METRICS_APP = settings.METRICS_APP | {limit: 2}
    headers = {"Cookie": login} | credentials
    stranger = {other: headers.pop(other)}
    async with (
        SocketClient(**stranger) as unlimited,
        SocketClient(**headers) as first,
        SocketClient(**headers) as second,
        SocketClient(**headers) as third,
    ):
        assert await pong(unlimited) == "pong"
        assert await first.closed() == 4429
        assert await pong(second) == await pong(third) == "pong"


async def test_it_closes_when_the_key_is_revoked(credentials, in_thread):
    async with SocketClient(**credentials) as socket:
        assert await pong(socket) == "pong"
        await in_thread(revoke_key, await ApiKey.objects.aget())
        assert await socket.closed() == 4401


async def test_it_closes_when_the_session_has_ended(login, user, monkeypatch):
    monkeypatch.setattr(visitors, "SESSION_ROUND", 0)
    async with SocketClient(Cookie=login) as socket:
        assert await pong(socket) == "pong"
        user.is_active = False
        await user.asave()
        assert await socket.closed() == 4401


async def test_it_tells_of_pipelines_to_those_who_may_see_them(login, credentials, in_thread, hub):
    event = {"type": "pipeline", "id": 1, "state": "awaiting_approval", "title": "t"}
    async with SocketClient(Cookie=login) as person, SocketClient(**credentials) as program:
        assert await pong(person) == await pong(program) == "pong"
        await in_thread(live.announce_event, event | {"id": 2}, permission="pipelines_app.decide_pipeline")
        await in_thread(live.announce_event, event | {"id": 3}, group=4711)
        await in_thread(live.announce_event, event)
        assert await person.receive() == event
        assert await pong(program) == "pong"


async def test_it_closes_a_client_that_floods_it(credentials):
    async with SocketClient(**credentials) as socket:
        for _ in range(600):
            socket.say(type="ping")
        assert await socket.closed() == 4429


async def test_it_merges_for_a_slow_reader_and_delays_nobody(credentials, emit_now, in_thread, monkeypatch):
    monkeypatch.setattr(outbox, "LIMIT", 2_000)
    await in_thread(emit_now, "er.wait", [0.0])
    async with SocketClient(**credentials) as slow, SocketClient(**credentials) as quick:
        for socket in (slow, quick):
            socket.say(type="subscribe", topics=["er.wait"])
            await socket.receive()
        slow.gate.clear()
        total = 0
        for _ in range(20):
            await in_thread(emit_now, "er.wait", [1.0] * 150)
            total += 150
            received = 0
            while received < 150:
                received += len((await quick.receive("points"))["points"])
        slow.gate.set()
        seen, frames = 0, 0
        while seen < total:
            frame = await slow.receive("points", "summary")
            frames += 1
            seen += len(frame.get("points", ())) + sum(row[1] for row in frame.get("rows", ()))
        assert (seen, frames < 10) == (total, True)
        assert frame["position"].endswith(f":{total + 1}")


async def test_it_gives_up_a_reader_that_takes_nothing(credentials, emit_now, in_thread, monkeypatch, hub):
    monkeypatch.setattr(outbox, "LIMIT", 500)
    monkeypatch.setattr(outbox, "PATIENCE", 0.1)
    await in_thread(emit_now, "er.wait", [0.0])
    async with SocketClient(**credentials) as slow:
        slow.say(type="subscribe", topics=["er.wait"])
        await slow.receive()
        slow.gate.clear()
        for _ in range(3):
            await in_thread(emit_now, "er.wait", [1.0] * 100)
        while hub.feeds:
            await slow.wait_a_moment()
        slow.gate.set()
        assert await slow.closed() == 4408
