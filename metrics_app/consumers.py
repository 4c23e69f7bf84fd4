"""The WebSocket of ``/ws/metrics/``: who may open it, and how it is closed."""

import asyncio

from django.db import Error as DatabaseError

from metrics_app import access
from metrics_app.crowd import get_crowd
from metrics_app.live_socket import LiveSocket
from metrics_app.outbox import LEFT

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
        get_crowd().dismiss(socket)
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
    credential = access.read_headers(scope)
    if not credential.is_key and not access.is_own_origin(scope):
        return None, "forbidden"
    crowd = get_crowd()
    try:
        who = await crowd.hub.ask(("who", credential), access.find_who, credential)
    except DatabaseError:
        return None, "unavailable"
    if who is None or not access.may_stream(who):
        return None, "gone" if who is None else "forbidden"
    socket = LiveSocket(credential, who, send)
    crowd.admit(socket)
    return socket, None
