"""A feed: one topic as this process follows it, contiguous, coalesced, encoded once.

Feeds know no socket; what to do with a slice is the matter of the subscription.
"""

import logging
from collections import deque

from metrics_app import conf, log
from metrics_app.core.slices import join_slices
from metrics_app.exceptions import BusUnavailable

logger = logging.getLogger(__name__)

RAW_RATE = 2_000  # points a second that WebSockets get one by one for long …
RAW_BURST = 20_000  # … and at once; beyond that a frame carries rows of one second
FRAME_POINTS = 10_000  # points in one frame
RECENT_SLICES = 32  # slices remembered, for those who join in this moment
EARLY = 0.5  # of the time between two frames: how much sooner one may come if the last was late
SETTLE = 0.3  # seconds a doorbell may take before the log is read without it


class Feed:
    """Where this process stands in one topic's log.

    ``next`` is the offset expected from the doorbell, ``told`` the one that the
    subscriptions expect; points between the two wait for the next frame.
    """

    def __init__(self, hub, topic):
        self.hub, self.topic, self.subscriptions = hub, topic, set()
        self.epoch, self.next, self.told = None, 0, 0
        self.waiting, self.recent = [], deque(maxlen=RECENT_SLICES)
        self.timer, self.sent_at, self.due = None, 0.0, 0.0
        self.reading, self.heard = False, 0
        self.allowance = RAW_BURST

    def hear(self, epoch, top, part):
        """A doorbell: ``part`` is the Slice of the new points, or None where it was too large."""
        if self.epoch is None and part:
            self.epoch, self.next, self.told = epoch, part.first_offset, part.first_offset
        if epoch != self.epoch:
            # Perhaps new, perhaps an old collector's last word: only Redis knows.
            self.hub.spawn(self.hub.compare([self.topic]))
            return
        self.heard = max(self.heard, top)
        if top < self.next or self.reading:
            return
        if not part or part.first_offset > self.next:
            self.read()
            return
        self.accept(part.skip(self.next - part.first_offset))

    def compare(self, epoch, top, asked_at):
        """What Redis says; ``asked_at`` is the offset that was expected when it was asked."""
        if self.epoch is None:
            self.epoch, self.next, self.told = epoch, top + 1, top + 1
            for subscription in list(self.subscriptions):
                if not subscription.is_current(self):
                    subscription.stray()
        elif epoch != self.epoch or top + 1 < asked_at:
            self.reset(epoch, top)
        elif top >= self.next:
            self.hub.loop.call_later(SETTLE, self.read_up_to, epoch, top)

    def read_up_to(self, epoch, top):
        """Reads the log unless the doorbell has come in the meantime."""
        if epoch == self.epoch and top >= self.next:
            self.read()

    def read(self):
        """Starts reading what the doorbell did not bring, once at a time."""
        if not self.reading:
            self.reading = True
            self.hub.spawn(self.read_log())

    async def read_log(self):
        """Continues from the log, or resets when the log cannot continue."""
        try:
            part = await self.hub.call(log.read_log, self.topic, self.epoch, self.next - 1)
            if part is None:
                positions = await self.hub.call(log.get_positions, [self.topic])
                self.reset(*positions[self.topic])
                return
        except BusUnavailable:
            return  # the next comparison of positions tries again
        finally:
            self.reading = False
        if part.first_offset != self.next:
            return
        self.epoch = part.epoch
        if len(part.ts):
            self.accept(part)
        if self.heard >= self.next:
            self.read()

    def reset(self, epoch, top):
        """Another log stands in place of the one we followed: every subscription looks for itself."""
        logger.info("%s was reset to %s:%d", self.topic, epoch, top)
        # What waits for the next frame stands in no log any more.
        self.flush()
        self.epoch, self.next, self.told, self.heard = epoch, top + 1, top + 1, top
        self.recent.clear()
        for subscription in list(self.subscriptions):
            subscription.stray()

    def accept(self, part):
        """Contiguous points: sent at once after a pause, else with the next frame."""
        self.waiting.append(part)
        self.next = part.next
        if self.timer is None:
            # By the schedule and not by the last frame: else one that came late would delay all after it.
            due = self.due - EARLY / conf.get("FRAMES_PER_SECOND")
            if self.hub.loop.time() >= due:
                self.flush()
            else:
                self.timer = self.hub.loop.call_at(due, self.flush)

    def flush(self):
        """Sends what waits, joined into one slice, to all."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if not self.waiting:
            return
        raw = self.spend(self.next - self.told)
        whole = join_slices(self.waiting)
        self.waiting.clear()
        for part in whole.split(FRAME_POINTS, raw):
            self.told = part.next
            self.recent.append(part)
            for subscription in list(self.subscriptions):
                subscription.deliver(part)

    def spend(self, points):
        """Whether the rate still allows points one by one; also notes when the next frame is due."""
        now = self.hub.loop.time()
        earned = (now - self.sent_at) * RAW_RATE
        self.sent_at = now
        self.due = max(self.due, now) + 1 / conf.get("FRAMES_PER_SECOND")
        # Never far below zero: two calm seconds bring the single points back.
        self.allowance = max(min(RAW_BURST, self.allowance + earned) - points, -2 * RAW_RATE)
        return self.allowance >= 0

    def find_recent(self, epoch, offset):
        """The Slice from an offset on that this process still remembers, or None."""
        parts = [part for part in self.recent if part.epoch == epoch and part.next > offset]
        if not parts or parts[0].first_offset > offset:
            return None
        return join_slices(parts).skip(offset - parts[0].first_offset)
