"""On real servers: whoever opens a connection and does not finish a request is not waited for for ever."""

import asyncio
import contextlib

import pytest

from tests.metrics_app.streams.servers import Server

HEAD = b"POST /api/v1/points/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
FORM = HEAD.replace(b"application/json", b"multipart/form-data") + b"Connection: close\r\n"


async def talk(port, first, drip=b""):
    """What the server answers until it ends the connection, while ``drip`` is said again and again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(first)

    async def go_on():
        with contextlib.suppress(ConnectionError):
            while drip:
                await asyncio.sleep(0.1)
                writer.write(drip)
                await writer.drain()

    going = asyncio.create_task(go_on())
    try:
        async with asyncio.timeout(30):
            return await reader.read()
    except ConnectionResetError:
        return b"reset"
    finally:
        going.cancel()
        writer.close()


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
def test_a_request_that_never_ends_is_dropped(kind):
    server = Server(kind, REQUEST_IDLE=1, REQUEST_SECONDS=1)
    try:
        headers, lines, body, form = asyncio.run(ask(server.port, HEAD))
    finally:
        server.stop()
    for answer in (headers, lines, body):
        assert answer.startswith(b"HTTP/1.1 408") or answer == b"reset"
    assert b"HTTP/1.1 408" in headers + lines + body
    # Daphne took forms apart before anybody was asked, and refused this one with a bare 400.
    assert form.startswith(b"HTTP/1.1 415") and b"multipart/form-data is not understood here" in form


async def ask(port, head):
    """The answers to headers that stop, others that drip, a body that stops, and a form without boundary."""
    return await asyncio.gather(
        talk(port, head),
        talk(port, head, b"X-A: b\r\n"),
        talk(port, head + b"Content-Length: 9\r\n\r\n"),
        talk(port, FORM + b"Content-Length: 3\r\n\r\nabc"),
    )
