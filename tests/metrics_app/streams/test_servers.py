"""What is promised of streams on real servers: Daphne and uvicorn."""

import asyncio
import socket
import time

import httpx
import pytest
from django.db import connection

from tests.metrics_app.streams.servers import Server, receive, send

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]


async def test_it_loses_and_repeats_nothing(server, credentials, emit_now, in_thread):
    """A life of a stream on one server: burst, disconnect, resume, reset, refusal."""
    await in_thread(emit_now, "er.wait", [0.0])
    async with server.stream("topic=er.wait", **credentials) as events:
        await in_thread(emit_now, "er.wait", [float(number) for number in range(10_000)])
        assert [value for _, value in await events.take(10_000)] == [float(n) for n in range(10_000)]
    # The client has left: the server must notice by itself.
    await server.wait_for_streams(0)
    await in_thread(emit_now, "er.wait", [1.0])
    async with server.stream("topic=er.wait", **credentials, **{"Last-Event-ID": events.last_id}) as events:
        await in_thread(emit_now, "er.wait", [2.0])
        assert [value for _, value in await events.take(2)] == [1.0, 2.0]
    forged = {"Last-Event-ID": "deadbeef:1"}
    async with server.stream("topic=er.wait", **credentials, **forged) as events:
        assert (await events.next())[0] == "reset"
    async with server.stream("topic=er.wait") as events:
        assert events.response.status_code == 401


async def test_it_ends_sockets_whose_client_has_vanished(server, credentials, emit_now, in_thread):
    await in_thread(emit_now, "er.wait", [1.0])
    async with server.connect(**credentials) as client:
        await send(client, type="subscribe", topics=["er.wait"])
        assert (await receive(client))["type"] == "snapshot"
        await in_thread(emit_now, "er.wait", [3.0])
        assert (await receive(client))["points"][0][1] == 3.0
        client.transport.abort()
    await server.wait_for_streams(0)
    async with server.connect() as client:
        await client.wait_closed()
        assert client.close_code == 4401


async def test_it_goes_on_when_the_server_comes_back(start_server, credentials, emit_now, in_thread):
    first = await in_thread(start_server, "uvicorn")
    await in_thread(emit_now, "er.wait", [1.0])
    async with first.stream("topic=er.wait", **credentials) as events:
        await in_thread(emit_now, "er.wait", [2.0])
        await events.take(1)
    first.stop()
    await in_thread(emit_now, "er.wait", [3.0, 4.0])
    second = await in_thread(Server, "uvicorn", first.port)
    try:
        header = credentials | {"Last-Event-ID": events.last_id}
        async with second.stream("topic=er.wait", **header) as events:
            assert [value for _, value in await events.take(2)] == [3.0, 4.0]
    finally:
        second.stop()


def open_and_never_read(server, request):
    """A socket that sends a request and then reads nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", server.port))
    client.sendall(request.encode())
    return client


@pytest.mark.slow
async def test_it_bounds_what_a_reader_that_never_reads_costs(
    start_server, credentials, emit_now, in_thread, read_key
):
    """On uvicorn, whose send waits for the socket: memory stays flat and nobody is delayed."""
    server = await in_thread(start_server, "uvicorn")
    await in_thread(emit_now, "er.wait", [0.0])

    async def time_bursts(rounds):
        """Seconds until a quick reader had each of so many bursts; the median."""
        delays = []
        for _ in range(rounds):
            start, seen = time.monotonic(), 0
            await in_thread(emit_now, "er.wait", [1.0] * 5_000)
            while seen < 5_000:
                frame = await receive(quick)
                seen += len(frame.get("points", ())) + sum(row[1] for row in frame.get("rows", ()))
            delays.append(time.monotonic() - start)
        return sorted(delays)[rounds // 2]

    request = f"GET /metrics/stream?topic=er.wait HTTP/1.1\r\nHost: x\r\nX-API-Key: {read_key}\r\n\r\n"
    async with server.connect(**credentials) as quick:
        await send(quick, type="subscribe", topics=["er.wait"])
        await receive(quick)
        alone = await time_bursts(5)
        stuck = [await in_thread(open_and_never_read, server, request) for _ in range(10)]
        await server.wait_for_streams(11)
        before = server.memory()
        beside_the_stuck = await time_bursts(20)
        # 100,000 points are 7 MB of events for each of the ten, 70 MB if they were kept.
        assert server.memory() - before < 40_000_000
        # Ten more readers cost their work; who waited for one of them would wait for ever.
        assert beside_the_stuck < max(1, 15 * alone)
    for client in stuck:
        client.close()
    await server.wait_for_streams(0)


@pytest.mark.slow
async def test_it_drops_a_socket_that_answers_no_ping(start_server, in_thread, read_key):
    """On Daphne, whose send does not wait: a reader that is stuck is found by pings."""
    server = await in_thread(start_server, "daphne")
    lines = [
        "GET /ws/metrics/ HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", f"X-API-Key: {read_key}",
    ]  # fmt: skip
    client = await in_thread(open_and_never_read, server, "\r\n".join([*lines, "", ""]))
    await server.wait_for_streams(1)
    await server.wait_for_streams(0, timeout=60)
    client.close()


async def open_stream(server, cookie):
    """A logged-in stream over a bare socket, once its first bytes have come: ``(status line, writer)``."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    lines = ["GET /metrics/stream?topic=er.wait HTTP/1.1", "Host: localhost", cookie, "", ""]
    writer.write("\r\n".join(lines).encode())
    head = await reader.readuntil(b"retry: ")
    return head.split(b"\r\n", 1)[0], writer


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="a promise about PostgreSQL's connections")
@pytest.mark.slow
async def test_it_leaves_the_site_its_database(server, emit_now, in_thread, log_in):
    """15 people with 20 streams each; a PostgreSQL has 100 connections."""
    await in_thread(emit_now, "er.wait", [1.0])
    cookies = [await in_thread(log_in, f"person{number}") for number in range(15)]
    opened = await asyncio.gather(*(open_stream(server, f"Cookie: {cookie}") for cookie in cookies * 20))
    assert {status for status, _ in opened} == {b"HTTP/1.1 200 OK"}
    async with httpx.AsyncClient(headers={"Cookie": cookies[0]}) as client:
        answers = await asyncio.gather(*(client.get(f"{server.url}/api/v1/kpis/") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert await in_thread(count_connections) < 40
    for _, writer in opened:
        writer.close()
    await server.wait_for_streams(0)


def count_connections():
    """Connections that are open to the test's database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return cursor.fetchone()[0]
