"""The visitors: every connection of this process, who it is, and whether it may still be here.

Interfaces derive their connection from ``Visitor``; ``Visitors`` looks at credentials
again, replaces the oldest of too many, and tells of new topics and events.
"""

import asyncio
import logging
import secrets
import weakref
from collections import Counter, defaultdict

from django.db import Error as DatabaseError

from metrics_app import conf, registry
from metrics_app.exceptions import BusUnavailable
from metrics_app.garbage import GarbageFreezer
from metrics_app.streams import credentials, presence
from metrics_app.streams.events import Notice
from metrics_app.streams.hub import find_hub, get_hub
from metrics_app.streams.known_topics import list_topics, name_topics
from metrics_app.streams.outbox import Outbox
from metrics_app.streams.stamps import read_stamps
from metrics_app.streams.subscription import Subscription

logger = logging.getLogger(__name__)

ROUND = 1.5  # seconds between two looks at keys, new topics and slow readers
SESSIONS_AT_ONCE = 100  # unchanged sessions looked at in one round
REGISTERED = 0.2  # seconds until a topic that was heard of is a KPI
SESSION_ROUND = 60  # seconds between two whole looks at a session of which nothing has changed
FAREWELL = 2  # seconds a connection may take to learn that the process ends

by_hub = weakref.WeakKeyDictionary()  # hub -> Visitors


def get_visitors():
    """The Visitors of the running event loop's hub."""
    hub = get_hub()
    if hub not in by_hub:
        by_hub[hub] = Visitors(hub)
    return by_hub[hub]


def find_visitors():
    """The Visitors of the running event loop; None where nobody ever came."""
    hub = find_hub()
    return hub and by_hub.get(hub)


class Visitor:
    """A connection: who it is, what it follows, and its way out.

    Its interface adds how batches, resets and notices look, ``refresh(topics)`` for
    topics that are new, and ``end(reason)``: "gone", "forbidden", "replaced", "slow",
    "unavailable" or "leaving".
    """

    kind = "events"  # as /metrics names it

    def __init__(self, credential, who, send):
        self.credential, self.who = credential, who
        self.hub, self.outbox = get_hub(), Outbox(send)
        self.subscriptions = {}
        self.has_left = False
        self.patterns = set()
        self.checked_at = asyncio.get_running_loop().time()
        self.stamp = None  # of a session: what its rights came from when it was looked at
        self.known = None  # the topics (``list_topics``) that what it follows was chosen from
        self.is_unsure = False  # whether it has to choose again, whatever there is

    def note_known(self, known):
        """Says from which topics something was chosen; where not from the same as all else, it is again."""
        if self.known is None:
            self.known = known
        self.is_unsure |= known != self.known

    def follow(self, topic, opening):
        """Subscribes to a topic; ``opening(subscription)`` places it."""
        # What was looked up for it may come back when it is gone: nobody would end that.
        if self.has_left:
            return
        self.subscriptions[topic] = subscription = Subscription(self.hub, topic, self)
        subscription.start(opening)

    def unfollow(self, topic):
        """Ends one subscription."""
        self.subscriptions.pop(topic).stop()

    def may_stay(self, who):
        """Whether it may go on as ``who``, who has changed or not."""
        return credentials.may_stream(who)

    def leave(self):
        """Ends all of them, for good."""
        self.has_left = True
        for topic in list(self.subscriptions):
            self.unfollow(topic)


class Visitors:
    """All visitors of a process, in the order they came."""

    def __init__(self, hub):
        self.hub, self.visitors = hub, {}
        self.by_who = defaultdict(dict)  # (kind, id) -> visitors, oldest first
        self.name = secrets.token_hex(8)
        self.wake = asyncio.Event()
        self.is_leaving = False
        self.freezer = GarbageFreezer()
        hub.spawn(self.go_round())

    def admit(self, visitor):
        """Adds a connection; beyond the limit of its user or key the oldest gives way."""
        same = self.by_who[visitor.who.kind, visitor.who.id]
        while len(same) >= most_streams(visitor.who):
            oldest = next(iter(same))
            self.dismiss(oldest)
            oldest.end("replaced")
        self.visitors[visitor] = same[visitor] = True
        self.hub.listeners.add(self.tell)
        if self.is_leaving:
            visitor.end("leaving")

    def leave(self):
        """The process ends: so does every connection, those included that are still on their way in."""
        self.is_leaving = True
        for visitor in list(self.visitors):
            visitor.end("leaving")

    def dismiss(self, visitor):
        """Removes a connection, however it ended."""
        if self.visitors.pop(visitor, None):
            self.freezer.note_departure()
        if not self.visitors:
            self.hub.listeners.discard(self.tell)
        same = self.by_who[visitor.who.kind, visitor.who.id]
        same.pop(visitor, None)
        if not same:
            del self.by_who[visitor.who.kind, visitor.who.id]

    def tell(self, message):
        """An event for those who hold its permission and belong to its group; or a new topic."""
        if message["type"] == "topic":
            self.wake.set()
            return
        notice = Notice(message["event"])
        for visitor in list(self.visitors):
            if may_hear(visitor.who, message["permission"], message["group"]):
                visitor.hear(notice)

    async def go_round(self):
        """Looks after everybody, again and again."""
        while True:
            try:
                await self.pause()
                await self.look_after()
                self.freezer.settle(len(self.visitors))
            except (BusUnavailable, DatabaseError) as error:
                logger.warning("Streams could not be checked: %r", error)
            # Whatever it is: without its rounds nobody would lose a right any more.
            except Exception:
                logger.exception("Streams could not be checked")

    async def pause(self):
        """Waits for the next round; less long when there is a new topic."""
        try:
            async with asyncio.timeout(ROUND):
                await self.wake.wait()
                await asyncio.sleep(REGISTERED)
                registry.forget()
        except TimeoutError:
            pass
        self.wake.clear()

    async def look_after(self):
        """One round: slow readers, credentials, new topics."""
        for visitor in [visitor for visitor in self.visitors if visitor.outbox.too_slow]:
            visitor.end("slow")
        await self.report()
        await self.check_credentials()
        kpis = await self.hub.call(list_topics)
        for visitor in list(self.visitors):
            # By itself and not by what the last round saw: it may have come with an older picture since.
            if visitor in self.visitors and (visitor.is_unsure or visitor.known is not kpis):
                await self.refresh(visitor, kpis)

    async def refresh(self, visitor, kpis):
        """Lets a visitor choose again what it follows; once more in the next round where that failed."""
        known = kpis if visitor.known is None else visitor.known
        unsure = visitor.is_unsure or known != kpis
        visitor.known, visitor.is_unsure = kpis, False
        if not unsure:
            return
        try:
            await visitor.refresh(name_topics(kpis - known) - name_topics(known - kpis))
        except (BusUnavailable, DatabaseError):
            visitor.known, visitor.is_unsure = known, True
            raise
        # Whatever it is: nobody keeps what they may no longer see, or holds up those behind them.
        except Exception:
            logger.exception("A stream could not choose again what it follows")
            visitor.end("unavailable")

    async def report(self):
        """Says how many of each kind are here, for ``/metrics`` in whichever process it is asked."""
        try:
            counts = Counter(visitor.kind for visitor in self.visitors)
            await self.hub.call(presence.report, self.name, counts)
        except BusUnavailable as error:
            logger.debug("Open streams were not reported: %s", error)

    async def check_credentials(self):
        """Asks once for all credentials that are due whether they still open what they opened."""
        now = self.hub.loop.time()
        here = list(self.visitors)
        people = {visitor.credential: visitor.who.id for visitor in here if not visitor.credential.is_key}
        # Read before the rights are: what changes between the two is seen in the next round.
        stamps = await self.hub.call(read_stamps, people) if people else {}
        due = self.list_due(here, stamps, now)
        found = await self.hub.call(credentials.find_all, list(due)) if due else {}
        for credential, who in found.items():
            for visitor in due[credential]:
                visitor.checked_at, visitor.stamp = now, stamps.get(credential)
                self.judge(visitor, who)

    def list_due(self, visitors, stamps, now):
        """``{credential: visitors}``: all keys, the sessions of which something changed, and some others.

        A session takes some queries each. What no stamp tells, such as the rights that a backend of
        the project gives, is asked once a minute, of a thousand that came together in some rounds.
        """
        due, spread = defaultdict(list), defaultdict(list)
        for visitor in visitors:
            credential = visitor.credential
            if credential.is_key or visitor.stamp != stamps[credential]:
                due[credential].append(visitor)
            elif now - visitor.checked_at >= SESSION_ROUND:
                spread[credential].append(visitor)
        for credential in list(spread)[:SESSIONS_AT_ONCE]:
            due[credential] += spread[credential]
        return due

    def judge(self, visitor, who):
        """Ends a visitor who may no longer be here, and what it may no longer see."""
        if who is None or not visitor.may_stay(who):
            visitor.end("gone" if who is None else "forbidden")
        elif who != visitor.who:
            # Chooses again in this round, and in the next ones while that fails.
            visitor.who, visitor.is_unsure = who, True


def most_streams(who):
    """How many streams a person or key may hold open in this process."""
    return conf.get("STREAMS_PER_USER" if who.kind == "user" else "STREAMS_PER_KEY")


def may_hear(who, permission, group):
    """Whether an event is for somebody; keys hear of no pipelines."""
    if who.kind != "user":
        return False
    allowed = permission is None or permission in who.permissions
    return who.is_superuser or (allowed and (group is None or group in who.groups))
