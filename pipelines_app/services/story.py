"""What the audit chain says of each proposal, read entry by entry."""

from datetime import UTC
from operator import itemgetter

from pipelines_app.core.moments import to_moment
from pipelines_app.core.story import follow, is_jump, keep_known
from pipelines_app.core.versions import MAKING, NOTED, VOTED
from pipelines_app.queries.measuring import STARTED
from pipelines_app.services.verify_ends import note_ends
from pipelines_app.services.verify_mails import note_mails
from pipelines_app.services.verify_watches import WATCHED, note_watch

# Events that an errand ends in, by its kind; those of people carry no number of attempts.
ENDINGS = {"done": "act", "failed": "act", "judged": "measure", "reminded": "remind", "escalated": "escalate"}
ENDINGS |= WATCHED
UNKNOWN = object()
UNREPEATED = {"noted": 0, "latest_kpi": None, "latest_at": None, "origin": ""}
LAST_MS = 2**47  # milliseconds that a datetime holds, to the year 6429


class Story:
    """What the chain says of each proposal: frozen evidence, versions by hash, last state, votes, approval,
    what came of it, what its rejection waits for, whom it mailed; and whether everything is stopped.

    ``spans`` holds when each effect is judged, ``settled`` and ``asked`` what ``note_ends`` says.
    ``quorums``, ``executable`` (versions from after an approval came to carry something out) and
    ``deadlines`` (the errands of the newest version, with when each is due) are filled in by whoever reads
    the texts of the versions.
    """

    def __init__(self):
        self.evidence, self.states, self.ends, self.votes = {}, {}, {}, {}
        self.versions, self.approved, self.quorums = {}, {}, {}
        self.approvals, self.measured = set(), set()
        self.outcomes, self.errands, self.effects, self.closings = {}, {}, {}, {}
        self.watches, self.spans, self.deadlines = {}, {}, {}
        self.executable, self.jumps, self.stop = set(), [], None
        self.readers, self.restrictions, self.repeats = {}, {}, {}
        self.reserved, self.mails = {}, {}
        self.settled, self.asked, self.unless = {}, {}, set()

    def read(self, entry):
        """Takes in one entry, whose data may have been broken."""
        pipeline, data = entry.pipeline_id, keep_known(entry.read_data())
        if pipeline is None:
            if entry.event in ("stopped", "resumed"):
                self.stop = entry, data
            if entry.event == "restricted" and data.keys() >= {"topic", "restricted_to"}:
                self.restrictions[data["topic"]] = entry.seq, data["restricted_to"]
            return
        note_watch(self.watches, entry, data)
        if entry.event == "proposed":
            self.evidence[pipeline] = data.get("evidence_sha256")
            # Entries from before it was written say nothing of it.
            self.readers[pipeline] = entry.seq, data.get("restricted_to", UNKNOWN)
            self.reserved[pipeline] = data.get("reserved_for", UNKNOWN)
        note_mails(self.mails, entry, data)
        note_ends(self.settled, self.asked, entry, data)
        if "outcome" in data:
            self.outcomes[pipeline] = (data["outcome"], data.get("carried_out_at"))
        if "state" in data:
            self.states[pipeline] = (data["state"], entry.seq)
        before = self.ends.get(pipeline, (None, None))
        if is_jump(before, data):
            self.jumps.append((entry, before[0]))
        self.ends[pipeline] = follow(before, data, entry.at)
        self.read_repeat(entry, data)
        self.read_version(entry, data)
        self.read_end(entry, data)

    def read_repeat(self, entry, data):
        """What an entry says of the newest value, which a repeat brings, or what ended a rejection."""
        told = self.repeats.get(entry.pipeline_id, UNREPEATED)
        if entry.event == NOTED:
            self.repeats[entry.pipeline_id] = {name: data.get(name) for name in UNREPEATED}
        if entry.event == "reopened":
            at = entry.at.astimezone(UTC).isoformat()
            self.repeats[entry.pipeline_id] = told | {"latest_kpi": data.get("value"), "latest_at": at}

    def find_readers(self, pipeline):
        """The id of the group that alone may read a proposal, None for all; UNKNOWN where no entry says."""
        opened = self.readers[pipeline.pk]
        last = max(opened, self.restrictions.get(pipeline.topic, opened), key=itemgetter(0))
        if last is opened or last[1] is not None:
            return last[1]
        # The topic's restriction was lifted: what was reserved is its group's again.
        reserved = self.reserved[pipeline.pk]
        return pipeline.reserved_for_id if reserved is UNKNOWN else reserved

    def read_version(self, entry, data):
        """What an entry says of a version and of the votes on it."""
        key = entry.pipeline_id, data.get("version")
        if entry.event in MAKING and data.keys() >= {"version", "version_sha256"}:
            self.versions[key] = data["version_sha256"], entry.at
        if entry.event == "rejected" and "unless" in data:
            self.unless.add(key)
        if entry.event == "approved":
            self.approved[entry.pipeline_id] = data.get("version")
            self.approvals.add(key)
        if entry.event in VOTED:
            self.votes[*key, data.get("by")] = entry, data

    def read_end(self, entry, data):
        """What an entry says of an effect and of the end of an errand."""
        if entry.event == STARTED:
            self.measured.add(entry.pipeline_id)
        if entry.event == STARTED and isinstance(data.get("span"), dict):
            self.spans[entry.pipeline_id] = read_ms(data["span"].get("judged_at"))
        if entry.event == "judged":
            self.effects[entry.pipeline_id] = data.get("effect_sha256"), entry.at
        if entry.event == "closed":
            self.closings[entry.pipeline_id] = entry, data
        kind = ENDINGS.get(entry.event)
        if kind and (kind != "act" or "attempts" in data):
            version = data.get("version")
            if entry.event == "reopened" and version is not None:
                version -= 1  # the one whose rejection waited: it came back as the next
            self.errands[entry.pipeline_id, version, kind] = entry, data
        if entry.event == "retried":
            self.errands.pop((entry.pipeline_id, data.get("version"), "act"), None)


def read_ms(at):
    """The moment of an entry's milliseconds, which may have been broken; None then."""
    return to_moment(at) if isinstance(at, int) and 0 <= at < LAST_MS else None
