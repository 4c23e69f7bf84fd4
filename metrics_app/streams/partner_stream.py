"""One event stream of a partner: the same events, inside the limits of its key."""

import asyncio
import logging
from dataclasses import replace

from metrics_app import registry
from metrics_app.exceptions import BusUnavailable
from metrics_app.streams import credentials, seats
from metrics_app.streams.sse import EventStream
from metrics_app.streams.visitors import get_visitors

logger = logging.getLogger(__name__)

ROUND = 1.5  # seconds between two looks at the seats of the key


class PartnerStream(EventStream):
    """An EventStream that has a seat, and ends when what its key may do has changed."""

    kind = "partner"

    def __init__(self, credential, who, send, query, origin):
        rate = who.limits.max_rate
        if rate:
            query = replace(query, max_rate=min(rate, query.max_rate or rate))
        super().__init__(credential, who, send, query)
        self.origin, self.seat = origin, seats.name_seat()

    def may_stay(self, who):
        """Whether its key still opens this; a changed rate ends it, to come back under the new one."""
        allowed = credentials.is_allowed_from(who, self.credential.ticket, self.origin)
        same = who.limits.max_rate == self.who.limits.max_rate
        return credentials.may_subscribe(who) and allowed and same

    def lose(self, topic):
        """Says so of a topic that left the key's list; a restricted one goes on as one without points."""
        if not registry.is_partners(self.who, topic):
            super().lose(topic)

    async def run(self, receive):
        """The stream, in its seat."""
        keeper = self.hub.spawn(self.keep_seat())
        try:
            return await super().run(receive)
        finally:
            keeper.cancel()
            self.hub.spawn(self.leave_seat())

    async def keep_seat(self):
        """Renews the seats of the key, once for all its streams here; ends when its own is taken away."""
        taken = [self.seat]
        while True:
            try:
                lost = await self.hub.ask(("seats", self.who.id, *taken), self.ask_seats, taken)
            except BusUnavailable:
                lost = ()
            if self.seat in lost:
                self.end("replaced")
                return
            await asyncio.sleep(ROUND)
            same = get_visitors().by_who[self.who.kind, self.who.id]
            taken = sorted(stream.seat for stream in same)

    def ask_seats(self, taken):
        """Which of some seats are lost."""
        return seats.keep_seats(self.who.id, self.who.limits.connections, taken)

    async def leave_seat(self):
        """Frees the seat; where Redis is away it frees itself soon."""
        try:
            await self.hub.call(seats.leave_seat, self.who.id, self.seat)
        except BusUnavailable as error:
            logger.debug("A seat was not freed: %s", error)
