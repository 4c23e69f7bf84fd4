"""The collector: bus → hot window → doorbell, one step at a time.

A step (``turn``) reads what is new on the buses of its shards, folds it into memory,
writes each shard in one script together with its new offset, and rings for the
streams. Any number of collectors may serve the same shards: the fence lets one of
them win each step, the lease spares the others the attempt.
"""

import logging
import secrets
import time

from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from metrics_app import bus, conf, live, window
from metrics_app.clock import redis_now
from metrics_app.connection import patiently
from metrics_app.core.fold import Turn, next_mark
from metrics_app.exceptions import BusUnavailable, MetricsError, StaleFence
from metrics_app.garbage import GarbageFreezer
from metrics_app.services import kpis
from metrics_app.window.fence import is_durable

logger = logging.getLogger(__name__)

RENEW = 0.5  # seconds between two looks at the leases
# Seconds between two beats, and for how many ms a turn waits for points: while points come, and at rest.
BEAT, BEAT_AT_REST = 0.2, 0.9
WAIT, WAIT_AT_REST = 250, 500
REST_AFTER = 10.0  # seconds without a point
RETRY = 1.0  # seconds between two attempts to reach the database
ANEW = 60.0  # seconds after which a KPI that was deleted comes again, where points go on coming
LONGEST_PAUSE = 2.0  # seconds between two attempts while Redis is away
MOST_POINTS = 400_000  # points a turn aims to stay below


class Collector:
    """Collects a set of shards (None: all).

    ``lease`` False is for who collects once: it waits for no other one, is none that others wait for, and
    moves the through marks of idle shards by itself, at most every ``idle_ms``.
    """

    def __init__(self, shards=None, *, lease=True, idle_ms=200):
        self.idle_ms = idle_ms
        self.shards = list(range(conf.get("SHARDS"))) if shards is None else list(shards)
        self.lease = lease
        self.me = secrets.token_hex(8)
        self.memories = {}
        self.confirmed = {}
        self.mine, self.renewed = [], float("-inf")
        self.beaten, self.woken = float("-inf"), time.monotonic()
        self.count = 256
        self.checked, self.freezer = False, GarbageFreezer()
        self.registered, self.unregistered = set(), set()
        self.tried, self.forgotten = float("-inf"), time.monotonic()

    def run(self, stop):
        """Turns until ``stop`` (a threading.Event) is set; survives Redis going away and coming back."""
        pause = 0.0
        while not stop.is_set():
            try:
                self.turn(WAIT_AT_REST if self.is_at_rest() else WAIT)
                # A full look at a million objects would hold up every stream.
                self.freezer.settle(1 + len(self.registered))
                if pause:
                    logger.info("Redis is back, collecting goes on")
                pause = 0.0
            except BusUnavailable as error:
                if not pause:
                    logger.warning("%s Collecting waits.", error)
                self.memories.clear()
                pause = min(max(2 * pause, 0.1), LONGEST_PAUSE)
                stop.wait(pause)
        self.release()

    @patiently()
    def turn(self, block_ms=WAIT):
        """One step over all shards; True when there may be more to read at once."""
        self.check()
        window.note_recording()
        self.take_shards()
        self.load_memories()
        if not self.memories:
            time.sleep((block_ms or 0) / 1000)
            return False
        offsets = {shard: memory.offset for shard, memory in self.memories.items()}
        found = bus.read(offsets, block_ms=block_ms, count=self.count)
        turns = [self.collect_shard(shard, found) for shard in list(self.memories)]
        updates = [update for turn in turns for update in turn.updates]
        if self.lease:
            self.beat(found)
        else:
            self.advance_idle(found)
        self.adapt(found)
        if updates:
            live.publish_turn(updates)
        # Also topics of which only late points came: they have no log, but a history.
        self.register([update.topic for update in updates] + [topic for turn in turns for topic in turn.late])
        return not found.complete

    def check(self):
        """Once per process, and before any lease is waited for: is this the installation it was?"""
        if not self.checked:
            window.check_shards()
            self.checked = True

    def adapt(self, found):
        """Reads more entries a turn while they are small, fewer when they are large."""
        if found.points > MOST_POINTS:
            self.count = max(self.count // 2, 8)
        elif not found.complete and found.points < MOST_POINTS // 2:
            self.count = min(self.count * 2, 16_384)

    def take_shards(self):
        """Renews the leases now and then; shards that others hold are left to them."""
        if not self.lease:
            self.mine = self.shards
        elif time.monotonic() - self.renewed > RENEW:
            self.mine, new = window.take_leases(self.shards, self.me)
            self.renewed = time.monotonic()
            # Somebody may have moved them on, or Redis has lost them with all else.
            for shard in new:
                self.memories.pop(shard, None)
        for shard in set(self.memories) - set(self.mine):
            del self.memories[shard]

    def load_memories(self):
        """Reads where the shards stand that are not in memory; begins a generation where data was lost."""
        missing = [shard for shard in self.mine if shard not in self.memories]
        if not missing:
            return
        for meta in window.read_meta(missing):
            if self.must_begin(meta):
                try:
                    window.begin_generation(meta, self.me)
                except StaleFence:
                    continue
                level = logging.WARNING if meta.fields else logging.INFO
                logger.log(level, "Shard %s begins a new generation: its data is new or was lost", meta.shard)
                meta = window.read_meta([meta.shard])[0]
            elif meta.fields["run_id"] != meta.run_id:
                window.note_run_id(meta)
            self.memories[meta.shard] = meta.remember()
            self.confirmed[meta.shard] = meta.seq

    def must_begin(self, meta):
        """Whether what Redis holds may be less than what it once acknowledged."""
        if meta.lost_data() or meta.seq < self.confirmed.get(meta.shard, 0):
            return True
        restarted = meta.fields.get("run_id") != meta.run_id
        return restarted and meta.shard not in self.confirmed and not is_durable()

    def collect_shard(self, shard, found):
        """Seals, folds and applies one shard; the Turn that was applied, an empty one if none was."""
        memory, rows = self.memories[shard], found.entries.get(shard, ())
        try:
            batch = bus.join_entries(entry for _, entry in rows)
            self.seal(shard, memory, batch, found.now)
            if not rows:
                return Turn()
            turn = self.fold(shard, memory, batch, found.now)
            turn.broken = sum(entry is None for _, entry in rows)
            offset = rows[-1][0].decode()
            window.apply(shard, memory, turn, offset=offset, through=found.through[shard], me=self.me)
        except StaleFence:
            del self.memories[shard]
            return Turn()
        except MetricsError:
            # Whether the script ran is unknown: the memory may be ahead of Redis.
            self.memories.clear()
            raise
        self.confirmed[shard] = memory.seq
        return turn

    def seal(self, shard, memory, batch, now):
        """Moves the sealed mark when a minute begins, before a point could reuse its slot."""
        mark = next_mark(now, batch)
        if mark > memory.sealed:
            window.seal(shard, memory, mark, self.me)
            self.confirmed[shard] = memory.seq
            memory.forget_before(mark, now)
            if dropped := window.drop_held(shard, memory, now):
                logger.warning("Shard %s: %s minutes waited too long for the archiver", shard, dropped)

    def fold(self, shard, memory, batch, now):
        """Loads what a batch touches and folds it; the Turn to apply."""
        turn = Turn()
        batch = memory.split_times(batch, now, turn)
        if unknown := memory.find_unknown(batch):
            window.load_topics(shard, memory, unknown)
        if missing := memory.find_missing(batch):
            window.load_details(shard, memory, missing)
        if batch:
            memory.fold(batch, now, turn)
        return turn

    def is_at_rest(self):
        """Whether no point has come for a while: then it costs little to be there."""
        return time.monotonic() - self.woken > REST_AFTER

    def beat(self, found):
        """Tells that this one lives, and up to when all is collected of the shards that were read out."""
        if found.points:
            self.woken = time.monotonic()
        if time.monotonic() - self.beaten < (BEAT_AT_REST if self.is_at_rest() else BEAT):
            return
        # Applied in this turn, or nothing was there: what came before its reading began is in the window.
        whole = [shard for shard in self.memories if found.through[shard] >= found.now]
        for shard in whole:
            self.memories[shard].through = max(self.memories[shard].through, found.now)
        window.beat(self.me, whole, found.now)
        self.beaten = time.monotonic()

    def advance_idle(self, found):
        """Moves the through marks of the shards that had nothing new."""
        idle = {
            shard: memory
            for shard, memory in self.memories.items()
            if shard not in found.entries and found.through[shard] - memory.through >= self.idle_ms
        }
        for shard in window.advance(idle, found.through) if idle else ():
            del self.memories[shard]

    def register(self, topics):
        """Makes KPIs of unknown topics; a database that is away is tried again once a second."""
        if not conf.get("AUTO_CREATE_KPIS"):
            return
        if time.monotonic() - self.forgotten >= ANEW:
            # Nobody tells a collector of a deletion, and points must not go on coming unseen.
            self.registered, self.forgotten = set(), time.monotonic()
        self.unregistered.update(topic for topic in topics if topic not in self.registered)
        if not self.unregistered or time.monotonic() - self.tried < RETRY:
            return
        try:
            if not connection.in_atomic_block:
                close_old_connections()
            kpis.register_topics(self.unregistered)
        except (DatabaseError, InterfaceError) as error:
            self.tried = time.monotonic()
            logger.warning("New KPIs wait for the database: %s", error)
        else:
            self.registered |= self.unregistered
            self.unregistered.clear()

    def release(self):
        """Gives the leases back, so that the next collector need not wait for them to run out."""
        try:
            window.release_leases(self.mine, self.me)
        except BusUnavailable as error:
            logger.info("Leases run out by themselves: %s", error)


def collect_all():
    """Collects everything that is on the bus now, whoever holds the lease; for tests and tools."""
    collector = Collector(lease=False, idle_ms=1)
    now = redis_now()
    while True:
        more = collector.turn(block_ms=None)
        marks = [memory.through for memory in collector.memories.values()]
        if not more and len(marks) == len(collector.shards) and min(marks) >= now:
            return
