"""Whether effects are as they were judged, and closed by whom the chain says."""

from pipelines_app.core.chain import digest
from pipelines_app.models import Effect
from pipelines_app.queries.versions import are_same


def check_effects(story, report, using):
    """Names each effect that was changed, slipped in or taken away, and each closing that was."""
    left = dict(story.effects)
    for row in Effect.objects.using(using).order_by("pk").iterator(chunk_size=500):
        told, name = left.pop(row.pipeline_id, None), f"the effect of proposal #{row.pipeline_id}"
        if told is None:
            report.faults.append(f"{name} is not in the chain")
        elif not (told[0] == row.sha256 == digest(row.text) and told[1] == row.judged_at):
            report.faults.append(f"{name} was changed")
        if not is_closed_so(row, story.closings.get(row.pipeline_id), using):
            report.faults.append(f"the closing of {name} was changed")
    report.faults += [f"the effect of proposal #{pipeline} is gone" for pipeline in left]


def is_closed_so(row, told, using):
    """Whether an effect is closed as the entry tells, or open where there is none."""
    closing = (row.closed_at, row.closed_by_name, row.closed_reason)
    if told is None:
        return closing == (None, "", "") and row.closed_by_id is None
    entry, data = told
    same = are_same([row.closed_by_id], [data.get("by")], using=using)
    return same and closing == (entry.at, entry.actor, data.get("comment"))
