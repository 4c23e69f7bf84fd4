"""What every request must keep to before Django sees it: how long, how large and of what kind its body is.

Django waits for a body as long as it may take, and writes to disk whatever comes. A sender that
stops in the middle would hold its connection for ever, and one that never stops would fill the disk.
"""

import asyncio
import json
import time

from django.conf import settings

from metrics_app.api.errors import is_for_programs

LARGEST = 6_000_000  # bytes of a body; what a view takes is less, and what it says of more is more exact
IGNORED = 60_000_000  # bytes of a body that is refused which are read, so that its sender hears why
REASONS = {
    408: "The body stopped for {idle} s, or was not whole after {seconds} s: send it again.",
    413: f"The body is over {LARGEST:,} bytes.",
    415: "Content-Type multipart/form-data is not understood here: expected application/json.",
}


def bound_requests(application):
    """The ASGI application, with these bounds around it."""

    async def serve(scope, receive, send):
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        request = BoundedRequest(scope, receive, send)
        if status := request.find_fault():
            await request.turn_away(status)
        else:
            await application(scope, request.receive, request.send)

    return serve


class BoundedRequest:
    """One request: its body in pieces, and whether it was answered."""

    def __init__(self, scope, receive, send):
        # A body may take its time; what its sender's clock says is as of now.
        scope["metrics_app.arrived"] = time.time_ns() // 1_000_000
        self.scope, self.receive_next, self.send_on = scope, receive, send
        self.headers = dict(scope["headers"])
        self.ends = asyncio.get_running_loop().time() + settings.REQUEST_SECONDS
        self.size, self.is_whole, self.is_answered, self.is_refused = 0, False, False, False

    def find_fault(self):
        """The status with which its headers alone are refused, or None."""
        length = self.headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > LARGEST:
            return 413
        kind = self.headers.get(b"content-type", b"").lstrip().lower()
        # Pages have forms with files; programs send no form.
        if kind.startswith(b"multipart/form-data") and is_for_programs(self.scope["path"]):
            return 415
        return None

    async def receive(self):
        """The next message for the application; of a request that is turned away its end."""
        if self.is_whole or self.is_refused:
            return await self.receive_next()
        try:
            message = await self.receive_piece()
        except TimeoutError:
            return await self.refuse(408)
        if self.size > LARGEST:
            return await self.turn_away(413)
        return message

    async def receive_piece(self):
        """The next part of the body; TimeoutError where it comes too late."""
        left = self.ends - asyncio.get_running_loop().time()
        async with asyncio.timeout(max(0, min(settings.REQUEST_IDLE, left))):
            message = await self.receive_next()
        self.size += len(message.get("body", b""))
        self.is_whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def turn_away(self, status):
        """Reads what is still coming, within bounds, and answers with an error."""
        try:
            while not self.is_whole and self.size <= IGNORED:
                await self.receive_piece()
        except TimeoutError:
            pass  # it hears what was wrong from the beginning
        return await self.refuse(status)

    async def refuse(self, status):
        """Answers with an error where nothing was answered; for the application the client has left."""
        if not self.is_answered:
            bounds = {"idle": settings.REQUEST_IDLE, "seconds": settings.REQUEST_SECONDS}
            message = REASONS[status].format(**bounds)
            body = json.dumps({"errors": [{"field": None, "message": message}]}).encode()
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"cache-control", b"no-store"),
                (b"x-content-type-options", b"nosniff"),
                (b"connection", b"close"),
            ]
            await self.send_on({"type": "http.response.start", "status": status, "headers": headers})
            await self.send_on({"type": "http.response.body", "body": body})
        self.is_refused = True
        return {"type": "http.disconnect"}

    async def send(self, message):
        """Sends what the application answers, unless the request was refused meanwhile."""
        if not self.is_refused:
            self.is_answered = True
            await self.send_on(message)
