"""Whether proposals, votes and the stop switch are as the chain tells."""

from datetime import UTC

from pipelines_app.core.urgency import measure_overrun
from pipelines_app.models import Decision, Pipeline, StopSwitch
from pipelines_app.queries.versions import are_same
from pipelines_app.services.repeats import describe_repeats
from pipelines_app.services.story import UNKNOWN, UNREPEATED

COLUMNS = {"origin": "latest_origin"}  # what entries call otherwise


def check_pipelines(story, report, using):
    """Whether each proposal has the evidence and the state that the chain tells of, and moved to it."""
    for entry, before in story.jumps:
        about = f"entry {entry.seq} ({entry.event}, proposal #{entry.pipeline_id})"
        report.faults.append(f"{about} cannot follow {before}: its state was edited before")
    for pipeline in Pipeline.objects.using(using).order_by("pk").iterator(chunk_size=500):
        name = f"proposal #{pipeline.pk}"
        if pipeline.pk not in story.evidence:
            report.faults.append(f"{name} is not in the chain")
            continue
        report.faults += list_touched_evidence(pipeline, story.evidence[pipeline.pk])
        report.faults += list_touched_repeats(pipeline, story.repeats.get(pipeline.pk, UNREPEATED))
        report.faults += [
            f"{column} of {name} was changed" for column in list_touched_readers(pipeline, story)
        ]
        state, seq = story.states.get(pipeline.pk, (None, None))
        if state is None:
            report.faults.append(f"{name} is {pipeline.state}, but no entry says so")
        elif pipeline.state != state:
            report.faults.append(f"{name} is {pipeline.state}, but entry {seq} left it {state}")
        if pipeline.decided_at != story.ends[pipeline.pk][1]:
            report.faults.append(f"decided_at of {name} was changed")
        at = pipeline.carried_out_at and pipeline.carried_out_at.astimezone(UTC).isoformat()
        if (pipeline.outcome, at) != story.outcomes.get(pipeline.pk, ("", None)):
            report.faults.append(f"what came of {name} was changed")


def list_touched_readers(pipeline, story):
    """The columns of who reads a proposal that are at odds with what the chain tells, as far as it does."""
    _, opened = story.readers[pipeline.pk]
    told = {
        "restricted_to": (story.find_readers(pipeline), pipeline.restricted_to_id),
        "reserved_for": (story.reserved[pipeline.pk], pipeline.reserved_for_id),
        "audience": (opened if opened is UNKNOWN else opened or 0, pipeline.audience),
    }
    return [name for name, (expected, found) in told.items() if expected not in (UNKNOWN, found)]


def list_touched_evidence(pipeline, told):
    """What is wrong with the frozen evidence, and with the columns that repeat a part of it."""
    if not pipeline.evidence_intact or pipeline.evidence_sha256 != told:
        return [f"the evidence of proposal #{pipeline.pk} was changed"]
    frozen = pipeline.evidence.get("proposal", {})
    return [
        f"{name} of proposal #{pipeline.pk} differs from its evidence"
        for name in ("kpi", "unit")
        if name in frozen and getattr(pipeline, name) != frozen[name]
    ]


def list_touched_repeats(pipeline, told):
    """What is wrong with the columns that tell of repeats, and with how urgent the newest value makes it."""
    found, evidence = describe_repeats(pipeline), pipeline.evidence
    faults = [
        f"{COLUMNS.get(name, name)} of proposal #{pipeline.pk} was changed"
        for name in told
        if told[name] != found[name]
    ]
    if pipeline.evidence_intact:
        value = pipeline.kpi if told == UNREPEATED else pipeline.latest_kpi
        if pipeline.overrun != measure_overrun(value, evidence.get("limit"), evidence.get("operator")):
            faults.append(f"overrun of proposal #{pipeline.pk} was changed")
    return faults


def check_stop(story, report, using):
    """Whether the stop switch stands as the chain tells, by whom, when and why."""
    row = StopSwitch.objects.using(using).first() or StopSwitch()
    entry, data = story.stop or (None, {})
    stopped = entry is not None and entry.event == "stopped"
    actor, reason = (entry.actor, data.get("reason")) if entry else ("", "")
    if row.stopped != stopped:
        now, told = ("on", "off") if row.stopped else ("off", "on")
        report.faults.append(f"the stop switch was turned {now}: the chain says it is {told}")
    if row.reason != reason:
        report.faults.append(f"the reason of the stop switch was changed: the chain says “{reason}”")
    # Entries from before it was written name the person only.
    same = row.by_id is None if entry is None else "by" not in data
    if row.by_name != actor or not (same or are_same([row.by_id], [data.get("by")], using=using)):
        report.faults.append(f"who turned the stop switch was changed: the chain says “{actor}”")
    if row.at != (entry and entry.at):
        report.faults.append("when the stop switch was turned was changed")


def check_votes(story, report, using):
    """Whether the votes are those that the chain tells of."""
    left = dict(story.votes)
    for row in Decision.objects.using(using).order_by("pk").iterator(chunk_size=2000):
        told = left.pop((row.pipeline_id, row.version, row.by_id), None)
        if told is None and row.by_id is None:
            told = pop_by_name(left, row)
        if told is None or not fits(row, *told, using):
            what = "was changed" if told else "is not in the chain"
            report.faults.append(f"the vote of {row.by_name} on proposal #{row.pipeline_id} {what}")
    for (pipeline, _, _), (entry, _) in left.items():
        report.faults.append(f"the vote of {entry.actor} on proposal #{pipeline} is gone")


def fits(row, entry, data, using):
    """Whether a vote is the one that an entry tells of."""
    said = (row.by_name, row.vote, row.comment, row.instead_of_name, row.created_at)
    told = (entry.actor, data.get("vote"), data.get("comment"), data.get("for_name", ""), entry.at)
    people = (row.by_id, row.instead_of_id)
    return said == told and are_same(people, (data.get("by"), data.get("for")), using=using)


def pop_by_name(votes, row):
    """Takes the vote of that name on the same version out of ``votes``, or None."""
    for key, (entry, _) in votes.items():
        if key[:2] == (row.pipeline_id, row.version) and entry.actor == row.by_name:
            return votes.pop(key)
    return None
