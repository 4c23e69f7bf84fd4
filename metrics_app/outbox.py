"""One connection's way out: a bounded queue and the only task that writes to the socket."""

import asyncio
from collections import deque

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
        self.waker = None
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
        """Queues an ASGI message of ``size`` bytes."""
        self.queue.append((message, size))
        self.size += size
        if self.size > LIMIT and self.full_since is None:
            self.full_since = self.loop.time()
        if self.waker is not None and not self.waker.done():
            self.waker.set_result(None)

    async def wait_ready(self):
        """Returns once the reader has taken at least half of what was queued."""
        while self.size > LIMIT // 2:
            if self.ready is None:
                self.ready = self.loop.create_future()
            await asyncio.shield(self.ready)

    async def run(self):
        """Writes until what ``finish`` was called after is written, or the reader has left."""
        queue, send, clock = self.queue, self.send, self.loop.time
        try:
            while True:
                while queue:
                    message, size = queue.popleft()
                    if message is None:
                        return
                    self.sending_since = clock()
                    await send(message)
                    self.size -= size
                    self.sent += size
                    if self.size <= LIMIT // 2 and (self.ready or self.full_since is not None):
                        self.recover()
                self.sending_since = None
                self.waker = self.loop.create_future()
                await self.waker
        except OSError:
            return  # servers say so when the reader has left, and tell the application by itself

    def recover(self):
        """The reader has caught up with its queue: whoever waited may go on."""
        self.full_since = None
        if self.ready is not None:
            self.ready.set_result(None)
            self.ready = None

    def finish(self):
        """Lets ``run`` return once all that is queued now has been written."""
        self.put(None, 0)

    def drop(self):
        """Forgets what has not been written, for a connection that is given up."""
        self.queue.clear()
        self.size = 0
