"""A connection's way out."""

import asyncio
import sys

import pytest
from autobahn.exception import Disconnected

from metrics_app.streams import outbox, starting
from metrics_app.streams.outbox import LIMIT, Outbox

CHOSEN = starting.start
WAYS = [starting.start_in_the_name] + [starting.start_eagerly] * (sys.version_info >= (3, 12))


@pytest.fixture(autouse=True, params=WAYS, ids=lambda way: way.__name__)
def way(request, monkeypatch):
    """Each promise holds whichever way a send is begun."""
    monkeypatch.setattr(starting, "start", request.param)


class Reader:
    """A socket that takes messages while its gate is open."""

    def __init__(self):
        self.taken, self.gate = [], asyncio.Event()

    async def send(self, message):
        await self.gate.wait()
        self.taken.append(message)


@pytest.fixture
async def reader():
    return Reader()


@pytest.fixture
async def box(reader):
    """An outbox whose writer runs."""
    box = Outbox(reader.send)
    writer = asyncio.create_task(box.run())
    yield box
    writer.cancel()


async def test_it_writes_in_order_and_ends_when_it_is_told_to(reader):
    reader.gate.set()
    box = Outbox(reader.send)
    for number in range(3):
        box.put({"number": number}, 10)
    box.finish()
    await box.run()
    assert [message["number"] for message in reader.taken] == [0, 1, 2]
    assert (box.size, box.sent) == (0, 30)


async def test_it_is_full_until_half_is_taken(box, reader):
    box.put({}, LIMIT // 2 + 1)
    box.put({}, LIMIT // 2)
    assert box.full and not box.too_slow
    waiting = asyncio.create_task(box.wait_ready())
    await asyncio.sleep(0)
    assert not waiting.done()
    reader.gate.set()
    await waiting
    assert not box.full and box.full_since is None


async def test_it_knows_a_reader_that_takes_nothing(box, reader, monkeypatch):
    monkeypatch.setattr(outbox, "PATIENCE", -1)
    assert not box.too_slow
    box.put({}, 1)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert box.too_slow
    reader.gate.set()
    while box.sending_since is not None:
        await asyncio.sleep(0)
    assert not box.too_slow


@pytest.mark.parametrize("error", [OSError, Disconnected])
async def test_it_ends_quietly_when_the_reader_has_left(error):
    async def send(message):
        raise error

    box = Outbox(send)
    box.put({}, 1)
    await box.run()


async def test_it_writes_at_once_what_the_socket_takes_at_once(box, reader):
    reader.gate.set()
    await asyncio.sleep(0)
    box.put({"number": 1}, 10)
    assert [message["number"] for message in reader.taken] == [1]
    assert (box.size, box.sent, box.sending_since) == (0, 10, None)


async def test_it_keeps_the_order_behind_a_message_that_had_to_wait(box, reader):
    await asyncio.sleep(0)
    for number in range(3):
        box.put({"number": number}, 10)
    assert reader.taken == [] and box.sending_since is not None
    reader.gate.set()
    while box.size:
        await asyncio.sleep(0)
    assert [message["number"] for message in reader.taken] == [0, 1, 2]


async def test_a_time_out_inside_of_send_ends_nobody_else():
    """`put` runs in the task of whoever has the frame; what it starts belongs to the writer."""
    gave_up = asyncio.Event()

    async def send(message):
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            gave_up.set()

    box = Outbox(send)
    writer = asyncio.create_task(box.run())
    await asyncio.sleep(0)
    box.put({}, 10)
    async with asyncio.timeout(60):
        await gave_up.wait()
    assert not writer.done()
    writer.cancel()


@pytest.mark.parametrize("error", [OSError, Disconnected])
async def test_it_ends_quietly_when_the_reader_leaves_later(error):
    async def send(message):
        raise error

    box = Outbox(send)
    writer = asyncio.create_task(box.run())
    await asyncio.sleep(0)
    box.put({}, 1)
    await writer


async def test_a_failure_of_the_server_is_not_taken_for_a_reader_that_left():
    async def send(message):
        raise RuntimeError("broken")

    box = Outbox(send)
    box.put({}, 1)
    with pytest.raises(RuntimeError, match="broken"):
        await box.run()


async def test_what_it_began_ends_with_its_writer():
    ended = []

    async def send(message):
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(message)

    box = Outbox(send)
    writer = asyncio.create_task(box.run())
    await asyncio.sleep(0)
    box.put({"number": 1}, 10)
    writer.cancel()
    await asyncio.wait([writer])
    await asyncio.sleep(0)
    assert ended == [{"number": 1}]


def test_a_python_that_has_eager_tasks_begins_with_nothing_private():
    eager = sys.version_info >= (3, 12)
    assert CHOSEN is (starting.start_eagerly if eager else starting.start_in_the_name)
