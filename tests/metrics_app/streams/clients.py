"""Clients inside the test's own process: the same applications, without a socket."""

import asyncio
import json

from metrics_app.streams.asgi import metrics_stream
from metrics_app.streams.consumers import websocket


def make_headers(headers):
    """An ASGI header list."""
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


class Call:
    """One call of an ASGI application, running beside the test."""

    application = None

    def __init__(self, scope, *, first):
        self.incoming, self.sent = asyncio.Queue(), asyncio.Queue()
        self.incoming.put_nowait(first)
        self.gate = asyncio.Event()
        self.gate.set()
        self.task = asyncio.create_task(type(self).application(scope, self.incoming.get, self.send))

    async def send(self, message):
        """Takes a message from the application, unless the reader has stopped reading."""
        await self.gate.wait()
        self.sent.put_nowait(message)

    async def next_message(self, timeout=30):
        """What the application sends next."""
        async with asyncio.timeout(timeout):
            return await self.sent.get()

    async def wait_a_moment(self):
        """Lets the application go on; for loops that wait for what it does."""
        await asyncio.sleep(0.01)

    async def finish(self, message):
        """The client leaves; returns once the application has ended."""
        self.gate.set()
        self.incoming.put_nowait(message)
        async with asyncio.timeout(30):
            await self.task


class SocketClient(Call):
    """A WebSocket; use ``async with``."""

    application = staticmethod(websocket)

    def __init__(self, **headers):
        scope = {"type": "websocket", "path": "/ws/metrics/", "headers": make_headers(headers)}
        super().__init__(scope, first={"type": "websocket.connect"})

    async def __aenter__(self):
        assert (await self.next_message())["type"] == "websocket.accept"
        return self

    async def __aexit__(self, *error):
        await self.finish({"type": "websocket.disconnect", "code": 1001})

    def say(self, text=None, **message):
        """Sends a message as JSON, or a text as it is."""
        self.incoming.put_nowait({"type": "websocket.receive", "text": text or json.dumps(message)})

    async def receive(self, *types):
        """The next frame; with ``types`` the next one of those."""
        while True:
            message = await self.next_message()
            assert message["type"] == "websocket.send", message
            frame = json.loads(message["text"])
            if not types or frame["type"] in types:
                return frame

    async def closed(self):
        """The code it is closed with."""
        while (message := await self.next_message())["type"] != "websocket.close":
            pass
        return message["code"]


class StreamClient(Call):
    """An event stream; ``status`` and ``headers`` are known after ``async with``."""

    application = staticmethod(metrics_stream)

    def __init__(self, query="", method="GET", server_waits=True, **headers):
        scope = {
            "type": "http",
            "method": method,
            "path": "/metrics/stream",
            "query_string": query.encode(),
            "headers": make_headers(headers),
            "asgi": {"version": "3.0"} | ({"spec_version": "2.3"} if server_waits else {}),
        }
        self.buffer, self.last_id, self.retry = "", None, None
        super().__init__(scope, first={"type": "http.request", "body": b"", "more_body": False})

    async def __aenter__(self):
        start = await self.next_message()
        self.status = start["status"]
        self.headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return self

    async def __aexit__(self, *error):
        await self.finish({"type": "http.disconnect"})

    async def body(self):
        """All that is still to come, of a response that ends."""
        parts = [self.buffer]
        while True:
            message = await self.next_message(15)
            parts.append(message.get("body", b"").decode())
            if not message.get("more_body"):
                return "".join(parts)

    async def greeting(self):
        """The first event of a stream, which says where it begins, as ``(name, data)``."""
        self.buffer += (await self.next_message())["body"].decode()
        text, self.buffer = self.buffer.split("\n\n", 1)
        return self.read(text)

    async def next(self):
        """The next event with data as ``(name, data)``; no heartbeat, no greeting. None at the end."""
        while True:
            while "\n\n" not in self.buffer:
                message = await self.next_message()
                self.buffer += message["body"].decode()
                if not message.get("more_body") and "\n\n" not in self.buffer:
                    return None
            text, self.buffer = self.buffer.split("\n\n", 1)
            event = self.read(text)
            if event and event[0] not in ("heartbeat", "position"):
                return event

    def read(self, text):
        """One event as an EventSource reads it."""
        fields = dict(line.partition(": ")[::2] for line in text.split("\n") if line)
        self.last_id = fields.get("id", self.last_id)
        self.retry = int(fields["retry"]) if "retry" in fields else self.retry
        if "data" not in fields:
            return None
        return fields.get("event", "message"), json.loads(fields["data"])

    async def take(self, count):
        """``count`` points as values, in order."""
        values = []
        while len(values) < count:
            name, data = await self.next()
            assert name == "message", (name, data)
            values.append(data["value"])
        return values
