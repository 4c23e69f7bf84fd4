"""Looks for any edit of the audit chain, and of what the chain says about versions, evidence and votes."""

from dataclasses import dataclass, field
from datetime import UTC

from django.db import DEFAULT_DB_ALIAS

from pipelines_app.core.chain import GENESIS
from pipelines_app.core.versions import MAKING, VOTED
from pipelines_app.models import AuditEntry, AuditHead, Decision, Pipeline, StopSwitch
from pipelines_app.services.records import check_records
from pipelines_app.services.verify_effects import check_effects
from pipelines_app.services.verify_versions import check_counts, check_versions
from pipelines_app.services.verify_watches import check_watches, note_watch

ATTEMPTS = 5


@dataclass
class Report:
    """How many entries were read, the hash of the last one, and what does not fit."""

    entries: int = 0
    head: str = GENESIS
    faults: list = field(default_factory=list)


def verify_audit(*, using=DEFAULT_DB_ALIAS):
    """A Report over chain, versions, evidence and votes; ``faults`` is empty when nothing was edited.

    Whoever can rewrite every row can rewrite the whole chain: keep the head's hash
    elsewhere to notice that too.
    """
    for _ in range(ATTEMPTS):
        before = read_head(using)
        report = read_everything(using)
        # Nobody waits for this to end: what was decided meanwhile is read again.
        if not report.faults or read_head(using) == before:
            break
    return report


def read_head(using):
    """``(seq, hash)`` of the row at the end of the chain."""
    head = AuditHead.objects.using(using).filter(pk=1).first() or AuditHead()
    return head.seq, head.hash


def read_everything(using):
    """One pass over chain, proposals, versions and votes."""
    report, story = Report(), Story()
    for entry in AuditEntry.objects.using(using).order_by("seq").iterator(chunk_size=2000):
        check_entry(entry, report)
        story.read(entry)
    check_head(report, using)
    check_pipelines(story, report, using)
    check_versions(story, report, using)
    check_votes(story, report, using)
    check_counts(story, report)
    check_records(report, using)
    check_stop(story, report, using)
    check_effects(story, report, using)
    check_watches(story, report, using)
    return report


class Story:
    """What the chain says of each proposal: frozen evidence, versions by hash, last state, votes, approval,
    what came of it, what its rejection waits for; and whether everything is stopped.

    ``quorums`` is filled in by whoever reads the texts of the versions.
    """

    def __init__(self):
        self.evidence, self.states, self.votes = {}, {}, {}
        self.versions, self.approved, self.quorums = {}, {}, {}
        self.outcomes, self.stop = {}, (False, "", "")
        self.effects, self.closings = {}, {}
        self.watches = {}

    def read(self, entry):
        """Takes in one entry, whose data may have been broken."""
        data = entry.read_data()
        if entry.event == "proposed":
            self.evidence[entry.pipeline_id] = data.get("evidence_sha256")
        if entry.pipeline_id is None and entry.event in ("stopped", "resumed"):
            self.stop = (entry.event == "stopped", entry.actor, data.get("reason"))
            return
        note_watch(self.watches, entry, data)
        if "outcome" in data:
            self.outcomes[entry.pipeline_id] = (data["outcome"], data.get("carried_out_at"))
        if entry.event == "judged":
            self.effects[entry.pipeline_id] = data.get("effect_sha256")
        if entry.event == "closed":
            self.closings[entry.pipeline_id] = (entry.actor, data.get("comment"))
        if "state" in data:
            self.states[entry.pipeline_id] = (data["state"], entry.seq)
        if entry.event in MAKING and "version_sha256" in data:
            self.versions[entry.pipeline_id, data.get("version")] = data["version_sha256"]
        if entry.event == "approved":
            self.approved[entry.pipeline_id] = data.get("version")
        if entry.event in VOTED:
            vote = (entry.actor, data.get("vote"), data.get("comment"), data.get("for_name", ""))
            self.votes[entry.pipeline_id, data.get("version"), data.get("by")] = vote


def check_entry(entry, report):
    """Whether an entry follows the one before it and fits its own hash."""
    if entry.seq != report.entries + 1:
        report.faults.append(f"entry {report.entries + 1} is missing: {entry.seq} comes next")
    elif entry.previous != report.head:
        report.faults.append(f"entry {entry.seq} does not follow the one before it")
    if entry.hash != entry.compute_hash():
        about = f", proposal #{entry.pipeline_id}" if entry.pipeline_id else ""
        report.faults.append(f"entry {entry.seq} ({entry.event}{about}) was changed")
    report.entries, report.head = entry.seq, entry.hash


def check_head(report, using):
    """Whether the chain ends where its head says: the last entries may have been cut off."""
    seq, end = read_head(using)
    if (seq, end) != (report.entries, report.head):
        report.faults.append(f"the chain should end with entry {seq}, but ends with {report.entries}")


def check_pipelines(story, report, using):
    """Whether each proposal has the evidence and the state that the chain tells of."""
    for pipeline in Pipeline.objects.using(using).order_by("pk").iterator(chunk_size=500):
        name = f"proposal #{pipeline.pk}"
        if pipeline.pk not in story.evidence:
            report.faults.append(f"{name} is not in the chain")
            continue
        if not pipeline.evidence_intact or pipeline.evidence_sha256 != story.evidence[pipeline.pk]:
            report.faults.append(f"the evidence of {name} was changed")
        state, seq = story.states[pipeline.pk]
        if pipeline.state != state:
            report.faults.append(f"{name} is {pipeline.state}, but entry {seq} left it {state}")
        at = pipeline.carried_out_at and pipeline.carried_out_at.astimezone(UTC).isoformat()
        if (pipeline.outcome, at) != story.outcomes.get(pipeline.pk, ("", None)):
            report.faults.append(f"what came of {name} was changed")


def check_stop(story, report, using):
    """Whether the stop switch stands as the chain tells, by whom and why."""
    row = StopSwitch.objects.using(using).first() or StopSwitch()
    if (row.stopped, row.by_name, row.reason) != story.stop:
        report.faults.append(f"the stop switch was turned, and the chain says otherwise: {row}")


def check_votes(story, report, using):
    """Whether the votes are those that the chain tells of."""
    left = dict(story.votes)
    for row in Decision.objects.using(using).order_by("pk").iterator(chunk_size=2000):
        told = left.pop((row.pipeline_id, row.version, row.by_id), None)
        # A person whose account was deleted is still named, but no longer linked.
        if told is None and row.by_id is None:
            told = pop_by_name(left, row)
        if told != (row.by_name, row.vote, row.comment, row.instead_of_name):
            what = "was changed" if told else "is not in the chain"
            report.faults.append(f"the vote of {row.by_name} on proposal #{row.pipeline_id} {what}")
    for (pipeline, _, _), (actor, *_) in left.items():
        report.faults.append(f"the vote of {actor} on proposal #{pipeline} is gone")


def pop_by_name(votes, row):
    """Takes the vote of that name on the same version out of ``votes``, or None."""
    for key, told in votes.items():
        if key[:2] == (row.pipeline_id, row.version) and told[0] == row.by_name:
            return votes.pop(key)
    return None
