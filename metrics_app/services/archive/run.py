"""One run over all shards, in steps that each leave everything consistent."""

import logging
import time
from typing import NamedTuple

from metrics_app import conf, window
from metrics_app.connection import patiently
from metrics_app.services.ages import ARCHIVER, note_work
from metrics_app.services.archive.backlog import warn
from metrics_app.services.archive.late import read_entries, read_positions, write_late
from metrics_app.services.archive.losses import count_losses
from metrics_app.services.archive.minutes import write_minutes

logger = logging.getLogger(__name__)

CHUNK = 50  # minutes of one transaction: their hours are read with them
SHARE = 0.1  # seconds a transaction should stay below


class Archived(NamedTuple):
    """What a run brought to SQL: minutes that were new or grew, late points."""

    minutes: int = 0
    late: int = 0


@patiently()
def archive(*, patience=30):
    """Archives what waits on all shards, for about ``patience`` seconds; an Archived.

    BusUnavailable when Redis is away; a database that is away raises its own error. Either
    way nothing is lost: the next run goes on.
    """
    deadline, total = time.monotonic() + patience, Archived()
    warn()
    count_losses(range(conf.get("SHARDS")))
    for shard in range(conf.get("SHARDS")):
        found = archive_shard(shard, deadline=deadline)
        total = Archived(total.minutes + found.minutes, total.late + found.late)
    note_work(ARCHIVER)
    return total


def archive_shard(shard, *, deadline=float("inf")):
    """Archives one shard until ``deadline`` (monotonic seconds); an Archived."""
    return Archived(archive_minutes(shard, deadline), archive_late(shard, deadline))


def archive_minutes(shard, deadline):
    """The dirty minutes of a shard, oldest first; how many were news."""
    members, written, at, size = window.list_dirty(shard), 0, 0, CHUNK
    while at < len(members) and time.monotonic() < deadline:
        begun = time.monotonic()
        taken = window.take(shard, members[at : at + size])
        if taken.generations.entries:
            written += write_minutes(shard, taken)
            window.clean(shard, taken.generations, [(t, m, s.count) for t, m, s in taken.minutes])
        note_work(ARCHIVER)
        at += size
        size = adapt(size, time.monotonic() - begun)
    return written


def adapt(size, seconds):
    """The size of the next chunk, after one that took ``seconds``."""
    if seconds > SHARE:
        return max(size // 2, 5)
    return min(size * 2, 400) if seconds < SHARE / 4 else size


def archive_late(shard, deadline):
    """The late points of a shard, in the order of their numbers; how many were news."""
    written = 0
    while True:
        generations, positions = window.take(shard, []).generations, read_positions(shard)
        # What an archiver that died had written is let go of here.
        if through := positions.get(generations.current):
            window.clean(shard, generations, [], late_through=through)
        entries = read_entries(shard, generations, positions)
        if not entries or time.monotonic() > deadline:
            return written
        for late in entries:
            written += write_late(shard, late)
        # By its number, not by that of the newest generation: one that has begun since, as after a restore,
        # has moved none, and what those before it moved would be read again and again.
        window.clean(shard, generations, [], late_through=late.first + len(late.ts) - 1)
