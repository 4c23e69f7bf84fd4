"""Server-Sent Events at ``/metrics/stream`` and ``/mkt/metrics/stream``, beside Django's request handler.

An open stream holds a task and a socket: no thread, no database connection.
"""

import logging
import time

import msgspec
from django.db import Error as DatabaseError

from metrics_app.core.stream_query import read_query
from metrics_app.exceptions import BadInput, BusUnavailable, NotVisible, Refused, TooMany
from metrics_app.streams import credentials
from metrics_app.streams.endpoints import PartnerEndpoint, ReaderEndpoint
from metrics_app.streams.shutdown import get_shutdown
from metrics_app.streams.sse import RESTART, UNAVAILABLE, encode_end
from metrics_app.streams.visitors import get_visitors

logger = logging.getLogger(__name__)

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


class StreamApplication:
    """The ASGI application; its door says who may enter, and what for."""

    def __init__(self, door):
        self.door = door

    async def __call__(self, scope, receive, send):
        """Serves one request."""
        is_stopping = get_shutdown().is_stopping
        hub = get_visitors().hub
        send = add_headers(send, await self.door.find_headers(hub, scope))
        try:
            check_method(scope)
            if is_stopping:
                await send_whole(send, 200, HEADERS, encode_end("unavailable", RESTART))
                return
            stream = await self.open(hub, scope, send)
        except Refused as refused:
            await send_refusal(send, refused)
        except NotVisible as error:
            await send_refusal(send, Refused(403, str(error), "topic"))
        except BadInput as error:
            await send_refusal(send, Refused(400, str(error), error.errors[0]["field"]))
        except (BusUnavailable, DatabaseError, TooMany) as error:
            logger.warning("A stream was put off: %s", error)
            await send_whole(send, 200, HEADERS, UNAVAILABLE)
        else:
            await self.serve(stream, scope, receive, send)

    async def open(self, hub, scope, send):
        """The stream of a request, placed and ready; Refused and others where there is none."""
        credential = await self.door.find_credential(hub, scope)
        who = await hub.ask(("who", credential), credentials.find_who, credential)
        if who is None:
            raise await explain_refusal(hub, credential)
        last_event_id = credentials.read_header(scope, b"last-event-id")
        query = read_query(scope["query_string"], now=int(time.time() * 1000), last_event_id=last_event_id)
        stream = await self.door.admit(hub, scope, send, credential, who, query)
        stream.ends_early = "spec_version" not in scope.get("asgi", {})
        await stream.find_topics()
        return stream

    async def serve(self, stream, scope, receive, send):
        """Sends the stream until one side ends it."""
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        visitors = get_visitors()
        visitors.admit(stream)
        try:
            complete = await stream.run(receive)
        finally:
            visitors.dismiss(stream)
            stream.leave()
        # To a reader that takes nothing this would wait for ever: the server closes the socket instead.
        if complete:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def add_headers(send, headers):
    """``send``, which adds headers to the start of the response."""
    if not headers:
        return send

    async def send_more(message):
        if message["type"] == "http.response.start":
            message = message | {"headers": [*message["headers"], *headers]}
        await send(message)

    return send_more


def check_method(scope):
    """Refuses anything but GET and HEAD."""
    allow = [(b"allow", b"GET, HEAD, OPTIONS")]
    if scope["method"] == "OPTIONS":
        raise Refused(204, headers=allow)
    if scope["method"] not in ("GET", "HEAD"):
        raise Refused(405, f"{scope['method']} is not allowed here: use GET.", headers=allow)


async def explain_refusal(hub, credential):
    """204 tells the client of a revoked key to stop; all others learn how to log in."""
    if await hub.call(credentials.is_revoked, credential):
        return Refused(204)
    wanted = [(b"www-authenticate", b"Bearer")]
    if credential.is_key:
        return Refused(401, "This key is not known.", headers=wanted)
    return Refused(401, "Log in, or send a key as `Authorization: Bearer KEY`.", headers=wanted)


async def send_refusal(send, refused):
    """The errors of the contract, as JSON."""
    if refused.status == 204:
        await send_whole(send, 204, refused.headers, b"")
        return
    body = msgspec.json.encode({"errors": [{"field": refused.field, "message": str(refused)}]})
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    length = [(b"content-length", str(len(body)).encode())]
    await send_whole(send, refused.status, headers + length + refused.headers, body)


async def send_whole(send, status, headers, body):
    """A response in one piece."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


metrics_stream = StreamApplication(ReaderEndpoint())
partner_stream = StreamApplication(PartnerEndpoint())
