"""The project's ASGI application, which also says how many streams are running in it."""

import os

from hms_gov.asgi import application as project
from metrics_app.streams import sse

running = 0
# ms after which clients come back, where a test cuts them off often.
if retry := int(os.environ.get("HMS_TEST_RETRY", 0)):
    sse.RETRY = (retry, retry)


async def application(scope, receive, send):
    """``/running`` answers the number; everything else is the project's."""
    global running
    if scope["path"] == "/running":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(running).encode()})
        return
    is_stream = scope["path"] in ("/metrics/stream", "/mkt/metrics/stream", "/ws/metrics/")
    running += is_stream
    try:
        await project(scope, receive, send)
    finally:
        running -= is_stream
