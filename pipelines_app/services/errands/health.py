"""How the errands do: for whoever watches over the site."""

from datetime import timedelta
from typing import NamedTuple

from django.db.models import Count, Min
from django.utils import timezone

from pipelines_app.services.errands.drain import find_due

LATE = timedelta(minutes=5)  # an errand that is due for so long is told of


class ErrandHealth(NamedTuple):
    """How many errands are due, and for how many seconds the oldest of them is."""

    due: int
    overdue: float

    @property
    def warning(self):
        """What people must know; "" where all is well."""
        if self.overdue <= LATE.total_seconds():
            return ""
        return "errands wait: see whether the worker of the queue slow runs"


def read_errand_health(*, now=None):
    """The ErrandHealth as of now; those put off until later are not due."""
    moment = now or timezone.now()
    due, first = find_due(moment).aggregate(due=Count("pk"), first=Min("due_at")).values()
    return ErrandHealth(due, max(0.0, (moment - first).total_seconds()) if first else 0.0)
