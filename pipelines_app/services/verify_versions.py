"""Whether versions are as they were frozen, columns as their version says, and counts as it asks for."""

from collections import Counter

from pipelines_app.core.counts import count_words
from pipelines_app.core.states import State
from pipelines_app.core.versions import read_text
from pipelines_app.core.voting import APPROVE
from pipelines_app.models import Version
from pipelines_app.queries.versions import list_edited
from pipelines_app.services.errands.deadlines import find_deadlines


def check_versions(story, report, using):
    """Names each text that was changed, slipped in or taken away, and each column at odds with its text."""
    left, newest = dict(story.versions), {}
    for pipeline, number in story.versions:
        newest[pipeline] = max(number, newest.get(pipeline, 0))
    rows = Version.objects.using(using).select_related("pipeline").defer("pipeline__evidence_text")
    for row in rows.order_by("pk").iterator(chunk_size=500):
        told, at = left.pop((row.pipeline_id, row.number), (None, None))
        name = name_version(row.pipeline_id, row.number)
        document = told and read_text(row.text, row.sha256, told)
        if told is None:
            report.faults.append(f"{name} is not in the chain")
        elif document is None:
            report.faults.append(f"the text of {name} was changed")
        else:
            if row.created_at != at:
                report.faults.append(f"created_at of {name} was changed")
            story.quorums[row.pipeline_id, row.number] = document["quorum"]
            if "measuring" in document:
                story.executable.add((row.pipeline_id, row.number))
            if row.number == newest[row.pipeline_id]:
                story.deadlines[row.pipeline_id] = row.number, find_deadlines(document, at)
                report.faults += [
                    f"{column} of proposal #{row.pipeline_id} differs from its version {row.number}"
                    for column in list_edited(row.pipeline, document, using=using)
                ]
    report.faults += [f"{name_version(*key)} is gone" for key in left]


def name_version(pipeline, number):
    """``version 2 of proposal #12``."""
    return f"version {number} of proposal #{pipeline}"


def check_counts(story, report, using):
    """Whether the votes the chain tells of could have led to the state it tells of, by the frozen quorum."""
    cast = Counter(key[:2] for key, (_, data) in story.votes.items() if data.get("vote") == APPROVE)
    for (pipeline, version), quorum in story.quorums.items():
        count, passed = cast[pipeline, version], story.approved.get(pipeline) == version
        waits = story.states.get(pipeline, ("",))[0] == State.AWAITING_APPROVAL
        if passed and count < quorum:
            report.faults.append(
                f"proposal #{pipeline} was approved with {count} of the {count_words(quorum, 'vote')} that "
                f"its version {version} asks for"
            )
        elif waits and not passed and count >= quorum:
            votes = count_words(quorum, "vote")
            report.faults.append(f"proposal #{pipeline} waits, but has the {votes} of its version")
