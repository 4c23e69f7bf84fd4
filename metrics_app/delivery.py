"""How batches leave: each under one id until it is taken, in parts where some of it is refused.

What is refused is refused whole, so nothing of it was recorded: its parts go under ids of their own.
"""

import logging
import math
import os
import threading
import time
import uuid

from metrics_app.transport import HttpTransport, Refused

logger = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 0.1, 10  # seconds before a retry; doubled each time
RETRY_FOR = 300  # seconds a batch is retried before it is dropped


class Delivery:
    """Sends batches (``Outgoing``) through a transport and counts what came of them."""

    def __init__(self, transport=None):
        self.transport = transport
        self.restart()

    def restart(self):
        """Nothing sent, lost or told yet."""
        self.warned, self.until = set(), math.inf  # monotonic s; no retry goes beyond it
        self.settled = threading.Condition()  # guards the counters
        self.sending = self.sent = self.dropped = self.told = 0

    def find_transport(self):
        """The transport of the environment, kept once there is one; Refused, ValueError."""
        self.transport = find_transport()
        if self.transport is None:
            raise Refused("set HMS_URL and HMS_KEY, or run inside a project with metrics_app")
        return self.transport

    def deliver(self, batch):
        """Sends a batch, or drops and counts it; what is refused must not take the rest along."""
        try:
            self.send(batch, self.transport or self.find_transport())
        except (Refused, ValueError) as error:  # ValueError: HMS_URL is no address
            for part in self.part(batch, error):
                self.deliver(part)

    def part(self, batch, error):
        """What of a refused batch is worth another request; drops the rest."""
        refused = getattr(error, "refused", frozenset()) & frozenset(range(len(batch)))
        if refused:
            rest = batch.pick(index for index in range(len(batch)) if index not in refused)
            faulty = batch.pick(sorted(refused))
            if batch.clock is None:
                # A time that is ahead of the server but not of us was read from this machine's clock.
                return [part for part in (rest, faulty.on_this_clock()) if part]
            self.drop(faulty, error)
            return [rest] if rest else []
        topics = {}
        for index, row in enumerate(batch):
            topics.setdefault(row[0], []).append(index)
        if getattr(error, "apart", False) and len(topics) > 1:
            return [batch.pick(indexes) for indexes in topics.values()]
        self.drop(batch, error)
        return []

    def send(self, batch, transport):
        """Tries under one batch id until the rows are accepted; Refused when they will not be."""
        batch_id, wait = uuid.uuid4().hex, FIRST_WAIT
        batch.dropped = self.dropped - self.told
        give_up = min(time.monotonic() + RETRY_FOR, self.until)
        while True:
            try:
                transport(batch, batch_id)
                self.count(sent=len(batch), told=batch.dropped)
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

    def count(self, *, sent=0, dropped=0, sending=0, told=0):
        """Moves the counters, and tells those who wait in ``flush``."""
        with self.settled:
            self.sent += sent
            self.dropped += dropped
            self.sending += sending
            self.told += told
            self.settled.notify_all()

    def warn(self, message):
        """Logs each message once, and at most a hundred different ones."""
        if message not in self.warned and len(self.warned) < 100:
            self.warned.add(message)
            logger.warning("%s", message)


def find_transport():
    """HTTP to ``HMS_URL`` with ``HMS_KEY``; None where the environment names no address. ValueError."""
    url = os.environ.get("HMS_URL")
    return HttpTransport(url, os.environ.get("HMS_KEY", "")) if url else None
