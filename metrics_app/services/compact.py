"""The nightly work on history: hours are verified, days written, what is verified is pruned.

Every step is a short transaction under the shard's lock and leaves everything consistent, so
that it may stop anywhere and run twice. A day is pruned only after it was verified.
"""

import logging
import time
from typing import NamedTuple

from django.db import connection, transaction

from metrics_app import conf
from metrics_app.core.buckets import floor
from metrics_app.core.durations import DAY_MS, HOUR_MS
from metrics_app.models import HourRollup, MinuteRollup, ShardHistory, Topic
from metrics_app.queries.corrections import list_kept_days
from metrics_app.queries.kept import LEAST_DAYS
from metrics_app.queries.logs import clock, shard_for
from metrics_app.services.archive.minutes import add_up, rewrite_days
from metrics_app.services.archive.names import lock_shard
from metrics_app.services.archive.rows import read_spans, write_rollups

logger = logging.getLogger(__name__)

TOPICS = 20  # topics of one transaction
ROWS = 2_000  # rows of one delete
# What is pruned, its mark in ``ShardHistory``, the setting that says how long it is kept.
PRUNED = (
    (MinuteRollup, "pruned_minutes", "MINUTES_DAYS"),
    (HourRollup, "pruned_hours", "HOURS_DAYS"),
)


class Compacted(NamedTuple):
    """What a run did: days written, hours that differed from their minutes, rows pruned."""

    days: int = 0
    repaired: int = 0
    pruned: int = 0


def compact_history(*, now=None, patience=float("inf")):
    """Verifies, writes days and prunes on all shards; a Compacted. ``now`` in ms, ``patience`` in s."""
    now, deadline = clock() if now is None else now, time.monotonic() + patience
    by_shard = {}
    for pk, name in Topic.objects.values_list("id", "name"):
        by_shard.setdefault(shard_for(name), []).append((pk, name))
    total = Compacted()
    for shard in sorted(by_shard):
        found = compact_shard(shard, by_shard[shard], now, deadline)
        total = Compacted(*map(sum, zip(total, found, strict=True)))
    return total


def compact_shard(shard, topics, now, deadline):
    """One shard: day by day up to the last one that is sealed, then pruning."""
    history = ShardHistory.objects.filter(shard=shard).first()
    if history is None:
        return Compacted()
    through = find_through(history, now)
    days = repaired = 0
    # Verified as far back as minutes are kept whole: older ones were, before they were pruned.
    numbers = [pk for pk, _ in topics]
    if history.days_through < through:
        ShardHistory.objects.filter(shard=shard).update(days_target=through)
        for day in list_days(numbers, history.days_through, through):
            for at in range(0, len(numbers), TOPICS):
                if time.monotonic() > deadline:
                    return Compacted(days, repaired)
                written, mended = write_days(shard, numbers[at : at + TOPICS], day)
                days, repaired = days + written, repaired + mended
        ShardHistory.objects.filter(shard=shard).update(days_through=through)
    return Compacted(days, repaired, prune(shard, topics, now, deadline))


def find_through(history, now):
    """The midnight (ms) up to which days are over and sealed."""
    return floor(min(now, history.sealed or now), DAY_MS)


def begin_history(history, now):
    """Gives a locked ``ShardHistory`` without any roll-up the marks that the nightly work would leave.

    What is imported then comes as days too, and no finer than it is kept: the night has nothing to do.
    """
    history.days_target = history.days_through = find_through(history, now)
    for _, mark, setting in PRUNED:
        setattr(history, mark, max(find_pruned(history, setting, now), 0))
    history.save()


def find_pruned(history, setting, now):
    """The midnight (ms) before which a resolution is not kept; only complete days are let go of."""
    kept = max(conf.get(setting), LEAST_DAYS)
    return min(floor(now - kept * DAY_MS, DAY_MS), history.days_through)


def list_days(topics, low, high):
    """The days (ms) in [low, high) that have hours of these topics."""
    table = connection.ops.quote_name(HourRollup._meta.db_table)
    found = set()
    with connection.cursor() as cursor:
        for topic in topics:
            cursor.execute(
                f"SELECT DISTINCT start / {DAY_MS} FROM {table} "
                "WHERE topic = %s AND start >= %s AND start < %s",
                [topic, low, high],
            )
            found.update(row[0] * DAY_MS for row in cursor.fetchall())
    return sorted(found)


def write_days(shard, topics, day):
    """One transaction: hours of a day against their minutes, then the day; ``(days, hours repaired)``."""
    with transaction.atomic():
        lock_shard(shard)
        keys = HourRollup.objects.filter(topic__in=topics, start__gte=day, start__lt=day + DAY_MS)
        keys = set(keys.values_list("topic", "start", "generation"))
        repaired = verify_hours(keys)
        days = {(topic, day, generation) for topic, _, generation in keys}
        rewrite_days(days)
    return len(days), repaired


def verify_hours(keys):
    """Rewrites the hours whose count is not that of their minutes; how many there were."""
    expected = add_up(read_spans(MinuteRollup, keys, HOUR_MS), keys, HOUR_MS)
    known = read_spans(HourRollup, keys, HOUR_MS)
    wrong = {key: part for key, part in expected.items() if known[key].count != part.count}
    for topic, start, generation in wrong:
        HourRollup.objects.filter(topic=topic, start=start, generation=generation).delete()
        logger.error("The hour %s of topic %s was not the sum of its minutes, and is now", start, topic)
    write_rollups(HourRollup, wrong)
    return len(wrong)


def prune(shard, topics, now, deadline):
    """Deletes what is older than its resolution is kept for; how many rows."""
    history, total = ShardHistory.objects.get(shard=shard), 0
    for model, mark, setting in PRUNED:
        before = find_pruned(history, setting, now)
        if before > getattr(history, mark):
            # First the mark: readers go to the coarser roll-ups before the finer ones are gone.
            ShardHistory.objects.filter(shard=shard).update(**{mark: before})
        for topic, name in topics:
            if time.monotonic() > deadline:
                return total
            total += prune_topic(model, topic, before, list_kept_days(name))
    return total


def prune_topic(model, topic, before, kept):
    """Deletes a topic's rows before ``before``, except on the kept days, some at a time; how many."""
    rows = model.objects.filter(topic=topic, start__lt=before)
    for day in kept:
        rows = rows.exclude(start__gte=day, start__lt=day + DAY_MS)
    total = 0
    while True:
        starts = list(rows.order_by("start").values_list("start", flat=True)[:ROWS])
        if not starts:
            return total
        total += rows.filter(start__lte=starts[-1])._raw_delete(rows.db)
