"""One WebSocket: what its client asks for, what it follows, and how it is told."""

import asyncio

from django.db import Error as DatabaseError

from metrics_app import registry
from metrics_app.core.frames import encode_text, make_frame
from metrics_app.core.points import match_topic
from metrics_app.core.positions import parse_position
from metrics_app.core.requests import MAX_TOPICS, Refusal, read_request, read_subscribe, read_unsubscribe
from metrics_app.streams.known_topics import list_topics
from metrics_app.streams.outbox import LIMIT
from metrics_app.streams.snapshots import take_missed, take_restart, take_snapshot
from metrics_app.streams.visitors import Visitor

MISSED_POINTS = 2_000  # more missed points than this come as rows of a second
MOST_POSTPONED = 20  # Subscribes kept while the database is away
OMITTED_NAMES = 50  # topics named in one error; all are counted
FLOOD = 500  # messages a client may send within FLOOD_SPAN seconds
FLOOD_SPAN = 10


class LiveSocket(Visitor):
    """One WebSocket: what it follows, and how it is told."""

    kind = "websocket"

    def __init__(self, credential, who, send):
        super().__init__(credential, who, send)
        self.requests = {}  # topic or pattern -> the Subscribe that named it
        self.left = set()  # topics unsubscribed by name, whatever patterns say
        self.postponed = []  # each Subscribe that came while the database was away
        self.omitted = []  # topics its patterns match and have no place, as the client knows them
        self.reason = None
        self.ended = self.hub.loop.create_future()
        self.received, self.span_ends = 0, 0.0

    # The connection

    async def run(self, receive):
        """Reads and writes until the client leaves or ``end`` is called."""
        tasks = {self.hub.spawn(self.outbox.run()), self.hub.spawn(self.read(receive))}
        await asyncio.wait(tasks | {self.ended}, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    def end(self, reason):
        """Lets ``run`` return; the client is told the reason, and nothing more."""
        self.reason = self.reason or reason
        self.outbox.drop()
        if not self.ended.done():
            self.ended.set_result(None)

    async def read(self, receive):
        """Handles messages in order until the client leaves."""
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            if self.is_flooding():
                self.end("replaced")
                return
            await self.handle(message.get("text"))

    def is_flooding(self):
        """Whether the client has sent more messages than anyone needs."""
        now = self.hub.loop.time()
        if now > self.span_ends:
            self.received, self.span_ends = 0, now + FLOOD_SPAN
        self.received += 1
        return self.received > FLOOD

    async def handle(self, text):
        """Answers one message; a bad one with an error that says what is expected."""
        try:
            request = read_request(text)
            if request["type"] == "subscribe":
                await self.try_subscribe(read_subscribe(request))
            elif request["type"] == "unsubscribe":
                self.unsubscribe(read_unsubscribe(request))
            else:
                self.put(make_frame(encode_text({"type": "pong"} | self.hub.states.describe_clock())))
        except Refusal as refusal:
            self.refuse(refusal)

    def put(self, frame):
        """Queues one frame; whoever does not even read these is closed."""
        self.outbox.put(*frame)
        if self.outbox.size > 2 * LIMIT:
            self.end("slow")

    def refuse(self, refusal):
        """Sends an error; the connection stays."""
        error = {"type": "error", "code": refusal.code, "message": str(refusal)}
        self.put(make_frame(encode_text(error | ({"topic": refusal.topic} if refusal.topic else {}))))

    # What it follows

    async def try_subscribe(self, request):
        """``subscribe``; by itself once the database answers, where it does not now."""
        try:
            await self.subscribe(request)
        except DatabaseError:
            self.postpone(request)
            self.refuse(Refusal("unavailable", "The database is away: this is followed once it answers."))

    def postpone(self, request):
        """Keeps a Subscribe for the next round; Refusal beyond ``MOST_POSTPONED``."""
        if len(self.postponed) >= MOST_POSTPONED:
            raise Refusal("unavailable", "The database is away and enough waits for it: ask again later.")
        self.postponed.append(request)
        self.is_unsure = True

    async def subscribe(self, request):
        """Follows the topics and patterns of a Subscribe, each with a snapshot first."""
        asked = set(request.topics)
        known, topics = await self.hub.call(find_topics, self.who, request)
        self.note_known(known)
        # What is asked for in a round may be unsubscribed meanwhile.
        left = asked - set(request.topics)
        topics = [topic for topic in topics if getattr(topic, "topic", topic) not in left]
        for refusal in [topic for topic in topics if isinstance(topic, Refusal)]:
            self.refuse(refusal)
        unknown = {topic.topic for topic in topics if getattr(topic, "code", "") == "unknown_topic"}
        topics = [topic for topic in topics if isinstance(topic, str)]
        if len(self.subscriptions.keys() | set(topics)) > MAX_TOPICS:
            raise Refusal("too_many_topics", f"A connection follows at most {MAX_TOPICS} topics.")
        self.patterns |= unknown | {name for name in request.topics if name.endswith("*")}
        self.left -= {*request.topics, *topics}
        self.requests |= dict.fromkeys([*request.topics, *topics], request)
        for topic in topics:
            self.refollow(topic)

    def refollow(self, topic):
        """Follows a topic anew, from the position its request names."""
        if topic in self.subscriptions:
            self.unfollow(topic)
        self.follow(topic, self.open)

    def unsubscribe(self, names):
        """Leaves topics; a pattern leaves all topics that no other pattern holds."""
        self.patterns -= set(names)
        self.left |= set(names)
        for request in self.postponed:
            request.topics = [topic for topic in request.topics if topic not in names]
        for name in names:
            self.requests.pop(name, None)
        for topic in list(self.subscriptions):
            kept = any(match_topic(pattern, topic) for pattern in self.patterns)
            if topic in names or (not kept and any(match_topic(name, topic) for name in names)):
                self.unfollow(topic)

    async def refresh(self, fresh):
        """Follows what its patterns now match, leaves what it may no longer see."""
        await self.subscribe_postponed()
        names = self.patterns | self.subscriptions.keys()
        visible, known = await self.hub.call(look_up, self.who, names)
        # What it began to follow in this moment was not asked for.
        for topic in (self.subscriptions.keys() & names) - visible:
            self.unfollow(topic)
            self.refuse(Refusal("not_allowed", f"You may no longer see {topic!r}.", topic))
        omitted = []
        for topic in sorted(known - self.subscriptions.keys() - self.left):
            pattern = next((name for name in self.patterns if match_topic(name, topic)), None)
            if pattern and len(self.subscriptions) < MAX_TOPICS:
                self.requests[topic] = self.requests[pattern]
                self.follow(topic, self.open)
            elif pattern:
                omitted.append(topic)
        self.tell_omitted(omitted)

    async def subscribe_postponed(self):
        """Follows what could not be looked up before; DatabaseError where it still cannot."""
        while self.postponed:
            request = self.postponed[0]
            try:
                await self.subscribe(request)
            except Refusal as refusal:
                self.refuse(refusal)
            self.postponed.remove(request)

    def tell_omitted(self, topics):
        """Says which topics its patterns match and have no place, once for each set of them."""
        if topics and topics != self.omitted:
            names = ", ".join(topics[:OMITTED_NAMES]) + (", …" if len(topics) > OMITTED_NAMES else "")
            text = f"A connection follows at most {MAX_TOPICS} topics, {len(topics)} are left out: {names}"
            self.refuse(Refusal("omitted", text))
        self.omitted = topics

    # What it is told

    async def open(self, subscription):
        """What was missed since the client's position, else a snapshot, with a reset if it had one."""
        request = self.requests[subscription.topic]
        if subscription.topic not in request.positions:
            await self.send_snapshot(subscription)
            return
        position = parse_position(request.positions[subscription.topic])
        question = (subscription.topic, *(position or ()), request.max_points)
        picture = position and await self.hub.ask(("snapshot", *question), take_missed, *question)
        # The position is used up: a reset later must not come back to it.
        request.positions.pop(subscription.topic)
        if picture:
            await self.send_picture(subscription, picture)
        else:
            await self.reset(subscription)

    async def reset(self, subscription):
        """The client's points are not continued: it starts anew."""
        self.put(make_frame(encode_text({"type": "reset", "topic": subscription.topic})))
        await self.send_snapshot(subscription)

    async def send_snapshot(self, subscription):
        """A fresh snapshot, shared with all who ask for the same at this moment."""
        request, feed = self.requests[subscription.topic], self.hub.feeds[subscription.topic]
        question, take = (subscription.topic, request.history, request.max_points), take_snapshot
        if subscription.epoch is not None:
            question, take = (*question, subscription.epoch, subscription.next - 1), take_restart
        # The epoch belongs to the question: no snapshot of a lost log answers after the reset.
        picture = await self.hub.ask(("snapshot", *question, feed.epoch), take, *question)
        await self.send_picture(subscription, picture)

    async def send_picture(self, subscription, picture):
        """Sends it once the client has room, and goes on from its position."""
        await self.outbox.wait_ready()
        self.outbox.put(*picture.frame)
        self.hub.states.note(picture.states)
        subscription.place(picture.epoch, picture.offset)

    def takes(self, batch):
        """Whether there is room; what does not fit is merged when there is again."""
        return not self.outbox.full

    def piece_points(self, missed):
        """Few missed points are sent as they are, many as one summary."""
        return max(missed, 1)

    def send_batch(self, batch):
        """The feed's next batch."""
        self.outbox.put(*batch.frame)

    def send_missed(self, batch):
        """What this client alone had missed."""
        batch.raw = len(batch.ts) <= MISSED_POINTS
        self.outbox.put(*batch.frame)

    def send_notice(self, notice):
        """A threshold's state."""
        self.put(notice.frame)

    def hear(self, notice):
        """A pipeline."""
        self.put(notice.frame)


def look_up(who, names):
    """The topics ``who`` may see among names and patterns, and those of them that are KPIs by now."""
    visible = registry.visible_topics(who, names)
    return set(visible), {topic for topic in visible if registry.get_kpi(topic) is not None}


def find_topics(who, request):
    """``(known, topics)``: those a Subscribe names and ``who`` may see, with a Refusal for each other one.

    ``known`` is what there was at most as they were chosen: ``list_topics`` of the moment before.
    """
    known = list_topics()
    found = registry.visible_topics(who, [name for name in request.topics if name.endswith("*")])
    for name in request.topics:
        if name.endswith("*"):
            continue
        if registry.get_kpi(name) is None or not registry.may_read(who, name):
            # The same for both: whether a topic exists is not to be learned here.
            text = f"There is no topic {name!r} that you may see; it follows once there is."
            found.append(Refusal("unknown_topic", text, name))
        elif name not in found:
            found.append(name)
    return known, found
