"""A subscription: one connection's place in one topic, without gap or repeat.

The log is the buffer: whoever is behind reads from it until it has reached the
feed, and from then on takes the feed's shared batches, each checked against the
offset it expects.
"""

import asyncio
import logging

from django.db import Error as DatabaseError

from metrics_app import log
from metrics_app.exceptions import BusUnavailable

logger = logging.getLogger(__name__)

PAUSE = 0.05  # seconds before a feed that disagrees with Redis is asked again
RETRY = 1.0  # seconds before a Redis that is away is asked again


class Subscription:
    """``sink`` is the connection; it says how points, resets and snapshots look.

    A sink has an ``outbox``, ``takes(batch)`` (it has room for it), ``send_batch(batch)``
    for shared batches, ``send_missed(batch)`` for its own, ``piece_points(missed)`` (points
    in one of those), ``send_notice(notice)`` and ``async reset(subscription)``, which places
    the subscription anew.
    """

    # There are as many of these as sockets times topics.
    __slots__ = ("epoch", "held", "hub", "is_live", "is_open", "next", "sink", "task", "topic")

    def __init__(self, hub, topic, sink):
        self.hub, self.topic, self.sink = hub, topic, sink
        self.epoch, self.next = None, 0
        self.is_live, self.is_open, self.held = False, False, []
        self.task = None

    def start(self, opening):
        """Joins the feed first, then runs ``opening(subscription)``, which places it, then catches up."""
        self.hub.join(self)
        self.task = self.hub.spawn(self.open(opening))

    async def open(self, opening):
        """Places the subscription, hands over the events that came meanwhile, and goes live."""
        await self.persist(opening)
        self.is_open = True
        for notice in self.held:
            self.sink.send_notice(notice)
        self.held.clear()
        await self.catch_up()

    def stop(self):
        """Leaves the feed."""
        self.hub.leave(self)
        if self.task is not None:
            self.task.cancel()

    def place(self, epoch, offset):
        """The last point the reader has is ``offset`` of ``epoch``."""
        self.epoch, self.next = epoch, offset + 1

    def deliver(self, batch):
        """A batch of the feed: the next one is sent, an old one dropped, a later one looked up."""
        if not self.is_live:
            return
        if batch.epoch == self.epoch:
            if batch.next <= self.next:
                return
            if batch.first_offset == self.next and self.sink.takes(batch):
                self.next = batch.next
                self.sink.send_batch(batch)
                return
        self.stray()

    def announce(self, notice):
        """An event of the topic; one that comes before the snapshot waits for it."""
        if self.is_open:
            self.sink.send_notice(notice)
        else:
            self.held.append(notice)

    def stray(self):
        """Looks in the log for what the feed did not bring in order."""
        if self.is_live:
            self.is_live = False
            self.task = self.hub.spawn(self.catch_up())

    async def catch_up(self):
        """Reads until the reader is where the feed is; then the feed goes on."""
        while True:
            await self.sink.outbox.wait_ready()
            feed = self.hub.feeds.get(self.topic)
            # No await between this look and going live: the feed cannot move in between.
            if feed is None or self.is_current(feed):
                self.is_live, self.task = feed is not None, None
                return
            await self.persist(self.take_next)

    def is_current(self, feed):
        """Whether the feed's next batch is the one this reader needs, or an older one."""
        return feed.epoch == self.epoch and self.next >= feed.told

    async def take_next(self, subscription):
        """One step towards the feed: recent batches, else the log, else a reset."""
        feed = self.hub.feeds.get(self.topic)
        part = (feed and feed.find_recent(self.epoch, self.next)) or await self.read_log()
        if part is None:
            await self.sink.reset(self)
        elif len(part.ts):
            await self.send_part(part)
        else:
            # Redis has nothing newer, yet the feed is new or elsewhere: let it look.
            self.epoch = part.epoch
            await self.hub.compare([self.topic])
            if not self.is_current(feed):
                await asyncio.sleep(PAUSE)

    async def read_log(self):
        """The log after this reader's place; many readers of one place share one answer."""
        place = (self.topic, self.epoch, self.next - 1)
        return await self.hub.ask(("log", *place), log.read_log, *place, keep=PAUSE)

    async def send_part(self, part):
        """Sends a slice in pieces, never more of them queued than the reader takes."""
        for piece in part.split(self.sink.piece_points(len(part.ts))):
            await self.sink.outbox.wait_ready()
            self.place(piece.epoch, piece.top)
            self.sink.send_missed(piece)

    async def persist(self, step):
        """Runs a step until Redis and the database answer; says once that it waits for them."""
        level = logging.WARNING
        while True:
            try:
                await step(self)
                return
            except (BusUnavailable, DatabaseError) as error:
                logger.log(level, "A stream of %s waits: %r", self.topic, error)
                level = logging.DEBUG
                await asyncio.sleep(RETRY)
