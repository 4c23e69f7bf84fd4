"""``emit``: a number in one line, from any Python program; no Django, no NumPy.

``emit`` appends to a bounded buffer. One daemon thread, started by the first
point, sends what waits: over HTTP (``HMS_URL`` and ``HMS_KEY``), or inside the
project straight to its bus. It survives a fork: the child starts with an empty
buffer and a thread of its own, and the parent sends what was the parent's.

When the buffer is full the newest points are dropped: the oldest have waited
longest and tell when the trouble began. ``dropped`` and ``sent`` count points, so
that no loss is silent: the next batch tells the server, and the end of the process the log.
"""

import atexit
import logging
import math
import os
import signal
import threading
import time
import weakref
from collections import deque

from metrics_app import ends
from metrics_app.core.durations import DAY_S
from metrics_app.core.points import check_topic, check_ts, read_number
from metrics_app.delivery import RETRY_FOR, Delivery
from metrics_app.outgoing import pack, read_ticks
from metrics_app.transport import HttpTransport

logger = logging.getLogger(__name__)

CAPACITY = 100_000  # points that wait
BATCH = 10_000  # points of one request
BATCH_EARLY = 1_000  # points that end a pause
PAUSE = 0.05  # seconds between two batches
LINGER = 0.005  # seconds the first point after a pause waits for company
KNOWN_TOPICS = 10_000  # checked topics remembered
FLUSH_AT_EXIT = 2  # seconds
BIG = 1e308  # beyond it a float is looked at twice
FAR = DAY_S  # seconds ahead of this machine's clock that are the caller's mistake; less may be the clock's

clients = weakref.WeakSet()


class Client(Delivery):
    """A buffer and the thread that empties it; the module has one, and ``emit`` is its method."""

    def __init__(self, transport=None):
        super().__init__(transport)
        clients.add(self)

    def restart(self):
        """An empty buffer and no thread yet: at the start, and in the child of a fork."""
        super().restart()
        self.buffer, self.topics = deque(), set()
        self.thread, self.close_by, self.logged = None, None, (0, 0)
        self.wake, self.hurry = threading.Event(), threading.Event()
        self.mouth = threading.Lock()  # whoever sends holds it

    def emit(self, topic, value=1, ts=None):
        """Sends a point in the background; ``ts`` is in ms or ISO 8601, by default now.

        Returns at once. ValueError for a malformed topic, value or ts; the world's
        faults are counted in ``dropped``.
        """
        try:
            if topic not in self.topics:
                self.remember(topic)
        except TypeError:
            check_topic(topic)
        kind = value.__class__
        if (kind is not float and kind is not int) or not -BIG < value < BIG:
            value = read_number(value)
        # What is stamped here is below 0, so that it is told from a time that was given: see ``outgoing``.
        ts = -read_ticks() if ts is None else check_ts(ts, now=time.time_ns() // 1_000_000, max_future=FAR)
        buffer = self.buffer
        if len(buffer) >= CAPACITY:
            self.count(dropped=1)
            return
        buffer.append((topic, value, ts))
        if not self.wake.is_set():
            self.start()
        if len(buffer) >= BATCH_EARLY and not self.hurry.is_set():
            self.hurry.set()

    def remember(self, topic):
        """Checks a topic once; ValueError."""
        check_topic(topic)
        if len(self.topics) >= KNOWN_TOPICS:
            self.topics.clear()
        self.topics.add(topic)

    def start(self):
        """Wakes the sender. At the end of the process its thread may come too late: then this waits."""
        self.wake_sender()
        if self.close_by is not None and not self.flush(max(0, self.close_by - time.monotonic())):
            self.warn("metrics that are emitted this late in the end of a process may be lost")

    def wake_sender(self):
        """Says that there is something to send; makes the thread on the first point."""
        self.wake.set()
        with self.settled:
            if self.is_running():
                return
            thread = threading.Thread(target=self.run, name="metrics_app.client", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                # The interpreter is ending, or the system has no thread left: the next point tries again.
                self.wake.clear()
                self.warn(f"metrics wait for a thread: {error}")
            else:
                self.thread = thread
                ends.call_at_end(finish)

    def is_running(self):
        """Whether there is a thread that sends."""
        return self.thread is not None and self.thread.is_alive()

    def run(self):
        """The thread: sends what waits, sleeps while nothing does."""
        next_at = 0.0
        while self.wake.wait():
            self.hurry.wait(max(LINGER, next_at - time.monotonic()))
            next_at = time.monotonic() + PAUSE
            # First the flags, then the buffer: a point that comes between sets them again.
            self.wake.clear()
            self.hurry.clear()
            self.empty()

    def empty(self):
        """Sends what waits, batch by batch."""
        with self.mouth:
            while rows := self.take():
                try:
                    for batch in pack(rows):
                        self.deliver(batch)
                finally:
                    self.count(sending=-len(rows))

    def take(self):
        """Up to one batch of rows, counted as being sent."""
        with self.settled:
            rows = [self.buffer.popleft() for _ in range(min(BATCH, len(self.buffer)))]
            self.sending += len(rows)
        return rows

    def flush(self, timeout=None):
        """Waits until all points were sent or dropped; False if ``timeout`` seconds were not enough."""
        if self.buffer:
            self.hurry.set()
            self.wake_sender()
            if not self.is_running():
                # Late in the end of an interpreter there are no new threads.
                self.until = time.monotonic() + (RETRY_FOR if timeout is None else timeout)
                self.empty()
                self.until = math.inf
        with self.settled:
            return self.settled.wait_for(lambda: not self.buffer and not self.sending, timeout)

    def close(self):
        """The end of the process. What is emitted afterwards is waited for: no thread may come to it."""
        self.finish()
        self.close_by = time.monotonic() + FLUSH_AT_EXIT

    def finish(self):
        """Gives what waits a last chance, and logs what was lost."""
        self.flush(FLUSH_AT_EXIT)
        lost = self.dropped, len(self.buffer) + self.sending
        if any(lost) and lost != self.logged:
            logger.warning("%d metrics were dropped, %d were not sent when the process ended", *lost)
        self.logged = lost


def configure(url=None, key="", *, transport=None):
    """Sends over HTTP to ``url`` with ``key``, or through a transport of your own.

    Called without arguments it goes back to the environment.
    """
    default.transport = transport or (HttpTransport(url, key) if url else None)


def use_transport(transport):
    """The project's own bus, unless ``HMS_URL`` names another server."""
    if not os.environ.get("HMS_URL"):
        default.transport = transport


def flush_on_sigterm():
    """Lets SIGTERM, which ends a process at once, wait up to 3 s for what is to be sent.

    Then it does what it did before: a handler that stands is called, else the process ends by the
    signal. For the main thread of a program, or as the ``initializer`` of a pool. Nobody calls it
    for you: a handler runs only between two steps of Python.
    """
    ends.before_signal(signal.SIGTERM, finish, FLUSH_AT_EXIT + 1)


def close():
    """The end of the process, for the client of the module; others flush where they are used."""
    default.close()


def finish():
    """The same where the process may go on for a while: nobody waits for what is emitted afterwards."""
    default.finish()


def restart_all():
    """In the child of a fork: every client starts empty, with locks that nobody holds."""
    for client in list(clients):
        client.restart()


def __getattr__(name):
    """``dropped`` and ``sent``: points so far in this process."""
    if name in ("dropped", "sent"):
        return getattr(default, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


default = Client()
emit, flush = default.emit, default.flush
atexit.register(close)
ends.call_at_end(finish)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=restart_all)
