"""The WebSocket of ``/ws/metrics/``: who may open it, and how it is closed."""

import asyncio

from django.db import Error as DatabaseError

from metrics_app.streams import credentials
from metrics_app.streams.outbox import LEFT
from metrics_app.streams.visitors import get_visitors
from metrics_app.streams.websocket import LiveSocket

CODES = {"gone": 4401, "forbidden": 4403, "slow": 4408, "replaced": 4429, "unavailable": 1013}
LAST_WORD = 60  # seconds a slow reader may take to learn why it is closed


async def websocket(scope, receive, send):
    """The ASGI application. It accepts before it refuses, so that browsers see the close code."""
    if (await receive())["type"] != "websocket.connect":
        return
    await send({"type": "websocket.accept"})
    socket, refusal = await admit(scope, send)
    if refusal:
        await close(send, refusal)
        return
    try:
        await socket.run(receive)
    finally:
        get_visitors().dismiss(socket)
        socket.leave()
    if socket.reason:
        await close(send, socket.reason)


async def close(send, reason):
    """Closes with the code; a reader that takes nothing is not waited for for ever."""
    try:
        async with asyncio.timeout(LAST_WORD):
            await send({"type": "websocket.close", "code": CODES[reason]})
    except (*LEFT, TimeoutError):
        pass  # it has left, or will not learn why


async def admit(scope, send):
    """``(LiveSocket, None)``, or ``(None, reason)`` for who may not connect."""
    credential = credentials.read_headers(scope)
    if not credential.is_key and not credentials.is_own_origin(scope):
        return None, "forbidden"
    visitors = get_visitors()
    try:
        who = await visitors.hub.ask(("who", credential), credentials.find_who, credential)
    except DatabaseError:
        return None, "unavailable"
    if who is None or not credentials.may_stream(who):
        return None, "gone" if who is None else "forbidden"
    socket = LiveSocket(credential, who, send)
    visitors.admit(socket)
    return socket, None
