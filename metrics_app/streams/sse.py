"""One event stream: what it follows, where it stands, and how its events look."""

import asyncio
import random

from metrics_app import log, registry
from metrics_app.core import frames
from metrics_app.core.frames import make_chunk
from metrics_app.core.positions import MAX_TOPICS, NOWHERE, format_position, pack_position
from metrics_app.streams.events import Notice
from metrics_app.streams.known_topics import list_topics
from metrics_app.streams.positions import find_start
from metrics_app.streams.states import LOOK, read_states
from metrics_app.streams.visitors import FAREWELL, Visitor

HEARTBEAT = 15  # seconds
RETRY = (2_000, 5_000)  # ms; spread, so that a restart is not followed by a stampede
SOON = (100, 500)  # ms; after a response that was only long
UNAVAILABLE = frames.encode_event({"retry": 5_000}, event="unavailable", retry=5_000)
RESTART = (500, 3_000)  # ms; where another server is there, or this one soon again
RESPONSE_BYTES = 4_000_000  # where the server's send does not wait for the socket, one response ends here
PIECE_BYTES = 100_000  # of one chunk, about, where a stream is read from the log
OMITTED_NAMES = 50  # topics named in one event; all are counted
LAST_WORD = 10  # seconds a reader may take for the last bytes


class EventStream(Visitor):
    """One response: what it follows, where it stands, and how its events look."""

    def __init__(self, credential, who, send, query):
        super().__init__(credential, who, send)
        self.query, self.is_single = query, query.is_single
        self.patterns = {name for name in query.topics if name.endswith("*")}
        self.records = {}  # topic -> its part of the id
        self.held = {}  # topic -> batches that wait for the next event under max_rate
        self.ended = self.hub.loop.create_future()
        self.ends_early, self.patience = False, LAST_WORD
        self.starts, self.strays, self.last_word = {}, [], b""
        self.states = {}  # of the thresholds of its topics, as it begins
        self.omitted = []  # topics that match and do not fit, as the reader knows them

    # Where it begins

    async def find_topics(self):
        """Decides what it follows and from where; NotVisible for what is outside a key's own list.

        Where it begins is noted of all topics that were asked for; it follows those one may see.
        """
        # Before it chooses: what is new by then is new to this stream.
        self.note_known(await self.hub.call(list_topics))
        self.starts, self.strays, self.omitted = await self.hub.call(find_start, self.who, self.query)
        for topic, position in self.starts.items():
            self.note(topic, *position)
        visible = set(await self.hub.call(registry.visible_topics, self.who, self.starts.keys()))
        self.starts = {topic: position for topic, position in self.starts.items() if topic in visible}
        self.states = await self.hub.call(read_states, list(self.starts))

    def note(self, topic, epoch, offset):
        """The reader has, or is about to get, everything up to here."""
        self.records[topic] = self.make_record(topic, epoch, offset)

    def make_record(self, topic, epoch, offset):
        """The part of an id that speaks of one topic; the whole id of a stream of one."""
        return format_position(epoch, offset) if self.is_single else pack_position(topic, epoch, offset)

    @property
    def id(self):
        """The position in all topics; never empty, for a browser would not send that back."""
        return "".join(self.records.values()) or NOWHERE

    @property
    def is_recovered(self):
        """Whether it goes on where the client was, in all topics."""
        return self.query.position is not None and not self.strays

    def greet(self):
        """The first bytes: when to come back, where we are, and what could not be continued."""
        # With a name and data: clients forget an id that comes without data.
        begins = self.hub.states.describe_beat(self.starts) | {"recovered": self.is_recovered}
        if self.query.ignored:
            begins["ignored"] = self.query.ignored
        retry = random.randint(*RETRY)
        self.put(make_chunk(frames.encode_event(begins, event="position", retry=retry, id=self.id)))
        for topic in self.strays:
            self.put(make_chunk(frames.encode_event({"topic": topic}, event="reset", id=self.id)))
        if self.omitted:
            self.tell_omitted()
        for topic in self.starts:
            self.follow(topic, self.open)
        self.tell_states()

    def tell_states(self):
        """Where it goes on after an interruption: how the thresholds stand now, for they may have changed."""
        states = {pk: seen for pk, seen in self.states.items() if seen.topic in self.starts}
        self.hub.states.note(states)
        if self.query.position is not None:
            for pk, seen in states.items():
                self.send_notice(Notice(self.hub.states.find_newest(pk, seen).event))

    def tell_omitted(self):
        """Says how many topics match and do not fit, and the first of them by name."""
        data = {"count": len(self.omitted), "limit": MAX_TOPICS, "topics": self.omitted[:OMITTED_NAMES]}
        self.put(make_chunk(frames.encode_event(data, event="omitted")))

    async def open(self, subscription):
        """Goes on from where the client was, from ``since``, or from now."""
        subscription.place(*self.starts[subscription.topic])

    async def reset(self, subscription):
        """What came after the client's position is lost: says so, and goes on with what is there since."""
        topic = subscription.topic
        position = await self.hub.call(log.find_restart, topic, subscription.epoch, subscription.next - 1)
        if waiting := self.held.get(topic):
            self.held[topic] = []
            self.send_conflated(topic, waiting)
        subscription.place(*position)
        self.note(topic, *position)
        self.put(make_chunk(frames.encode_event({"topic": topic}, event="reset", id=self.id)))

    async def refresh(self, fresh):
        """Follows what its patterns now match, new topics from their first point; leaves the rest."""
        names = set(self.query.topics) | self.subscriptions.keys()
        visible = set(await self.hub.call(registry.visible_topics, self.who, names))
        for topic in sorted(self.subscriptions.keys() - visible):
            self.unfollow(topic)
            self.lose(topic)
        joining, omitted = self.choose_joining(visible - self.subscriptions.keys())
        if omitted != self.omitted:
            self.omitted = omitted
            self.tell_omitted()
        positions = await self.hub.call(log.get_positions, joining) if joining else {}
        for topic, position in positions.items():
            self.starts[topic] = (log.null_epoch(topic), 0) if topic in fresh else position
            self.note(topic, *self.starts[topic])
            self.follow(topic, self.open)

    def lose(self, topic):
        """Says that a topic may no longer be seen; ends where nothing is left to follow."""
        del self.records[topic]
        self.put(make_chunk(frames.encode_event({"topic": topic}, event="not_allowed")))
        if not self.records and not self.patterns:
            self.end("forbidden")

    def choose_joining(self, topics):
        """``(joining, omitted)``: what has a place in the id or is named comes first, then by name."""
        known = self.records.keys() | set(self.query.topics) - self.patterns
        others = sorted(topics - known)
        room = max(MAX_TOPICS - len(known), 0)
        return sorted(topics & known) + others[:room], others[room:]

    # The connection

    async def run(self, receive):
        """Writes until the client leaves or ``end`` is called; whether the socket has taken it all."""
        writer = self.hub.spawn(self.outbox.run())
        reader = self.hub.spawn(wait_for_disconnect(receive))
        self.greet()
        beat = self.hub.spawn(self.beat())
        await asyncio.wait({writer, reader, self.ended}, return_when=asyncio.FIRST_COMPLETED)
        beat.cancel()
        self.leave()
        if self.ended.done() and not reader.done():
            self.outbox.put(*make_chunk(self.last_word))
            self.outbox.finish()
            await asyncio.wait({writer, reader}, timeout=self.patience, return_when=asyncio.FIRST_COMPLETED)
        for task in (writer, reader):
            task.cancel()
        await asyncio.wait({writer, reader})
        return not writer.cancelled()

    async def beat(self):
        """Says every 15 s that the line is alive; at once where points are not counted any more, or again."""
        states, pause, silent = self.hub.states, min(LOOK, HEARTBEAT), 0.0
        stood = states.stand(self.starts)
        while True:
            await asyncio.sleep(pause)
            silent, stands = silent + pause, states.stand(self.records)
            if (silent >= HEARTBEAT or stands != stood) and not self.outbox.full:
                silent, stood = 0.0, stands
                data = states.describe_beat(self.records)
                self.put(make_chunk(frames.encode_event(data, event="heartbeat")))

    def end(self, reason):
        """Ends the response after what is queued; whoever is to come again is told when."""
        if reason == "slow":
            self.outbox.drop()
        if reason == "replaced":
            self.last_word = UNAVAILABLE
        if reason == "leaving":
            self.last_word, self.patience = encode_end("unavailable", RESTART), FAREWELL
        if not self.ended.done():
            self.ended.set_result(None)

    def put(self, chunk):
        """Queues bytes; a response that nothing else bounds ends, and is resumed by its id."""
        self.outbox.put(*chunk)
        if self.ends_early and self.outbox.sent + self.outbox.size > RESPONSE_BYTES and not self.ended.done():
            self.last_word = encode_end("end", SOON)
            self.end("long")

    # Points and events

    def takes(self, batch):
        """Whether there is room; a large batch of many topics is sent in pieces instead."""
        small = self.is_single or len(batch.ts) <= self.piece_points(len(batch.ts))
        return small and not self.outbox.full and not self.ended.done()

    def piece_points(self, missed):
        """Points in one chunk, so that a chunk has about ``PIECE_BYTES``."""
        return max(PIECE_BYTES // (70 + len(self.id)), 1)

    def send_batch(self, batch):
        """The next points of a topic, each an event."""
        if self.query.max_rate:
            self.hold(batch)
        elif self.is_single:
            self.put(batch.events)
        else:
            self.put(make_chunk(self.encode_topic(batch)))

    send_missed = send_batch

    def encode_topic(self, batch):
        """Events with the topic, and ids that carry every topic's position."""
        topics = list(self.records)
        at = topics.index(batch.topic)
        before = "".join(self.records[topic] for topic in topics[:at])
        after = "".join(self.records[topic] for topic in topics[at + 1 :])
        records = [
            pack_position(batch.topic, batch.epoch, offset)
            for offset in range(batch.first_offset, batch.next)
        ]
        self.records[batch.topic] = records[-1]
        ids = [before + record + after for record in records]
        return frames.encode_topic_events(batch.topic, ids, batch.ts, batch.values)

    def hold(self, batch):
        """Under ``max_rate``: the first goes at once, what follows waits its turn, merged."""
        waiting = self.held.get(batch.topic)
        if waiting is not None:
            waiting.append(batch)
            return
        self.held[batch.topic] = []
        self.send_conflated(batch.topic, [batch])
        self.hub.loop.call_later(1 / self.query.max_rate, self.release, batch.topic)

    def release(self, topic):
        """The next event of a topic is due."""
        waiting = self.held.pop(topic, None)
        if waiting and topic in self.subscriptions and not self.ended.done():
            self.held[topic] = []
            self.send_conflated(topic, waiting)
            self.hub.loop.call_later(1 / self.query.max_rate, self.release, topic)

    def send_conflated(self, topic, batches):
        """One event for all points of some batches."""
        self.note(topic, batches[-1].epoch, batches[-1].next - 1)
        name = None if self.is_single else topic
        self.put(make_chunk(frames.encode_conflated(self.id, batches, name)))

    def send_notice(self, notice):
        """A threshold's state."""
        self.put(notice.events)

    def hear(self, notice):
        """Pipelines travel by WebSocket only."""


def encode_end(name, span):
    """The last event of a response; when to come back, between two times in ms, is not the same for all."""
    retry = random.randint(*span)
    return frames.encode_event({"retry": retry}, event=name, retry=retry)


async def wait_for_disconnect(receive):
    """Returns when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
