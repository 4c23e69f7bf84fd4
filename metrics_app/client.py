"""``emit``: a number in one line, from any Python program; no Django, no NumPy.

``emit`` appends to a bounded buffer. One daemon thread, started by the first
point, sends what waits: over HTTP (``HMS_URL`` and ``HMS_KEY``), or inside the
project straight to its bus. It survives a fork: the child starts with an empty
buffer and a thread of its own, and the parent sends what was the parent's.

When the buffer is full the newest points are dropped: the oldest have waited
longest and tell when the trouble began. ``dropped`` and ``sent`` count points, so
that no loss is silent.
"""

import atexit
import logging
import os
import threading
import time
import uuid
from collections import deque
from decimal import Decimal
from numbers import Real

from metrics_app.core.points import check_topic, check_ts, check_value
from metrics_app.transport import HttpTransport, Refused

logger = logging.getLogger(__name__)

CAPACITY = 100_000  # points that wait
BATCH = 10_000  # points of one request
BATCH_EARLY = 1_000  # points that end a pause
PAUSE = 0.05  # seconds between two batches
LINGER = 0.005  # seconds the first point after a pause waits for company
KNOWN_TOPICS = 10_000  # checked topics remembered
FIRST_WAIT, LONGEST_WAIT = 0.1, 10  # seconds before a retry; doubled each time
RETRY_FOR = 300  # seconds a batch is retried before it is dropped
FLUSH_AT_EXIT = 2  # seconds
BIG = 1e308  # beyond it a float is looked at twice


class Client:
    """A buffer and the thread that empties it; the module has one, and ``emit`` is its method."""

    def __init__(self, transport=None):
        self.transport = transport
        self.restart()

    def restart(self):
        """An empty buffer and no thread yet: at the start, and in the child of a fork."""
        self.buffer, self.topics, self.warned = deque(), set(), set()
        self.thread = None
        self.wake, self.hurry = threading.Event(), threading.Event()
        self.settled = threading.Condition()  # guards the counters
        self.sending = self.sent = self.dropped = 0

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
        now = time.time_ns() // 1_000_000
        if ts is not None:
            now = check_ts(ts, now=now)
        buffer = self.buffer
        if len(buffer) >= CAPACITY:
            self.count(dropped=1)
            return
        buffer.append((topic, value, now))
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
        """Wakes the sender; makes its thread on the first point."""
        self.wake.set()
        with self.settled:
            if self.thread is not None and self.thread.is_alive():
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

    def run(self):
        """The thread: sends what waits, sleeps while nothing does."""
        next_at = 0.0
        while self.wake.wait():
            self.hurry.wait(max(LINGER, next_at - time.monotonic()))
            next_at = time.monotonic() + PAUSE
            # First the flags, then the buffer: a point that comes between sets them again.
            self.wake.clear()
            self.hurry.clear()
            while rows := self.take():
                try:
                    self.deliver(rows)
                finally:
                    self.count(sending=-len(rows))

    def take(self):
        """Up to one batch of rows, counted as being sent."""
        with self.settled:
            rows = [self.buffer.popleft() for _ in range(min(BATCH, len(self.buffer)))]
            self.sending += len(rows)
        return rows

    def deliver(self, rows):
        """Sends rows, or drops and counts them."""
        if self.transport is None:
            self.transport = find_transport()
        if self.transport is None:
            self.drop(rows, "set HMS_URL and HMS_KEY, or run inside a project with metrics_app")
            return
        try:
            self.send(rows)
        except Refused as error:
            topics = {}
            for row in rows:
                topics.setdefault(row[0], []).append(row)
            if not error.apart or len(topics) == 1:
                self.drop(rows, error)
                return
            # A topic that is refused must not take the others of its batch with it.
            for part in topics.values():
                self.deliver(part)

    def send(self, rows):
        """Tries under one batch id until the rows are accepted; Refused when they will not be."""
        batch_id, wait = uuid.uuid4().hex, FIRST_WAIT
        give_up = time.monotonic() + RETRY_FOR
        while True:
            try:
                self.transport(rows, batch_id)
                self.count(sent=len(rows))
                return
            except Refused:
                raise
            except Exception as error:  # whatever the world's fault is, the caller never hears of it
                pause = max(wait, getattr(error, "retry_after", 0))
                if time.monotonic() + pause > give_up:
                    raise Refused(f"given up: {error}", apart=pause > RETRY_FOR) from error
                self.warn(f"metrics wait: {error}")
            time.sleep(pause)
            wait = min(wait * 2, LONGEST_WAIT)

    def drop(self, rows, why):
        """Counts rows as lost, and says why once."""
        self.count(dropped=len(rows))
        self.warn(f"metrics are dropped: {why}")

    def count(self, *, sent=0, dropped=0, sending=0):
        """Moves the counters, and tells those who wait in ``flush``."""
        with self.settled:
            self.sent += sent
            self.dropped += dropped
            self.sending += sending
            self.settled.notify_all()

    def warn(self, message):
        """Logs each message once, and at most a hundred different ones."""
        if message not in self.warned and len(self.warned) < 100:
            self.warned.add(message)
            logger.warning("%s", message)

    def flush(self, timeout=None):
        """Waits until all points were sent or dropped; False if ``timeout`` seconds were not enough."""
        if self.buffer:
            self.hurry.set()
            self.start()
        with self.settled:
            return self.settled.wait_for(lambda: not self.buffer and not self.sending, timeout)


def read_number(value):
    """Any real number as a float: NumPy's and Decimal's too. ValueError unless it is finite."""
    if isinstance(value, (Real, Decimal)) and not isinstance(value, bool):
        try:
            return check_value(float(value))
        except OverflowError:
            pass
    return check_value(value)


def find_transport():
    """HTTP to ``HMS_URL`` with ``HMS_KEY``; None where the environment names no address."""
    url = os.environ.get("HMS_URL")
    return HttpTransport(url, os.environ.get("HMS_KEY", "")) if url else None


def configure(url=None, key="", *, transport=None):
    """Sends over HTTP to ``url`` with ``key``, or through a transport of your own.

    Called without arguments it goes back to the environment.
    """
    default.transport = transport or (HttpTransport(url, key) if url else None)


def use_transport(transport):
    """The project's own bus, unless ``HMS_URL`` names another server."""
    if not os.environ.get("HMS_URL"):
        default.transport = transport


def flush_at_exit():
    """Gives what waits a last chance, and says what was left behind."""
    if not default.flush(FLUSH_AT_EXIT):
        logger.warning("%d metrics were not sent", len(default.buffer) + default.sending)


def __getattr__(name):
    """``dropped`` and ``sent``: points so far in this process."""
    if name in ("dropped", "sent"):
        return getattr(default, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


default = Client()
emit, flush = default.emit, default.flush
atexit.register(flush_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=default.restart)
