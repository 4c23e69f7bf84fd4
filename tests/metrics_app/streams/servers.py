"""Clients and servers for the tests of streams: real sockets, real processes."""

import asyncio
import json
import os
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import websockets
from django.conf import settings
from django.db import connection

from hms_gov.embedded import find_free_port
from hms_gov.ties import Tied

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent
COMMANDS = {
    "daphne": ["daphne", "-b", "127.0.0.1", "-p", "{port}", "--ping-interval", "1", "--ping-timeout", "2"],
    "uvicorn": ["uvicorn", "--host", "127.0.0.1", "--port", "{port}", "--ws", "websockets-sansio",
                "--ws-per-message-deflate", "false", "--lifespan", "off", "--log-level", "warning"],
}  # fmt: skip


def find_database_url():
    """The address of the test's own database, for another process."""
    wanted = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{wanted['NAME']}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{wanted['NAME']}").geturl()


def make_environment(**more):
    """What makes another process part of this test: its database, its Redis, its prefix."""
    config = settings.METRICS_APP
    return os.environ | {
        "DATABASE_URL": find_database_url(),
        "REDIS_URL": config["REDIS_URL"],
        "REDIS_PREFIX": config["REDIS_PREFIX"],
        "SECRET_KEY": settings.SECRET_KEY,
        "DJANGO_SETTINGS_MODULE": "hms_gov.settings",
        **{name: str(value) for name, value in more.items()},
    }


class Server:
    """An ASGI server of its own process, ``daphne`` or ``uvicorn``."""

    def __init__(self, kind, port=None, **environment):
        self.port = port or find_free_port()
        words = [word.format(port=self.port) for word in COMMANDS[kind]]
        command = [BIN / words[0], *words[1:], "tests.metrics_app.streams.counting:application"]
        # Not a pipe, which somebody would have to read meanwhile.
        self.errors = os.fdopen(os.memfd_create("errors"), "w+b")
        self.process = Tied(command, env=make_environment(**environment), cwd=ROOT, stderr=self.errors)
        self.url = f"http://127.0.0.1:{self.port}"
        self.ws_url = f"ws://127.0.0.1:{self.port}/ws/metrics/"
        self.wait()

    def wait(self):
        """Returns once it answers."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                httpx.get(f"{self.url}/healthz", timeout=2)
                return
            except httpx.TransportError:
                time.sleep(0.05)
        raise RuntimeError("the server did not start")

    def memory(self):
        """Resident bytes."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf(
            "SC_PAGE_SIZE"
        )

    def count_streams(self):
        """How many streams and sockets its application is serving."""
        return int(httpx.get(f"{self.url}/running", timeout=30).text)

    async def wait_for_streams(self, count, timeout=30):
        """Returns once it serves that many; TimeoutError otherwise."""
        async with asyncio.timeout(timeout):
            while await asyncio.to_thread(self.count_streams) != count:
                await asyncio.sleep(0.05)

    def stop(self):
        """Ends it at once."""
        self.process.kill()
        self.process.wait()
        self.errors.close()

    def read_errors(self):
        """What it has written on its standard error."""
        self.errors.seek(0)
        return self.errors.read().decode()

    @asynccontextmanager
    async def stream(self, query, **headers):
        """An open event stream: an ``EventReader``."""
        timeout = httpx.Timeout(40)
        async with (
            httpx.AsyncClient(timeout=timeout) as client,
            client.stream("GET", f"{self.url}/metrics/stream?{query}", headers=headers) as response,
        ):
            yield EventReader(response)

    def connect(self, **headers):
        """An open WebSocket, as a context manager."""
        return websockets.connect(self.ws_url, additional_headers=headers, max_size=None, compression=None)


class EventReader:
    """Server-sent events as an EventSource sees them; knows the id it would come back with."""

    def __init__(self, response):
        self.response, self.lines, self.last_id, self.retry = response, response.aiter_lines(), None, None

    async def next(self, timeout=30):
        """The next event as ``(name, data)``; heartbeats and the greeting are left out. None at the end."""
        async with asyncio.timeout(timeout):
            while True:
                event = await self.read_event()
                if event is None or event[0] not in ("heartbeat", "position"):
                    return event

    async def read_event(self):
        """One event with data."""
        name, data = "message", None
        async for line in self.lines:
            field, _, value = line.partition(": ")
            if field == "id":
                self.last_id = value
            elif field == "retry":
                self.retry = int(value)
            elif field == "event":
                name = value
            elif field == "data":
                data = json.loads(value)
            elif not line and data is not None:
                return name, data
        return None

    async def take(self, count, timeout=30):
        """``count`` points as ``(ts, value)``."""
        points = []
        while len(points) < count:
            name, data = await self.next(timeout)
            assert name == "message", (name, data)
            points.append((data["ts"], data["value"]))
        return points


async def receive(socket, timeout=30):
    """The next frame of a WebSocket as a dict."""
    async with asyncio.timeout(timeout):
        return json.loads(await socket.recv())


async def send(socket, **message):
    """Sends a message as JSON."""
    await socket.send(json.dumps(message))
