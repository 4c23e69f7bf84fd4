"""Notices are kept for a stated time; the timeline of a breach says for ever who was told of what."""

from datetime import timedelta

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from metrics_app import conf
from metrics_app.core.moments import to_ms
from metrics_app.models import Notice

# A breach opens again within a cool-down of 31 days at most, and ends are owed for as long after that:
# by then nothing asks any more what its receivers have heard.
LEAST_DAYS = 62
BATCH = 2_000  # rows of one delete


def prune_notices(*, now=None):
    """Deletes notices of breaches that ended ``NOTICES_DAYS`` ago, and old tests; how many. ``now``: aware.

    Of one breach all go, or none: what is told next goes by what was told before.
    """
    before = (now or timezone.now()) - timedelta(days=max(conf.get("NOTICES_DAYS"), LEAST_DAYS))
    younger = Notice.objects.filter(Q(done_at=None) | Q(done_at__gte=before), breach=OuterRef("breach"))
    rows = Notice.objects.filter(
        Q(breach=None) | Q(breach__recovered_at__lt=to_ms(before)), done_at__lt=before
    )
    rows, deleted = rows.exclude(Exists(younger)), 0
    while ids := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        deleted += Notice.objects.filter(pk__in=ids).delete()[0]
    return deleted
