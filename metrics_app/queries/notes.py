"""The notes of a KPI that fall into a span; the effect measurement names them as confounders."""

from django.db.models import Q

from metrics_app.models import Note


def list_notes(topic, start, end):
    """Notes that touch [start, end] ms, in order of time."""
    ends_late = Q(until__gte=start) | Q(until=None, at__gte=start)
    rows = Note.objects.filter(ends_late, topic=topic, at__lte=end, deleted_at=None)
    return list(rows.select_related("author"))
