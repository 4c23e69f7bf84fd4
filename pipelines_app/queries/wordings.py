"""What a proposal suggested when something happened to it: a later change does not reach back."""

from collections import defaultdict

from pipelines_app.models import AuditEntry

WORDING = ("proposed", "changed")  # the events whose entry says what is suggested from then on


def attach_suggestions(entries):
    """The audit entries of proposals, each with the ``suggestion`` it was about: one query for all.

    A change is about what it replaced.
    """
    entries = list(entries)
    ids = {entry.pipeline_id for entry in entries}
    told = defaultdict(list)
    for made in AuditEntry.objects.filter(pipeline__in=ids, event__in=WORDING).order_by("seq").checked():
        told[made.pipeline_id].append((made.seq, made.data))
    for entry in entries:
        said = find_suggestion(told[entry.pipeline_id], entry.seq)
        entry.suggestion = said or entry.pipeline.suggestion
    return entries


def find_suggestion(told, seq):
    """What was suggested when entry ``seq`` was written, by ``(seq, data)`` in order; "" where none says."""
    said = ""
    for at, data in told:
        if at >= seq and data.get("before"):
            return data["before"]
        if at > seq:
            break
        said = data.get("suggestion") or said
    return said
