"""The hub: one per process, between the channel layer and everything that is connected.

It joins one group of the layer, keeps a *feed* per topic that somebody follows,
proves that offsets are contiguous, and hands each slice of new points to all
subscriptions of the topic as one shared object, encoded once.
"""

import asyncio
import logging
import weakref
from concurrent.futures import ThreadPoolExecutor

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from metrics_app import live, log
from metrics_app.core.chunks import unpack_chunk
from metrics_app.core.slices import Slice
from metrics_app.exceptions import BusUnavailable
from metrics_app.streams.announced import Announced
from metrics_app.streams.feed import SETTLE, Feed
from metrics_app.streams.states import States

logger = logging.getLogger(__name__)

RENEW = 600  # seconds; layers forget members of a group after a day or less
CHECK = 3  # seconds between two comparisons of the feeds with the heads in Redis
MAX_DELAY = 10  # seconds between two attempts to reach the layer
KEEP = 1.0  # seconds an answer is shared by those who ask the same question

# A few threads of our own: Django's are one per process for code like this, and
# each thread may hold a database connection while it works.
pool = ThreadPoolExecutor(8, thread_name_prefix="hub")
hubs = weakref.WeakKeyDictionary()  # event loop -> Hub


def get_hub():
    """The hub of the running event loop, started when first asked for."""
    loop = asyncio.get_running_loop()
    if loop not in hubs:
        hubs[loop] = Hub()
    return hubs[loop]


def find_hub():
    """The hub of the running event loop; None where it was not started."""
    return hubs.get(asyncio.get_running_loop())


async def call(function, *args):
    """Runs blocking code in a thread; the database connection is given back after it."""
    return await database_sync_to_async(function, thread_sensitive=False, executor=pool)(*args)


class Hub:
    """Feeds by topic, listeners to events, and the tasks that keep them true."""

    call = staticmethod(call)

    def __init__(self):
        self.feeds, self.states, self.announced = {}, States(self), Announced(self)
        self.listeners = set()  # callables that get every event message
        self.known = set()  # topics that were heard of
        self.answers = {}  # question -> (asked at, task)
        self.loop = asyncio.get_running_loop()
        self.tasks = set()
        for step in (self.listen, self.renew, self.check, self.states.follow):
            self.spawn(step())
        self.channel = None

    def spawn(self, coroutine):
        """Runs a coroutine as a task that is kept until it is done; its failure is logged."""
        task = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.forget)
        return task

    def forget(self, task):
        """Drops a finished task and says what ended it, if it was not meant to end so."""
        self.tasks.discard(task)
        if not task.cancelled() and task.exception():
            logger.error("A stream's task failed", exc_info=task.exception())

    async def stop(self):
        """Ends every task; for tests and for servers that shut down in order."""
        hubs.pop(self.loop, None)
        while tasks := list(self.tasks):
            # Again where it was lost: a connect that is cancelled may report a time-out instead.
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=0.5)

    # Feeds

    def join(self, subscription):
        """Adds a subscription to its topic's feed: from now on it hears of every new point."""
        topic = subscription.topic
        feed = self.feeds.get(topic) or self.feeds.setdefault(topic, Feed(self, topic))
        feed.subscriptions.add(subscription)
        return feed

    def leave(self, subscription):
        """Removes a subscription; a feed nobody follows is forgotten."""
        feed = self.feeds.get(subscription.topic)
        if feed is not None:
            feed.subscriptions.discard(subscription)
            if not feed.subscriptions:
                del self.feeds[subscription.topic]

    async def ask(self, question, function, *args, keep=KEEP):
        """Runs ``function`` in a thread once for all who ask the same question within ``keep`` seconds."""
        now = self.loop.time()
        asked_at, task = self.answers.get(question, (0, None))
        if task is None or now - asked_at > keep or (task.done() and failed(task)):
            task = self.loop.create_task(call(function, *args))
            self.answers[question] = (now, task)
            self.loop.call_later(keep + 1, self.drop_answer, question, task)
        return await asyncio.shield(task)

    def drop_answer(self, question, task):
        """Forgets an answer that is too old to be shared."""
        if self.answers.get(question, (0, None))[1] is task:
            del self.answers[question]

    # The channel layer

    async def listen(self):
        """Receives for ever; when the layer fails it joins again, then looks at the positions."""
        delay = 0.1
        while True:
            try:
                layer = get_channel_layer()
                self.channel = await layer.new_channel("hub.")
                await layer.group_add(live.group_name(), self.channel)
                self.spawn(self.catch_up())
                while True:
                    self.receive(await layer.receive(self.channel))
                    delay = 0.1
                    # A layer with messages in store gives the next one without a pause: under load
                    # nothing else would run, no timer and no answer to a ping.
                    await asyncio.sleep(0)
            # A layer may be any package, with errors of its own.
            except Exception as error:
                if delay >= MAX_DELAY / 4:
                    logger.warning("The channel layer is away, streams fall back to polling: %r", error)
                await asyncio.sleep(delay)
                delay = min(delay * 2, MAX_DELAY)

    def receive(self, message):
        """Hands one message to the feeds or the listeners it is for."""
        if message["type"] == "turn":
            for topic, epoch, top, chunk in message["updates"]:
                feed = self.feeds.get(topic)
                if feed is not None:
                    feed.hear(epoch, top, Slice(topic, epoch, *unpack_chunk(chunk)) if chunk else None)
                elif topic not in self.known:
                    self.meet(topic)
        elif message["type"] == "state":
            for told in message["events"]:
                self.states.hear(*told)
        else:
            self.announced.hear(message)

    def meet(self, topic):
        """The first word of a topic: perhaps somebody's pattern has waited for it."""
        self.known.add(topic)
        for listener in list(self.listeners):
            listener({"type": "topic", "topic": topic})

    def announce(self, topic, notice):
        """An event of one topic, for all its subscriptions; snapshots taken before it are outdated."""
        for question in [question for question in self.answers if question[:2] == ("snapshot", topic)]:
            del self.answers[question]
        feed = self.feeds.get(topic)
        for subscription in list(feed.subscriptions) if feed else ():
            subscription.announce(notice)

    async def renew(self):
        """Joins the group again before a layer forgets that we are in it."""
        while True:
            await asyncio.sleep(RENEW)
            try:
                await get_channel_layer().group_add(live.group_name(), self.channel)
            except Exception as error:
                logger.warning("The membership in the channel layer was not renewed: %r", error)

    # Positions

    async def catch_up(self):
        """After joining: what was announced before we heard, also while the join was on its way to Redis."""
        for pause in (0, SETTLE, 2 * SETTLE):
            await asyncio.sleep(pause)
            await self.compare_all()

    async def check(self):
        """Compares again and again: a lost doorbell costs seconds, not data."""
        while True:
            await asyncio.sleep(CHECK)
            await self.compare_all()

    async def compare_all(self):
        """Compares with the heads in Redis, the states in SQL and the events of the project."""
        await self.compare()
        await self.states.compare()
        await self.announced.compare()

    async def compare(self, topics=None):
        """One look at the heads of the feeds; each feed repairs what it missed."""
        topics = topics or list(self.feeds)
        if not topics:
            return
        asked_at = {topic: self.feeds[topic].next for topic in topics if topic in self.feeds}
        try:
            positions = await call(log.get_positions, list(asked_at))
        except BusUnavailable:
            return
        for topic, (epoch, top) in positions.items():
            if topic in self.feeds:
                self.feeds[topic].compare(epoch, top, asked_at[topic])


def failed(task):
    """Whether a finished task has no answer."""
    return task.cancelled() or task.exception() is not None
