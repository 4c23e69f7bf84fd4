"""Brings tables of points into history: each point once, whenever it is killed and begun again.

What is older than the hot window is added to the roll-ups as the archiver adds late points, in
one transaction with the ids that were taken and the position in the file. What is younger goes
over the bus, under a batch id that makes a repeat within 24 h harmless.
"""

import hashlib
import json
import time

import numpy as np
from django.db import connection, transaction
from django.utils import timezone

from metrics_app import window
from metrics_app.clock import redis_now
from metrics_app.conf import get
from metrics_app.core.fold import next_mark
from metrics_app.files.tables import BLOCK
from metrics_app.models import HourRollup, Import, ImportedId, Topic
from metrics_app.queries.logs import shard_for
from metrics_app.services.archive.late import Late, add_points
from metrics_app.services.archive.names import lock_shard, number_topics
from metrics_app.services.archive.run import SHARE
from metrics_app.services.compact import begin_history
from metrics_app.services.kpis import register_topics
from metrics_app.services.record import check_known, record_batch

MOST = 50  # blocks of one transaction


def begin_import(digest, name):
    """The Import of a file: a new one, or the one that an earlier run began."""
    hot_from = find_hot()
    return Import.objects.get_or_create(digest=digest, defaults={"name": name[:255], "hot_from": hot_from})[0]


def find_hot():
    """The first moment (ms) that Redis may still hold: the earliest sealed mark of all shards."""
    marks = [int(meta.fields.get("sealed") or 0) for meta in window.read_meta(range(get("SHARDS")))]
    return min([next_mark(redis_now()), *(mark for mark in marks if mark)])


def run_import(job, blocks, *, on_progress=lambda rows: None):
    """Writes what the Import lacks of the blocks, which begin at its position; the Import as it ended."""
    waiting, size = [], 1
    for block in blocks:
        waiting.append(block)
        if len(waiting) >= size:
            begun = time.monotonic()
            job = write_blocks(job, waiting)
            size = adapt(size, time.monotonic() - begun)
            on_progress(job.position)
            waiting = []
    if waiting:
        job = write_blocks(job, waiting)
        on_progress(job.position)
    if job.finished_at is None:
        job.finished_at = timezone.now()
        job.save(update_fields=["finished_at"])
    return job


def adapt(size, seconds):
    """The blocks of the next transaction, after ``size`` took ``seconds``."""
    # SQLite has one writer, for whom everybody waits; elsewhere only the shard's archiver does.
    patience = SHARE if connection.vendor == "sqlite" else 10 * SHARE
    if seconds > patience:
        return max(size // 2, 1)
    return min(2 * size, MOST) if seconds < patience / 3 else size


def write_blocks(job, blocks):
    """One transaction: points, ids, position; blocks that another run has written meanwhile are left out."""
    with transaction.atomic():
        job = Import.objects.select_for_update().get(pk=job.pk)
        blocks = [block for block in blocks if block.first >= job.position]
        if not blocks:
            return job
        parts = [write_block(job, block) for block in blocks]
        old = [late for late, _ in parts if len(late.ts)]
        if old:
            add_old(old)
        job.position = blocks[-1].stop
        job.bad += sum(len(block.faults) for block in blocks)
        job.added += sum(count for _, count in parts)
        job.known += sum(len(block.ts) - count for block, (_, count) in zip(blocks, parts, strict=True))
        job.save()
    return job


def write_block(job, block):
    """Takes the ids of a block and sends its young points; ``(Late of the old ones, how many are new)``."""
    if not len(block.ts):
        return Late(0, "", [], block.topic, block.ts, block.values), 0
    check_known(block.topics, None)
    register_topics(block.topics)
    fresh = take_ids(block) if block.ids else np.ones(len(block.ts), bool)
    young = fresh & (block.ts >= job.hot_from)
    if young.any():
        send_young(job, block, young)
    old = fresh & ~young
    late = Late(0, "", block.topics, block.topic[old], block.ts[old], block.values[old])
    return late, int(fresh.sum())


def send_young(job, block, young):
    """Puts the young points of a block on the bus; the same block again adds nothing."""
    batch = {}
    for number, topic in enumerate(block.topics):
        mine = young & (block.topic == number)
        if mine.any():
            batch[topic] = block.ts[mine], block.values[mine]
    name = f"import:{job.digest[:32]}:{block.first // BLOCK}"
    record_batch(batch, batch_id=name, digest=name.encode())


def add_old(parts):
    """Adds Lates to the roll-ups, shard by shard in their order: two importers never wait in a ring."""
    names = sorted({topic for late in parts for topic in late.topics})
    places = {name: at for at, name in enumerate(names)}
    topic = np.concatenate([np.array([places[name] for name in late.topics])[late.topic] for late in parts])
    ts, values = (np.concatenate([getattr(late, name) for late in parts]) for name in ("ts", "values"))
    shards = np.array([shard_for(name) for name in names])[topic]
    for shard in np.unique(shards).tolist():
        mine = shards == shard
        add_points(Late(0, "", names, topic[mine], ts[mine], values[mine]), open_history(shard))


def open_history(shard):
    """The locked ShardHistory; of a shard without any roll-up with the marks of what is kept."""
    history = lock_shard(shard)
    # Once the nightly work was there it has marks, however little there is.
    if not history.days_target:
        topics = [pk for pk, name in Topic.objects.values_list("id", "name") if shard_for(name) == shard]
        if not HourRollup.objects.filter(topic__in=topics).exists():
            begin_history(history, redis_now())
    return history


def take_ids(block):
    """Which points have an id that their topic has not had before; takes them. Call inside a transaction."""
    numbers = number_topics(block.topics)
    pairs = [
        (numbers[block.topics[topic]], make_key(name))
        for topic, name in zip(block.topic.tolist(), block.ids, strict=True)
    ]
    first = {}
    for at, pair in enumerate(pairs):
        first.setdefault(pair, at)
    # Sorted, so that two importers of the same ids never wait for each other in a ring.
    taken = insert_ids(sorted(first))
    fresh = np.zeros(len(pairs), bool)
    fresh[[first[pair] for pair in taken]] = True
    return fresh


def make_key(name):
    """128 bits for an id, hexadecimal."""
    return hashlib.blake2b(name.encode(), digest_size=16).hexdigest()


def insert_ids(pairs):
    """Inserts ``(topic id, key)`` pairs; those that were not there."""
    table = connection.ops.quote_name(ImportedId._meta.db_table)
    if connection.vendor == "postgresql":
        source = "SELECT * FROM unnest(%s::integer[], %s::uuid[])"
        values = [[topic for topic, _ in pairs], [key for _, key in pairs]]
    else:
        source = "SELECT value ->> 0, value ->> 1 FROM json_each(%s) WHERE true"
        values = [json.dumps(pairs)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (topic, key) {source} ON CONFLICT DO NOTHING RETURNING topic, key", values
        )
        rows = cursor.fetchall()
    return [(topic, key if isinstance(key, str) else key.hex) for topic, key in rows]
