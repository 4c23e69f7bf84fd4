"""Whether effects are as they were judged, and closed by whom the chain says."""

from pipelines_app.core.chain import digest
from pipelines_app.models import Effect


def check_effects(story, report, using):
    """Names each effect that was changed, slipped in or taken away, and each closing that was."""
    left = dict(story.effects)
    for row in Effect.objects.using(using).order_by("pk").iterator(chunk_size=500):
        told, name = left.pop(row.pipeline_id, None), f"the effect of proposal #{row.pipeline_id}"
        if told is None:
            report.faults.append(f"{name} is not in the chain")
        elif not told == row.sha256 == digest(row.text):
            report.faults.append(f"{name} was changed")
        closing = (row.closed_by_name, row.closed_reason) if row.closed_at else ("", "")
        if closing != story.closings.get(row.pipeline_id, ("", "")):
            report.faults.append(f"the closing of {name} was changed")
    report.faults += [f"the effect of proposal #{pipeline} is gone" for pipeline in left]
