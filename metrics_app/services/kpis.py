"""The registry of KPIs: topics enter it on first sight."""

from metrics_app.models import Kpi
from metrics_app.registry import forget


def register_topics(topics):
    """Creates the missing ``Kpi`` rows of checked topics; returns how many were missing.

    Two processes that see a topic at once are harmless: the second row is ignored.
    """
    topics = set(topics)
    known = set(Kpi.objects.filter(topic__in=topics).values_list("topic", flat=True))
    missing = sorted(topics - known)
    if missing:
        Kpi.objects.bulk_create([Kpi(topic=topic) for topic in missing], ignore_conflicts=True)
        forget()
    return len(missing)
