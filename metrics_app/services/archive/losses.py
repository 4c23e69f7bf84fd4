"""What a shard took along when its Redis lost everything: counted, never guessed away.

Only what SQL was told of can be counted. The archiver tells it with each minute it writes; the
watch, which runs in another process, every ``NOTE_EVERY`` seconds, whether anything is archived or not.
"""

import logging
import time
from datetime import timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import BigIntegerField, Case, Min, OuterRef, Subquery, Sum, When
from django.db.models.functions import Greatest
from django.utils import timezone

from metrics_app import conf, window
from metrics_app.models import Generation
from metrics_app.services.archive.names import find_generation, lock_shard

logger = logging.getLogger(__name__)

NOTE_EVERY = 5  # seconds; what came after the last note is lost uncounted
RECENT = timedelta(days=1)  # for so long a loss is a warning

looks = {}  # which Redis -> monotonic seconds of the next look, per process


class Losses(NamedTuple):
    """Points that are known to be lost: ``{shard: points}`` of all time, and how many lately."""

    by_shard: dict
    recent: int

    @property
    def warning(self):
        """What to tell, or ""."""
        if not self.recent:
            return ""
        return (
            f"Redis lost its data within the last day, and with it {self.recent:,} points that were not "
            "archived, besides those of its last seconds: keep an archiver running, and see to "
            "appendonly, appendfsync and maxmemory-policy"
        )


def note_collected(*, every=NOTE_EVERY):
    """Tells SQL what each shard has counted, at most every ``every`` seconds, and counts what ended."""
    name = conf.get("REDIS_URL"), conf.get("REDIS_PREFIX")
    if time.monotonic() < looks.get(name, 0.0):
        return
    looks[name] = time.monotonic() + every
    counted = window.read_collected()
    names = {generation for _, generation in counted}
    known = {(row.shard, row.name): row for row in Generation.objects.filter(name__in=names)}
    for shard, generation in sorted(counted.keys() - known.keys()):
        known[shard, generation] = find_generation(shard, generation)
        count_losses(shard)
    raise_seen({known[key].pk: points for key, points in counted.items() if known[key].seen < points})


def raise_seen(points):
    """Writes ``{id: points}``, in one statement, never less than there was; not those the archiver holds."""
    if not points:
        return
    with transaction.atomic():
        free = Generation.objects.select_for_update(skip_locked=True).filter(pk__in=points)
        if ids := list(free.values_list("pk", flat=True)):
            found = Case(*(When(pk=pk, then=points[pk]) for pk in ids), output_field=BigIntegerField())
            Generation.objects.filter(pk__in=ids).update(seen=Greatest("seen", found))


def count_losses(shard):
    """Closes the generations that ended, and says how many of their points SQL never saw."""
    known = {entry.name for entry in window.take(shard, []).generations.entries}
    if not known or not Generation.objects.filter(shard=shard, lost=None).exclude(name__in=known).exists():
        return 0
    total = 0
    with transaction.atomic():
        lock_shard(shard)
        ended = Generation.objects.filter(shard=shard, lost=None).exclude(name__in=known)
        for row in share_out(list(ended.order_by("pk"))):
            row.save(update_fields=["lost"])
            total += row.lost
            logger.error("Shard %s: Redis lost generation %s. %s", shard, row.name, tell_loss(row))
    return total


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


def tell_loss(row):
    """What is known of a generation that ended, and what is not."""
    unknown = "how many came after anybody last looked is unknown"
    if row.lost:
        return f"{row.lost:,} points that are known of it were not archived; {unknown}."
    return f"All points that are known of it are archived ({row.archived:,}); {unknown}."


def read_losses():
    """The Losses as SQL knows them."""
    ended = Generation.objects.filter(lost__gt=0)
    by_shard = dict(ended.order_by().values_list("shard").annotate(Sum("lost")))
    # A generation ended when the next one of its shard began.
    later = Generation.objects.filter(shard=OuterRef("shard"), pk__gt=OuterRef("pk")).order_by()
    first = later.values("shard").annotate(first=Min("created_at")).values("first")
    recent = ended.annotate(ended_at=Subquery(first)).filter(ended_at__gte=timezone.now() - RECENT)
    return Losses(by_shard, recent.aggregate(points=Sum("lost"))["points"] or 0)
