"""The frozen text that decides, held against its hash, the chain, and the columns that repeat it."""

from collections import defaultdict
from datetime import datetime

from django.contrib.auth import get_user_model

from pipelines_app.core.moments import to_moment
from pipelines_app.core.story import follow, is_jump
from pipelines_app.core.versions import (
    MAKING,
    TERM_TIMES,
    TIMES,
    UNSAID,
    VOTED,
    describe_columns,
    list_differences,
    read_text,
)
from pipelines_app.exceptions import Tampered
from pipelines_app.models import AuditEntry, Decision, Version

PEOPLE = ("proposer_id", "changed_by_id")


def read_version(pipeline):
    """What the present version says, as a dict; Tampered where its text, a column or a vote was changed.

    Its times are datetimes. What carries something out or approves it goes by this alone.
    """
    document, faults = check_version_of(pipeline)
    entries = list(AuditEntry.objects.filter(pipeline=pipeline).only_moves().order_by("seq"))
    faults = [*faults, *list_touched_states(pipeline, entries), *list_touched_votes(pipeline, entries)]
    if faults:
        raise Tampered(tell_faults(pipeline, faults), pipeline=pipeline)
    if doubt := tell_doubt(pipeline, document):
        raise Tampered(doubt, pipeline=pipeline)
    return document


def list_touched_states(pipeline, entries):
    """What of state and time of decision is not as the proposal's audit entries leave it, in words."""
    told, faults = (None, None), []
    for entry in entries:
        data = entry.read_data() if entry.hash == entry.compute_hash() else {}
        if is_jump(told, data):
            faults.append(f"entry {entry.seq} of the audit chain made {told[0]} {data['state']}")
        told = follow(told, data, entry.at)
    found = {"state": pipeline.state, "decided_at": pipeline.decided_at}
    pairs = zip(found, told, strict=True)
    return faults + [f"its {name} was changed" for name, expected in pairs if found[name] != expected]


def list_touched_votes(pipeline, entries, votes=None):
    """What is wrong with the votes on the present version, held against the audit entries, in words."""
    untold, gone = compare_votes(pipeline, entries, votes)
    faults = [f"the vote of {row.by_name} is not in the audit chain" for row in untold]
    return faults + [f"the vote of {name} is gone" for name in gone]


def list_untold_votes(pipeline):
    """The stored votes on the present version that the audit chain does not tell of: nobody cast them."""
    return compare_votes(pipeline, AuditEntry.objects.filter(pipeline=pipeline).only_moves().order_by("seq"))[
        0
    ]


def compare_votes(pipeline, entries, votes=None):
    """``(votes that no entry tells of, whose vote is gone)``; ``votes`` where they were read for many."""
    left, untold = [], []
    for entry in entries:
        data = entry.read_data() if entry.event in VOTED and entry.hash == entry.compute_hash() else {}
        if data.get("version") == pipeline.version:
            people = (data.get("by"), data.get("for"))
            left.append((entry.actor, data.get("vote"), data.get("for_name", ""), people))
    for row in pipeline.decisions.filter(version=pipeline.version) if votes is None else votes:
        said, people = (row.by_name, row.vote, row.instead_of_name), (row.by_id, row.instead_of_id)
        found = next((vote for vote in left if vote[:3] == said and are_same(people, vote[3])), None)
        if found is None:
            untold.append(row)
        else:
            left.remove(found)
    return untold, [name for name, *_ in left]


def are_same(found, told, *, using=None):
    """Whether the ids of people are those that the chain tells of.

    An account that was deleted since is still named, but no longer linked.
    """
    gone = [person for pk, person in zip(found, told, strict=True) if pk is None and person is not None]
    if any(pk not in (None, person) for pk, person in zip(found, told, strict=True)):
        return False
    return not (gone and get_user_model()._default_manager.using(using).filter(pk__in=gone).exists())


def peek_version(pipeline):
    """What the present version says, whatever the columns say; None where the text itself was changed."""
    # Without a look at the columns: pages of many ask this several times of each.
    document = find_document(pipeline)[0]
    return document and read_times(document)


def read_origin(pipeline):
    """What opened it, as its version says; "" for nothing, and where that text was changed."""
    document = find_document(pipeline)[0]
    return (document.get("origin") or "") if document else ""


def find_reopening(pipeline):
    """What brought a rejected proposal back, as its version says: a dict with ``at`` (ms), …; or None."""
    document = peek_version(pipeline)
    return document.get("reopened") if document else None


def find_waiting_since(pipeline):
    """Since when it waits for a decision: its opening, or what brought it back after a rejection."""
    found = find_reopening(pipeline)
    return to_moment(found["at"]) if found else pipeline.created_at


def tell_tampering(pipeline):
    """A sentence that says what no longer fits the frozen version, or its evidence; empty where all does."""
    document, faults = check_version_of(pipeline)
    if faults := [*faults, *list_touched_story(pipeline)]:
        return tell_faults(pipeline, faults)
    return tell_doubt(pipeline, document) or tell_touched_evidence(pipeline)


def list_touched_story(pipeline):
    """What of state, time of decision and votes is not as the audit chain tells, in words."""
    key = find_story_key(pipeline)
    if getattr(pipeline, "touched_story", (None,))[0] != key:
        attach_stories([pipeline])
    return pipeline.touched_story[1]


def find_story_key(pipeline):
    """What the answer of ``attach_stories`` is about: a row that was moved since is read again."""
    return pipeline.pk, pipeline.version, pipeline.state, pipeline.decided_at


def attach_stories(pipelines):
    """Holds state and votes of each against the audit chain: two queries for all."""
    ids = [pipeline.pk for pipeline in pipelines]
    entries, votes = defaultdict(list), defaultdict(list)
    for entry in AuditEntry.objects.filter(pipeline__in=ids).only_moves().order_by("seq"):
        entries[entry.pipeline_id].append(entry)
    for row in Decision.objects.filter(pipeline__in=ids):
        votes[row.pipeline_id, row.version].append(row)
    for pipeline in pipelines:
        told, cast = entries[pipeline.pk], votes[pipeline.pk, pipeline.version]
        faults = [*list_touched_states(pipeline, told), *list_touched_votes(pipeline, told, cast)]
        pipeline.touched_story = (find_story_key(pipeline), faults)


def tell_doubt(pipeline, document):
    """A sentence where nobody could say who decides on it when it was opened; empty where that was clear."""
    doubt = document.get("policy_doubt")
    told = f"Nobody could say who decides on proposal #{pipeline.pk} when it was opened: {doubt}."
    return f"{told} {tell_what_is_left(pipeline)}" if doubt else ""


def tell_touched_evidence(pipeline):
    """A sentence where the stored evidence no longer fits its hash; empty where it does."""
    if pipeline.evidence_intact:
        return ""
    left = tell_what_is_left(pipeline)
    return f"The evidence of proposal #{pipeline.pk} was changed after it was frozen. {left}"


def tell_faults(pipeline, faults):
    """What does not fit, and what is left to do."""
    return (
        f"Version {pipeline.version} of proposal #{pipeline.pk} is not as it was frozen: "
        f"{'; '.join(faults)}. {tell_what_is_left(pipeline)}"
    )


def tell_what_is_left(pipeline):
    """What can still be done about a proposal that somebody touched."""
    left = "It can only be rejected or withdrawn. " if pipeline.is_open else ""
    return f"{left}Run manage.py verify_audit."


def attach_versions(pipelines):
    """The proposals, each with its frozen version read: two queries for all instead of two for each."""
    pipelines = list(pipelines)
    ids = [pipeline.pk for pipeline in pipelines]
    rows = {(row.pipeline_id, row.number): row for row in Version.objects.filter(pipeline__in=ids)}
    hashes = dict(find_hashes(AuditEntry.objects.filter(pipeline__in=ids, event__in=MAKING).order_by("seq")))
    for pipeline in pipelines:
        key = pipeline.pk, pipeline.version
        pipeline.frozen_version = (key, rows.get(key), hashes.get(key))
    return pipelines


def find_hashes(entries):
    """``((pipeline, version), hash)`` of each version that the entries tell of."""
    for entry in entries:
        data = entry.read_data() if entry.hash == entry.compute_hash() else {}
        if "version_sha256" in data:
            yield (entry.pipeline_id, data.get("version")), data["version_sha256"]


def check_version_of(pipeline):
    """``(document or None, faults)`` of the present version."""
    document, fault = find_document(pipeline)
    if document is None:
        return None, [fault]
    return read_times(document), [f"its {name} was changed" for name in list_edited(pipeline, document)]


def find_document(pipeline):
    """``(document or None, why not)`` of the present version, as it was frozen, whatever the columns say."""
    key = pipeline.pk, pipeline.version
    if getattr(pipeline, "frozen_version", (None,))[0] != key:
        attach_versions([pipeline])
    _, row, told = pipeline.frozen_version
    if row is None or told is None:
        return None, f"its text is {'gone' if row is None else 'not in the audit chain'}"
    document = read_text(row.text, row.sha256, told)
    return document, "" if document else "its text was changed"


def read_times(document):
    """The document with its times as datetimes."""
    times = [name for name in (*TIMES, *TERM_TIMES) if document.get(name)]
    return document | {name: datetime.fromisoformat(document[name]) for name in times}


def list_edited(pipeline, document, *, using=None):
    """The columns that differ from the text; an account that was deleted since leaves its column empty."""
    names = list_differences(UNSAID | document, describe_columns(pipeline))
    people = get_user_model()._default_manager.using(using)
    return [
        name.removesuffix("_id")
        for name in names
        if not (
            name in PEOPLE
            and getattr(pipeline, name) is None
            and document.get(name) is not None
            and not people.filter(pk=document[name]).exists()
        )
    ]
