"""The end of a process: streams are told first, then the server stops as it does without them.

The first SIGTERM or SIGINT goes to ``Shutdown`` instead of the server, which takes requests
until every stream has been told and has ended; the second goes on at once. No flag is needed:
it sets itself up with the first request, where a server it knows has set the handlers.
"""

import asyncio
import gc
import logging
import signal
import weakref

from metrics_app.streams.hosts import find_host, find_owner, wait_until
from metrics_app.streams.visitors import find_visitors

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)
ALL = 4.0  # seconds from the signal until the server waits for nobody any more
HURRY = 0.5  # the same from a second signal
TELL = 3.0  # seconds of these for streams to end
LOOK = 0.5  # seconds between two looks whether the server stops by itself

by_loop = weakref.WeakKeyDictionary()  # event loop -> Shutdown


def get_shutdown():
    """The Shutdown of the running event loop, set up when first asked for."""
    loop = asyncio.get_running_loop()
    if loop not in by_loop:
        by_loop[loop] = Shutdown(loop)
    return by_loop[loop]


class Shutdown:
    """How this process leaves; without a server it knows it never does anything."""

    def __init__(self, loop):
        self.loop, self.host = loop, find_host()
        self.is_stopping, self.is_over = False, False
        self.previous, self.signals = {}, []
        self.tasks = []
        if self.host is not None:
            self.set_up()

    def set_up(self):
        """Takes the place of the server's handlers, and bounds what it waits for."""
        self.host.bound(ALL)
        for number in SIGNALS:
            if find_owner(number) is self.host.owner:
                self.previous[number] = signal.signal(number, self.receive)
        self.tasks.append(self.loop.create_task(self.watch()))

    def receive(self, number, frame):
        """A signal: the first begins the end, another one takes the server there at once."""
        if self.is_over:
            self.previous[number](number, frame)
            return
        self.signals.append(number)
        if len(self.signals) > 1:
            self.hand_over(HURRY)
        else:
            self.loop.call_soon_threadsafe(self.begin)

    async def watch(self):
        """Begins the end, too late to keep the door open, where the server stops without a signal."""
        while not self.is_stopping:
            await asyncio.sleep(LOOK)
            if self.host.is_leaving():
                self.begin()

    def begin(self):
        """From now on streams are told that it ends."""
        if not self.is_stopping:
            self.is_stopping = True
            self.tasks.append(self.loop.create_task(self.leave()))

    async def leave(self):
        """Tells every stream, waits until they have ended, and lets the server stop."""
        end = self.loop.time() + ALL
        try:
            visitors = find_visitors()
            if visitors is not None:
                visitors.leave()
                await wait_until(lambda: not visitors.visitors, TELL)
            await self.host.drain(end - self.loop.time())
        except Exception:
            logger.exception("The streams were not ended in order")
        finally:
            self.hand_over(max(end - self.loop.time(), HURRY))

    def hand_over(self, seconds):
        """The server gets what it would have got without us, and waits for nobody after so many seconds."""
        if self.is_over:
            return
        self.is_over = True
        # At its end the interpreter would look for garbage once more among a million objects, which on a busy
        # machine takes seconds, in which nobody answers at this port.
        gc.freeze()
        self.host.bound(seconds)
        for number, handler in self.previous.items():
            # Whoever came after us and calls us goes on doing so.
            if find_owner(number) is self:
                signal.signal(number, handler)
        for number in self.signals:
            self.previous[number](number, None)
