"""States of thresholds as this process has told them; what no ring brought is found in SQL.

The row is the message: a ring that is lost, with the layer away or its worker dead before it
rang, costs a round of the hub. Only the newest state counts, so only that is told.
"""

import asyncio
import time
from typing import NamedTuple

from django.db import Error as DatabaseError

from metrics_app.core.watch import OK
from metrics_app.models import ThresholdState
from metrics_app.queries.clock import Clock, read_clock
from metrics_app.queries.logs import shard_for
from metrics_app.streams.events import Notice

COLUMNS = ("state", "value", "since", "last_slot", "data", "data_breach")
UNJUDGED = "unjudged_since"
LOOK = 1.0  # seconds between two looks at the clock
ANSWER, ROWS = 2.0, 0.5  # seconds that Redis, and the rows, may take before it is told what is known without


class Seen(NamedTuple):
    """A threshold's state: the message that tells it, the slot (ms) it was judged at, its data's health."""

    event: dict
    slot: int
    data: str
    data_breach: bool

    @property
    def topic(self):
        """Whose threshold it is."""
        return self.event["topic"]

    @property
    def face(self):
        """What people see a difference in; since when nothing is wrong is none."""
        state, unjudged = self.event["state"], self.event.get(UNJUDGED)
        return state, state != OK and self.event["since"], self.data, self.data_breach, unjudged


class Question:
    """What is asked for in a task of the hub's, and not again while that has not come back."""

    def __init__(self, hub, begin):
        self.hub, self.begin, self.task, self.until = hub, begin, None, 0.0

    async def ask(self, seconds):
        """Whether ``task`` has its answer, so many seconds after it was begun at the latest."""
        now = asyncio.get_running_loop().time()
        if self.task is None or self.task.done():
            self.task, self.until = self.hub.spawn(self.begin()), now + seconds
        await asyncio.wait({self.task}, timeout=max(0.0, self.until - now))
        return self.task.done() and self.task.exception() is None


class States:
    """The states that the followers of a hub's feeds know."""

    def __init__(self, hub):
        self.hub, self.told = hub, {}  # threshold id -> Seen
        self.clock = Question(hub, lambda: hub.call(read_clock))
        self.known, self.known_at = None, 0.0  # the last Clock that Redis told, and the loop's time then
        self.standing = frozenset()  # shards whose points are not counted, by the last look
        self.comparison = Question(hub, self.compare)

    def note(self, found):
        """States that somebody begins with; what others were told before stays, until the next comparison."""
        for pk, seen in found.items():
            self.told.setdefault(pk, seen)

    def find_newest(self, pk, seen):
        """What was read, or what a ring has brought since."""
        known = self.told.get(pk, seen)
        return known if known.slot > seen.slot else seen

    def hear(self, event, topic, slot=None, data="fresh", data_breach=False):
        """A ring: told unless it was told already, or something newer was."""
        if topic not in self.hub.feeds:
            return
        if slot is not None:
            seen, known = Seen(event, slot, data, data_breach), self.told.get(event["threshold"])
            if known and (slot < known.slot or (slot, seen.face) == (known.slot, known.face)):
                return
            self.told[event["threshold"]] = seen
        self.hub.announce(topic, Notice(event))

    async def follow(self):
        """Looks each second, for ever, whether somebody judges: when that turns, no ring comes."""
        stood = ()
        while True:
            clock = await self.look()
            self.standing = clock.stands[1] if clock.stands else self.standing
            if self.hub.feeds and (clock.stands != stood or clock.through is None):
                await self.retell(clock)
            stood = clock.stands if self.hub.feeds else ()
            # Not shorter than a look takes: what stands in a moment does not turn any earlier.
            await asyncio.sleep(min(LOOK, max(0.05, clock.lasts / 1000)) if clock.through else LOOK)

    async def look(self):
        """The Clock; where Redis does not tell soon, what it told last, with the time that has passed since.

        So a light holds for as long as it would have, and nobody has judged since when that was known.
        """
        patience = min(ANSWER, max(0.0, self.now.lasts / 1000)) if self.known else ANSWER
        if await self.clock.ask(patience) and (found := self.clock.task.result()).through is not None:
            self.known, self.known_at = found, asyncio.get_running_loop().time()
        return self.now

    @property
    def now(self):
        """The Clock by what Redis told last; one that knows of nothing but the time before it ever did."""
        if self.known is None:
            return Clock(int(time.time() * 1000), None)
        past = asyncio.get_running_loop().time() - self.known_at
        return self.known._replace(now=self.known.now + int(past * 1000))

    def describe_clock(self):
        """``Clock.describe`` of now, for the answer to a ping; {} while unknown."""
        clock = self.now
        return {} if clock.through is None else clock.describe()

    def describe_beat(self, topics):
        """The data of a heartbeat: ``ts``, this server's time; ``through``, up to when topics are counted.

        ms; 0: nothing ever was. Without ``through`` while Redis has told nothing yet, or of no topic.
        """
        clock, ts = self.now, int(time.time() * 1000)
        if clock.through is None or not topics:
            return {"ts": ts}
        through = min(map(clock.find_mark, topics))
        # Redis' time told by this server's: a stream has one clock.
        return {"ts": ts, "through": through and ts - (clock.now - through)}

    def stand(self, topics):
        """Whether points of one of the topics are not counted, by the last look at the clock."""
        return any(shard_for(topic) in self.standing for topic in topics) if self.standing else False

    async def retell(self, clock):
        """Compares at once; where the rows take long, tells what the clock says of what was told before."""
        if not await self.comparison.ask(ROWS):
            known = {pk: seen for pk, seen in self.told.items() if seen.topic in self.hub.feeds}
            self.tell_found(known, see_again(known, clock))

    async def compare(self):
        """One look at the rows of all topics that are followed; tells what nobody rang for."""
        before = {pk: seen for pk, seen in self.told.items() if seen.topic in self.hub.feeds}
        self.told, topics = dict(before), list(self.hub.feeds)
        try:
            found = await self.hub.call(read_states, topics, await self.look()) if topics else {}
        except DatabaseError:
            # Perhaps nobody judges meanwhile: that the clock knows. The next round asks again.
            found = see_again(before, await self.look())
        self.tell_found(before, found)
        for pk in before.keys() - found.keys():
            self.tell_gone(pk, before[pk])

    def tell_found(self, before, found):
        """Tells what differs; where a ring came since ``before`` was taken, the ring is newer."""
        for pk, seen in found.items():
            if self.told.get(pk) is before.get(pk) and self.is_news(self.told.get(pk), seen):
                self.told[pk] = seen
                self.hub.announce(seen.topic, Notice(seen.event))

    def is_news(self, known, seen):
        """Whether followers have to be told of a row; those who wait for a snapshot get it with that."""
        if known is not None:
            return seen.slot >= known.slot and seen.face != known.face
        feed = self.hub.feeds.get(seen.topic)
        return feed is not None and all(subscription.is_open for subscription in feed.subscriptions)

    def tell_gone(self, pk, seen):
        """A threshold that was deleted: its light is out, and nobody judges it since it was last."""
        if self.told.get(pk) is seen:
            del self.told[pk]
            out = {"state": OK, "value": None, UNJUDGED: seen.event.get(UNJUDGED, seen.slot)}
            self.hub.announce(seen.topic, Notice(seen.event | out))


def read_states(topics, clock=None):
    """``{threshold id: Seen}`` of all thresholds of some topics, also of those that are switched off.

    By ``clock``, where somebody has looked at it; else by what Redis says now.
    """
    rows = ThresholdState.objects.filter(threshold__kpi__topic__in=topics)
    of_rule = "threshold__kpi__topic", "threshold__enabled", "slot_class", "due_at"
    rows = list(rows.values_list("pk", *of_rule, *COLUMNS))
    clock = clock or (read_clock() if rows else None)
    return {row[0]: see(clock, *row) for row in rows}


def see(clock, pk, topic, enabled, slot_class, due_at, *columns):
    """The ``Seen`` of what is read of a threshold: no state changes when nobody judges any more."""
    kept = Kept(columns[COLUMNS.index("last_slot")], due_at, columns[COLUMNS.index("since")])
    unjudged = clock.find_kept(topic, kept, is_enabled=enabled, is_judged=bool(slot_class))
    return make_seen(pk, topic, *columns, unjudged)


class Kept(NamedTuple):
    """What the clock asks for of a rule; ``due_at`` is None where its row cannot be read now."""

    last_slot: int
    due_at: int | None = None
    since: int | None = None


def see_again(known, clock):
    """``{threshold id: Seen}`` while the rows cannot be read: as they were told, judged or not any more."""
    found = {}
    for pk, seen in known.items():
        # What was told of that stays until a row can be read again.
        told = seen.event.get(UNJUDGED)
        unjudged = clock.find_unjudged(seen.topic, Kept(seen.slot)) if told is None else told
        event = {name: value for name, value in seen.event.items() if name != UNJUDGED}
        found[pk] = seen._replace(event=event | ({UNJUDGED: unjudged} if unjudged is not None else {}))
    return found


def make_seen(pk, topic, state, value, since, slot, data, data_breach, unjudged=None):
    """The ``Seen`` of what a row holds; ``unjudged`` (ms): since when nobody judges it, or None."""
    event = {"type": "state", "topic": topic, "threshold": pk, "state": state, "value": value, "since": since}
    event |= {"judged_at": slot} | ({UNJUDGED: unjudged} if unjudged is not None else {})
    return Seen(event, slot, data, data_breach)
