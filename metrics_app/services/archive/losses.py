"""What a shard took along when its Redis lost everything: counted, never guessed away."""

import logging

from django.db import transaction

from metrics_app import window
from metrics_app.models import Generation
from metrics_app.services.archive.names import lock_shard

log = logging.getLogger(__name__)


def count_losses(shard):
    """Closes the generations that ended, and says how many of their points SQL never saw."""
    known = {entry.name for entry in window.take(shard, []).generations.entries}
    if not known or not Generation.objects.filter(shard=shard, lost=None).exclude(name__in=known).exists():
        return 0
    total = 0
    with transaction.atomic():
        lock_shard(shard)
        for row in Generation.objects.filter(shard=shard, lost=None).exclude(name__in=known):
            row.lost = max(row.seen - row.archived, 0)
            row.save(update_fields=["lost"])
            total += row.lost
            log.error(
                "Shard %s: Redis lost generation %s with %s points that were not archived, "
                "and what came after the archiver last looked",
                shard,
                row.name,
                row.lost,
            )
    return total
