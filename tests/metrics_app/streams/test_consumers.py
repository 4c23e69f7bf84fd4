"""The WebSocket as a client meets it, on both servers."""

import asyncio
import json

import pytest
import websockets

from metrics_app.services.keys import create_key
from tests.metrics_app.streams.servers import receive, send

pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_takes_a_snapshot_and_then_every_point(server, read_key, emit_now, in_thread):
    await in_thread(emit_now, "er.wait", [1.0, 2.0])
    async with server.connect(**{"X-API-Key": read_key}) as socket:
        await send(socket, type="subscribe", topics=["er.*"])
        snapshot = await receive(socket)
        assert snapshot["type"] == "snapshot"
        assert [value for _, value in snapshot["points"]] == [1.0, 2.0]
        assert snapshot["kpi"]["name"] == "er.wait"
        epoch, offset = snapshot["position"].split(":")
        assert offset == "2"
        await in_thread(emit_now, "er.wait", [3.0])
        frame = await receive(socket)
        assert (frame["type"], frame["position"]) == ("points", f"{epoch}:3")
        assert [value for _, value in frame["points"]] == [3.0]
        await in_thread(emit_now, "er.left", [7.0])
        joined = await receive(socket)
        assert (joined["type"], joined["topic"]) == ("snapshot", "er.left")
        await send(socket, type="ping")
        assert (await receive(socket))["type"] == "pong"
