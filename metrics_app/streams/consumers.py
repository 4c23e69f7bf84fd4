"""The WebSocket of ``/ws/metrics/``: who may open it, and how it is closed."""

import asyncio

from django.db import Error as DatabaseError

from metrics_app.streams import credentials
from metrics_app.streams.outbox import LEFT
from metrics_app.streams.shutdown import get_shutdown
from metrics_app.streams.visitors import FAREWELL, get_visitors
from metrics_app.streams.websocket import LiveSocket

CODES = {
    "gone": 4401,
    "forbidden": 4403,
    "slow": 4408,
    "replaced": 4429,
    "unavailable": 1013,
    "leaving": 1012,
}
PRIVATE = 4000  # codes from here on mean what an application says
FOR_DAPHNE = 3000  # added to the others there: 1012 is 4012
LAST_WORD = 60  # seconds a slow reader may take to learn why it is closed


async def websocket(scope, receive, send):
    """The ASGI application. It accepts before it refuses, so that browsers see the close code."""
    if (await receive())["type"] != "websocket.connect":
        return
    await send({"type": "websocket.accept"})
    socket, refusal = await admit(scope, send)
    if refusal:
        await close(scope, send, refusal)
        return
    try:
        await socket.run(receive)
    finally:
        get_visitors().dismiss(socket)
        socket.leave()
    if socket.reason:
        await close(scope, send, socket.reason)


async def close(scope, send, reason):
    """Closes with the code; a reader that takes nothing is not waited for for ever."""
    try:
        async with asyncio.timeout(FAREWELL if reason == "leaving" else LAST_WORD):
            await send({"type": "websocket.close", "code": find_code(scope, reason)})
    except (*LEFT, TimeoutError):
        pass  # it has left, or will not learn why


def find_code(scope, reason):
    """The close code of a reason; Daphne may send none of those that the protocol itself has kept."""
    code = CODES[reason]
    return code if code >= PRIVATE or "spec_version" in scope.get("asgi", {}) else code + FOR_DAPHNE


async def admit(scope, send):
    """``(LiveSocket, None)``, or ``(None, reason)`` for who may not connect."""
    if get_shutdown().is_stopping:
        return None, "leaving"
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
