"""One connection's way out: a bounded queue and the only task that writes to the socket."""

import asyncio
from collections import deque

from metrics_app.streams import starting

try:
    # Daphne sends WebSockets by autobahn, whose own error is not the OSError that ASGI asks for.
    from autobahn.exception import Disconnected
except ImportError:
    Disconnected = OSError  # another server, which keeps to it

LEFT = (OSError, Disconnected)  # what ``send`` raises when the reader has left
# A reader this far behind gets no more frames queued: what it missed is read from
# the log, merged, once it has caught up with what it was already sent.
LIMIT = 512_000  # bytes
PATIENCE = 30  # seconds a reader may stay over the limit before it is given up


class Outbox:
    """Messages for one socket, in order. ``put`` never waits; ``wait_ready`` is for bulk.

    The bound is a promise of the callers: bulk waits, live frames are merged when
    ``full``, and what remains (errors, states, pongs) is small.
    """

    def __init__(self, send):
        self.send = send
        self.queue = deque()
        self.size = 0  # bytes queued and not yet taken by the socket
        self.sent = 0  # bytes the socket has taken
        self.full_since = None
        self.sending_since = None  # when the socket was given what it has not taken yet
        self.writer, self.waker, self.begun = None, None, None
        self.ready = None
        self.loop = asyncio.get_running_loop()

    @property
    def full(self):
        """Whether frames have to be merged instead of queued."""
        return self.size > LIMIT

    @property
    def too_slow(self):
        """Whether the reader takes nothing, or stays over the limit, for longer than anyone waits."""
        latest = self.loop.time() - PATIENCE
        return any(since is not None and since < latest for since in (self.full_since, self.sending_since))

    def put(self, message, size):
        """Queues an ASGI message of ``size`` bytes, or writes it now where the socket takes it at once."""
        self.size += size
        if self.waker is not None and not self.waker.done():
            self.begin(message, size)
        else:
            self.queue.append((message, size))
        if self.size > LIMIT and self.full_since is None:
            self.full_since = self.loop.time()

    def begin(self, message, size):
        """Starts sending for the writer, who is woken only for what cannot be finished now."""
        try:
            rest = starting.start(self.send(message), self.writer, self.loop)
        except Exception as error:
            self.waker.set_exception(error)
            return
        if rest is None:
            self.size -= size
            self.sent += size
        else:
            self.begun = rest, size
            self.sending_since = self.loop.time()
            self.waker.set_result(None)

    async def wait_ready(self):
        """Returns once the reader has taken at least half of what was queued."""
        while self.size > LIMIT // 2:
            if self.ready is None:
                self.ready = self.loop.create_future()
            await asyncio.shield(self.ready)

    async def run(self):
        """Writes until what ``finish`` was called after is written, or the reader has left."""
        self.writer = asyncio.current_task()
        try:
            while await self.write_queue():
                self.sending_since = None
                self.waker = self.loop.create_future()
                await self.waker
                if self.begun is not None:
                    (sending, size), self.begun = self.begun, None
                    await sending
                    self.note_taken(size)
        except LEFT:
            return  # servers say so when the reader has left, and tell the application by itself
        finally:
            self.waker = None
            if self.begun is not None:
                self.begun[0].cancel()

    async def write_queue(self):
        """Writes all that is queued; False at the end of it all."""
        while self.queue:
            message, size = self.queue.popleft()
            if message is None:
                return False
            self.sending_since = self.loop.time()
            await self.send(message)
            self.note_taken(size)
        return True

    def note_taken(self, size):
        """The socket has taken so many bytes; whoever waited may go on once half of the room is free."""
        self.size -= size
        self.sent += size
        if self.size <= LIMIT // 2:
            self.full_since = None
            if self.ready is not None:
                self.ready.set_result(None)
                self.ready = None

    def finish(self):
        """Lets ``run`` return once all that is queued now has been written."""
        self.queue.append((None, 0))
        if self.waker is not None and not self.waker.done():
            self.waker.set_result(None)

    def drop(self):
        """Forgets what has not been written, for a connection that is given up."""
        self.queue.clear()
        self.size = 0
