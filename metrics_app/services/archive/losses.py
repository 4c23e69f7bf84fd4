"""What a shard took along when its Redis lost everything: counted, never guessed away.

Only what SQL was told of can be counted. The archiver tells it with each minute it writes; the
watch, which runs in another process, every ``NOTE_EVERY`` seconds, whether anything is archived or not:
how many points, and, minute by minute, of which topics SQL lacks any. What is missing then is a ``Loss``.
"""

import logging
import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import Max, Min, OuterRef, Subquery, Sum
from django.db.models.functions import Greatest
from django.utils import timezone

from metrics_app import conf, queries, window
from metrics_app.connection import patiently
from metrics_app.core.generations import MOST_ENTRIES
from metrics_app.core.moments import to_ms
from metrics_app.core.text.counts import agree, count_words
from metrics_app.models import Generation, Loss, MinuteRollup
from metrics_app.services.archive.names import find_generation, find_topics, lock_shard
from metrics_app.services.archive.rows import read_rollups
from metrics_app.services.moments import write_moment

logger = logging.getLogger(__name__)

NOTE_EVERY = 5  # seconds; what came after the last note is lost uncounted
RECENT = timedelta(days=1)  # for so long a loss is a warning

looks = {}  # which Redis -> monotonic seconds of the next look, per process


class Losses(NamedTuple):
    """Points that are known to be lost: ``{shard: points}`` of all time, how many lately, and when last.

    ``emptied`` is when (ms) Redis last was there again without its data, whether points are known to be
    lost with them or not; None where it never was.
    """

    by_shard: dict
    recent: int
    last: datetime | None  # of those lost lately
    emptied: int | None = None

    @property
    def warning(self):
        """What to tell everybody, without how many: or ""."""
        if not self.recent:
            return self.tell_uncounted()
        return (
            f"Redis lost its data, last found at {self.last:%Y-%m-%d %H:%M} UTC, and with it points that "
            "were not archived, besides those of its last seconds: keep an archiver running, and see to "
            "appendonly, appendfsync and maxmemory-policy"
        )

    def tell_uncounted(self):
        """What to tell lately of a loss of which no point is known; or ""."""
        if self.emptied is None or self.emptied < to_ms(timezone.now() - RECENT):
            return ""
        return (
            f"Redis lost its data, and began anew at {write_moment(self.emptied, UTC)}: no point is known to "
            "be lost with them, but what came in its last seconds may not have been counted; see to "
            "appendonly, appendfsync and maxmemory-policy"
        )


@patiently()
def note_collected(*, every=NOTE_EVERY):
    """Tells SQL what each shard has counted, at most every ``every`` seconds, and counts what ended."""
    name = conf.get("REDIS_URL"), conf.get("REDIS_PREFIX")
    if time.monotonic() < looks.get(name, 0.0):
        return
    looks[name] = time.monotonic() + every
    # What waits is read last: it may be a little more than what was counted, never less.
    now, counted, waiting = queries.redis_now(), window.read_collected(), window.read_waiting()
    names = {generation for _, generation in counted}
    known = {(row.shard, row.name): row for row in Generation.objects.filter(name__in=names)}
    unknown = sorted(counted.keys() - known.keys())
    known |= {key: find_generation(*key) for key in unknown}
    count_losses(sorted({shard for shard, _ in unknown}))
    looked = {row.pk: describe_look(row, counted[key], *waiting[key[0]]) for key, row in known.items()}
    note_look(looked, now)


def describe_look(row, points, since, minutes):
    """What is news of a generation that has counted ``points``; what waits is of ``window.read_waiting``."""
    listed = minutes and {
        topic: [list(pair) for pair in sorted(counts.items())] for topic, counts in minutes.items()
    }
    waiting, news = {"since": since, "minutes": listed}, {}
    if points > row.seen:
        news["seen"] = Greatest("seen", points)
    if waiting != row.waiting:
        news["waiting"] = waiting
    return news


def note_look(looked, now):
    """Writes ``{id: news}`` as of ``now`` (ms); not those the archiver holds at this moment."""
    with transaction.atomic():
        free = Generation.objects.select_for_update(skip_locked=True).filter(pk__in=looked)
        ids = list(free.values_list("pk", flat=True))
        for pk in ids:
            if looked[pk]:
                Generation.objects.filter(pk=pk).update(**looked[pk])
        Generation.objects.filter(pk__in=ids).update(noted_at=now)


def count_losses(shards):
    """Closes the generations that ended, and says in one line how many of their points SQL never saw."""
    ended = []
    try:
        for shard in shards:
            ended += close_ended(shard)
    finally:
        # Of those that were counted, also where one of the others failed: nobody counts them again.
        if ended:
            logger.error("%s", tell_loss(ended))


def close_ended(shard):
    """The generations of a shard that ended and were open until now, each with what it ``lost``."""
    entries = window.take(shard, []).generations.entries
    known = {entry.name for entry in entries}
    if not known or not Generation.objects.filter(shard=shard, lost=None).exclude(name__in=known).exists():
        return []
    with transaction.atomic():
        lock_shard(shard)
        ended = Generation.objects.filter(shard=shard, lost=None).exclude(name__in=known)
        rows = share_out(list(ended.order_by("pk")))
        # Of very many that lived beside each other the oldest is forgotten, and its data are kept.
        if rows and len(entries) < MOST_ENTRIES:
            find_span(rows, entries[0].began or queries.redis_now()).save()
        Generation.objects.filter(pk__in=[row.pk for row in rows]).update(waiting=None)
        Generation.objects.bulk_update(rows, ["lost"])
    return rows


def find_span(rows, began):
    """The Loss of generations that ended together, oldest first, before the next one ``began`` (ms)."""
    looked = min(max((row.noted_at or 0 for row in rows), default=0) or began, began)
    waiting = rows[-1].waiting or {"since": None, "minutes": None}
    topics = find_missing(rows, waiting["minutes"])
    # Where nobody knows whose they were, nor of when, all that waited may be missing.
    since = [waiting["since"] or looked] if topics is None else [at for at, _ in topics.values()]
    return Loss(
        shard=rows[-1].shard,
        start=min([looked, *since]),
        looked_at=looked,
        end=began,
        points=sum(row.lost for row in rows),
        topics=topics,
    )


def find_missing(rows, minutes):
    """``{topic: [first minute, points]}`` of minutes that waited and SQL has not got since; None of None."""
    if minutes is None:
        return None
    topics = find_topics(minutes)
    asked = [(topics[name], at) for name in topics for at, _ in minutes[name]]
    archived = read_rollups(MinuteRollup, [(*pair, row.pk) for pair in asked for row in rows])
    found = {}
    for name, counts in minutes.items():
        parts = [(at, n - count_archived(archived, topics.get(name), at, rows)) for at, n in counts]
        if missing := [(at, n) for at, n in parts if n > 0]:
            found[name] = [missing[0][0], sum(n for _, n in missing)]
    return found


def count_archived(archived, topic, minute, rows):
    """Points of a topic's minute in SQL, of all generations that ended together."""
    found = (archived.get((topic, minute, row.pk)) for row in rows)
    return sum(int(summary.count) for summary in found if summary)


def share_out(rows):
    """Sets ``lost`` of generations that ended together, oldest first.

    The counter of a shard goes on where a new generation began beside data that was kept: what it had
    reached before is not the new one's. One that is lower than before began anew.
    """
    before = spare = 0
    for row in rows:
        own = row.seen - before if row.seen >= before else row.seen
        missing = own - row.archived - spare
        # A generation may have counted, and archived, more than was noted before the next one began.
        row.lost, spare, before = max(missing, 0), max(-missing, 0), row.seen
    return rows


def tell_loss(rows):
    """What is known of generations that ended, and what is not: one line, of however many shards."""
    shards = sorted({row.shard for row in rows})
    where = f"{len(shards)} of {count_words(conf.get('SHARDS'), 'shard')} ({', '.join(map(str, shards))})"
    lost, archived = sum(row.lost for row in rows), sum(row.archived for row in rows)
    known = (
        f"{count_words(lost, 'point')} that {agree(lost)} known of it "
        f"{agree(lost, 'was', 'were')} not archived"
        if lost
        else f"all points that are known of it are archived ({archived:,})"
    )
    return f"Redis lost data in {where}: {known}; how many came after anybody last looked is unknown."


def read_losses():
    """The Losses as SQL knows them."""
    ended = Generation.objects.filter(lost__gt=0)
    by_shard = dict(ended.order_by().values_list("shard").annotate(Sum("lost")))
    # A generation ended when the next one of its shard began.
    later = Generation.objects.filter(shard=OuterRef("shard"), pk__gt=OuterRef("pk")).order_by()
    first = later.values("shard").annotate(first=Min("created_at")).values("first")
    recent = ended.annotate(ended_at=Subquery(first)).filter(ended_at__gte=timezone.now() - RECENT)
    found = recent.aggregate(points=Sum("lost"), last=Max("ended_at"))
    emptied = Loss.objects.aggregate(last=Max("end"))["last"]
    return Losses(by_shard, found["points"] or 0, found["last"], emptied)
