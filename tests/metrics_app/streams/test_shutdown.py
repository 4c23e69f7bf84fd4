"""How a process leaves: streams are told first, and go on elsewhere."""

import asyncio
import gc
import signal

import httpx
import pytest
import uvicorn
import websockets

from metrics_app.collector import collect_all
from metrics_app.routing import end_in_order
from metrics_app.services.keys import create_key
from metrics_app.streams import shutdown
from metrics_app.streams.shutdown import get_shutdown
from tests.metrics_app.streams.clients import SocketClient, StreamClient
from tests.metrics_app.streams.conftest import run_and_close
from tests.metrics_app.streams.servers import receive, send

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]


class Sender:
    """Posts one number after the other to the first server that takes it."""

    def __init__(self, servers, key):
        self.servers, self.headers = servers, {"X-API-Key": key}
        self.tried, self.taken, self.unsure = 0, [], []

    def post(self):
        """One number, in the window when it returns if a server took it."""
        value, self.tried = float(self.tried), self.tried + 1
        point = {"topic": "er.wait", "value": value}
        for server in self.servers:
            try:
                answer = httpx.post(f"{server.url}/api/v1/points/", json=point, headers=self.headers)
            except httpx.ConnectError:
                continue
            except httpx.TransportError:
                # Just then the door was closed: nobody knows whether it came in.
                self.unsure.append(value)
                break
            assert answer.status_code == 202, answer.text
            self.taken.append(value)
            break
        collect_all()

    async def post_while(self, *tasks):
        """Goes on until the tasks are done."""
        async with asyncio.timeout(120):
            while not all(task.done() for task in tasks):
                await asyncio.to_thread(run_and_close, self.post)


async def wait_until(is_so):
    """Until it is so, which never takes a minute; TimeoutError."""
    async with asyncio.timeout(60):
        while not is_so():
            await asyncio.sleep(0.01)


class Reader:
    """An event stream and a WebSocket of one topic, each of which goes on from where it was."""

    def __init__(self, headers):
        self.headers, self.last_id, self.position = headers, None, None
        self.from_events, self.from_socket, self.retries, self.codes = [], [], [], []

    async def read_events(self, server, opened, until=None):
        """Reads until the server ends it, or the value ``until`` has come."""
        header = {"Last-Event-ID": self.last_id} if self.last_id else {}
        async with server.stream("topic=er.wait", **self.headers, **header) as events:
            opened.set()
            while until not in self.from_events and (event := await events.next(60)):
                if event[0] == "message":
                    self.from_events.append(event[1]["value"])
                elif event[0] == "unavailable":
                    assert event[1] == {"retry": events.retry}
                    self.retries.append(events.retry)
            self.last_id = events.last_id

    async def read_socket(self, server, opened, until=None):
        """The same of the WebSocket."""
        positions = {"er.wait": self.position} if self.position else {}
        async with server.connect(**self.headers) as socket:
            await send(socket, type="subscribe", topics=["er.wait"], positions=positions)
            try:
                while until not in self.from_socket:
                    frame = await receive(socket, 60)
                    opened.set()
                    if frame["type"] in ("snapshot", "points"):
                        self.position = frame["position"]
                        self.from_socket += [value for _, value in frame["points"]]
            except websockets.ConnectionClosed:
                self.codes.append(socket.close_code)

    async def open(self, server, **until):
        """The tasks of both, once both are open."""
        opened = [asyncio.Event(), asyncio.Event()]
        read = zip((self.read_events, self.read_socket), opened, strict=True)
        tasks = [asyncio.create_task(one(server, event, **until)) for one, event in read]
        for task, event in zip(tasks, opened, strict=True):
            waiter = asyncio.create_task(event.wait())
            await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
            waiter.cancel()
        return tasks


async def stop(server, tasks, sender, in_thread):
    """Sends SIGTERM amid posts; returns once its streams have ended and it has. What it wrote."""
    await in_thread(sender.post)
    server.process.send_signal(signal.SIGTERM)
    await sender.post_while(*tasks)
    await asyncio.gather(*tasks)
    # A server that waits for its streams waits for ever.
    await in_thread(server.process.wait, 60)
    return server.read_errors()


@pytest.mark.slow
async def test_a_server_that_stops_tells_its_streams_and_they_go_on_elsewhere(
    start_server, credentials, in_thread
):
    kinds = ("uvicorn", "daphne")
    first, second = await asyncio.gather(*(in_thread(start_server, kind) for kind in kinds))
    _, key = await in_thread(create_key, name="sender", scopes=["emit"])
    sender, reader = Sender([first, second], key), Reader(credentials)
    await in_thread(sender.post)

    assert "Traceback" not in await stop(first, await reader.open(first), sender, in_thread)
    await in_thread(sender.post)
    await asyncio.gather(*await reader.open(second, until=sender.taken[-1]))
    # What came before the event stream is none of its business.
    for taken, seen in ((sender.taken[1:], reader.from_events), (sender.taken, reader.from_socket)):
        assert [value for value in seen if value not in sender.unsure] == taken
        assert len(set(seen)) == len(seen)

    assert "Traceback" not in await stop(second, await reader.open(second), sender, in_thread)
    assert reader.codes == [1012, 4012]
    assert all(500 <= retry <= 3_000 for retry in reader.retries) and len(reader.retries) == 2


@pytest.fixture
async def uvicorn_here(hub):
    """uvicorn's Server while this process's signals are its own; it serves nothing."""
    server = uvicorn.Server(uvicorn.Config("nothing"))
    shutdown.by_loop.pop(hub.loop, None)
    with server.capture_signals():
        yield server
        # It would send them to this process again.
        server._captured_signals.clear()
    shutdown.by_loop.pop(hub.loop)


async def test_streams_are_told_also_on_their_way_in_and_the_server_stops_after_them(
    uvicorn_here, credentials
):
    async with StreamClient("topic=er.wait", **credentials) as stream, SocketClient(**credentials) as socket:
        await stream.greeting()
        signal.raise_signal(signal.SIGTERM)
        assert not uvicorn_here.should_exit
        frozen = gc.get_freeze_count()
        assert "event: unavailable" in await stream.body()
        assert await socket.closed() in (1012, 4012)
        async with StreamClient("topic=er.wait", **credentials) as late, SocketClient() as stranger:
            assert (late.status, (await late.body()).count("event: unavailable")) == (200, 1)
            assert await stranger.closed() in (1012, 4012)
    await wait_until(lambda: uvicorn_here.should_exit)
    assert gc.get_freeze_count() > frozen, "at its end nothing is left to collect"
    assert 0 < uvicorn_here.config.timeout_graceful_shutdown <= shutdown.ALL
    assert not uvicorn_here.force_exit


async def test_a_second_signal_waits_for_nobody(uvicorn_here, credentials):
    async with StreamClient("topic=er.wait", **credentials) as stream:
        await stream.greeting()
        stream.gate.clear()
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert uvicorn_here.should_exit and uvicorn_here.force_exit
        assert signal.getsignal(signal.SIGTERM) == uvicorn_here.handle_exit


async def test_it_leaves_the_bound_that_somebody_chose(uvicorn_here):
    uvicorn_here.config.timeout_graceful_shutdown = 20
    get_shutdown()
    signal.raise_signal(signal.SIGTERM)
    await wait_until(lambda: uvicorn_here.should_exit)
    assert uvicorn_here.config.timeout_graceful_shutdown == 20


async def test_it_leaves_the_signals_of_other_programs_alone(hub):
    before = [signal.getsignal(number) for number in shutdown.SIGNALS]
    shutdown.by_loop.pop(hub.loop, None)
    assert get_shutdown().host is None
    assert [signal.getsignal(number) for number in shutdown.SIGNALS] == before


async def test_while_it_stops_an_answer_ends_its_connection(uvicorn_here):
    async def answer(scope, receive, send):
        await send({"type": "http.response.start", "status": 202, "headers": []})

    async def ask(version):
        sent = []

        async def note(message):
            sent.append(message)

        await end_in_order(answer)({"type": "http", "http_version": version}, None, note)
        return sent[0]["headers"]

    assert await ask("1.1") == []
    signal.raise_signal(signal.SIGTERM)
    await wait_until(lambda: get_shutdown().is_stopping)
    assert await ask("1.1") == [(b"connection", b"close")]
    assert await ask("2") == []
