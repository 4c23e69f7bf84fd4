"""The doorbell: how a turn of the collector reaches the ASGI processes.

The log in Redis (``log``) is the data; the channel layer only says that there is more. A
message that is lost costs seconds, never points: the hub compares positions.
"""

import asyncio
import logging
import os
import threading
from functools import partial

from channels.layers import get_channel_layer

from metrics_app import conf
from metrics_app.breaker import Breaker
from metrics_app.core.chunks import pack_chunk
from metrics_app.servers import LAYER, look_at

logger = logging.getLogger(__name__)

MESSAGE_BYTES = 1_000_000  # a turn beyond this travels as several messages
TURN_BYTES = 8_000_000  # beyond this a turn only says where the logs stand now
STATES = 2_000  # changes of state in one message
PATIENCE = 5  # seconds a message may take before it is given up

failures = 0  # messages that did not reach the channel layer, in this process


class Doorbell:
    """One event loop in one daemon thread per process, made again after a fork.

    A loop of its own keeps the channel layer's connection open between turns, and
    lets a thread that already runs a loop ring as well.
    """

    def __init__(self):
        self.pid, self.loop, self.lock, self.down = None, None, threading.Lock(), False
        # Whoever decides waits once for a layer that is silent, not with each decision.
        self.breaker = Breaker(partial(look_at, LAYER))

    def get_loop(self):
        """The running loop of this process."""
        with self.lock:
            if self.pid != os.getpid():
                self.loop, self.pid = asyncio.new_event_loop(), os.getpid()
                threading.Thread(target=self.loop.run_forever, name="doorbell", daemon=True).start()
            return self.loop

    def ring(self, messages):
        """Sends messages to every hub, in order; a fault of the layer is logged once and counted."""
        global failures
        try:
            with self.breaker.watch():
                self.send(messages)
        # The layer may be any package with errors of its own, and none of them may stop the collector.
        except Exception as error:
            failures += len(messages)
            if not self.down:
                logger.warning("The channel layer is away, streams fall back to polling: %r", error)
            self.down = True
        else:
            self.down = False

    def send(self, messages):
        """Waits until they are sent; TimeoutError after ``PATIENCE``, or what the layer raises."""
        sending = asyncio.run_coroutine_threadsafe(send_all(messages), self.get_loop())
        try:
            sending.result(PATIENCE)
        finally:
            sending.cancel()


async def send_all(messages):
    """One ``group_send`` per message, and a second where the first fails; hearing one twice does no harm.

    A connection that idled through a restart of the layer fails at its first use, and the next is new.
    """
    layer, group = get_channel_layer(), group_name()
    if layer is None:
        raise RuntimeError("no channel layer: set CHANNEL_LAYERS, or streams lag by some seconds")
    for message in messages:
        try:
            await layer.group_send(group, message)
        # The layer may be any package with errors of its own; what lasts comes again at once.
        except Exception:
            await layer.group_send(group, message)


def group_name():
    """The channel-layer group that every hub of this installation joins."""
    return f"{conf.get('REDIS_PREFIX')}.live"


doorbell = Doorbell()
# A lock that another thread held during the fork would stay locked in the child for ever.
os.register_at_fork(after_in_child=doorbell.__init__)


def publish_turn(updates):
    """Tells every hub about a turn's new points (Slices), all topics in one message where they fit."""
    if updates:
        doorbell.ring(list(pack_turn(updates)))


def announce_event(event, *, permission=None, group=None, position=None):
    """Sends an event to the WebSockets of those who hold ``permission`` and are in ``group`` (its id).

    By the ``position`` (a growing number) of the last change of what it tells of, its ``type`` and
    ``id``, a hub knows what it told already. Lost, it is found by ``METRICS_APP["EVENTS"]``.
    """
    message = {"type": "event", "event": event, "permission": permission, "group": group}
    doorbell.ring([message | {"position": position}])


def announce_states(changes):
    """Sends changes of state to all subscribers of their topics, in few messages.

    A change is ``(event, topic, slot, data, data_breach)``; by the last three, which no
    subscriber gets, a hub knows what it told already. Lost, they are found in SQL.
    """
    parts = [changes[at : at + STATES] for at in range(0, len(changes), STATES)]
    if parts:
        doorbell.ring([{"type": "state", "events": [list(change) for change in part]} for part in parts])


def pack_turn(updates):
    """Messages of at most about ``MESSAGE_BYTES`` that carry ``[topic, epoch, top, chunk]``."""
    bare = sum(len(update.ts) for update in updates) * 12 > TURN_BYTES
    batch, size = [], 0
    for update in updates:
        chunk = b"" if bare else pack_points(update)
        if batch and size + len(chunk) > MESSAGE_BYTES:
            yield {"type": "turn", "updates": batch}
            batch, size = [], 0
        batch.append([update.topic, update.epoch, update.top, chunk])
        size += len(chunk) + len(update.topic) + 32
    yield {"type": "turn", "updates": batch}


def pack_points(update):
    """The update's chunk, or nothing where the log has to be read instead."""
    if len(update.ts) * 12 > MESSAGE_BYTES:
        return b""
    try:
        return pack_chunk(update.first_offset, update.ts, update.values)
    except ValueError:
        return b""
