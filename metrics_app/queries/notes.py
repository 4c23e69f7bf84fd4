"""The notes of a KPI that fall into a span; the effect measurement names them as confounders."""

from django.db.models import Count, OuterRef, Q, Subquery

from metrics_app.models import Note, NoteChange


def list_notes(topic, start, end):
    """Notes that touch [start, end] ms, in order of time."""
    ends_late = Q(until__gte=start) | Q(until=None, at__gte=start)
    rows = Note.objects.filter(ends_late, topic=topic, at__lte=end, deleted_at=None)
    return list(with_versions(rows.select_related("author")))


def find_note(pk):
    """A note that is on the charts, with its version, or None."""
    return with_versions(Note.objects.filter(pk=pk, deleted_at=None)).first()


def with_versions(rows):
    """Notes with ``version``, how many wordings are on record, and ``changed_by``, who did it last."""
    changes = NoteChange.objects.filter(note=OuterRef("pk"), action=NoteChange.Action.CHANGED)
    last = changes.order_by("-id").values("by_name")[:1]
    return rows.annotate(version=Count("changes"), changed_by=Subquery(last))
