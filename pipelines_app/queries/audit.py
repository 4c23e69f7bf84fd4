"""The audit chain as rows that leave the system: for auditors, and for whoever checks it elsewhere."""

from datetime import UTC

from pipelines_app.core.versions import MAKING
from pipelines_app.models import AuditEntry, Effect, Version

EFFECT_JUDGED = "judged"  # the event that tells of an effect
CHUNK = 500  # entries, and the texts of versions with them, that are held at once
FIELDS = (
    "seq",
    "at",
    "actor",
    "event",
    "proposal",
    "data",
    "version_text",
    "effect_text",
    "previous",
    "hash",
    "hashed",
)


def list_audit(*, after=0, pipeline=None):
    """Yields a dict of ``FIELDS`` for each entry behind the number ``after``, in order.

    ``pipeline`` (an id) keeps those about one proposal. ``hash`` is the SHA-256 of ``hashed``, a JSON
    list that begins with the hash of the entry before; ``data`` is a JSON text, ``version_text`` that of
    the version which the entry made and ``effect_text`` that of the effect which it judged ("" for all
    others), whose SHA-256 stand in ``data``.
    """
    entries = AuditEntry.objects.filter(seq__gt=after).order_by("seq")
    if pipeline is not None:
        entries = entries.filter(pipeline=pipeline)
    while chunk := list(entries[:CHUNK]):
        texts, effects = read_texts(chunk), read_effects(chunk)
        for entry in chunk:
            yield describe_entry(entry, texts, effects)
        entries = entries.filter(seq__gt=chunk[-1].seq)


def read_texts(entries):
    """``{(proposal, version): text}`` of the versions that these entries may have made."""
    made = {entry.pipeline_id for entry in entries if entry.event in MAKING}
    rows = Version.objects.filter(pipeline__in=made).values_list("pipeline", "number", "text")
    return {(pipeline, number): text for pipeline, number, text in rows}


def read_effects(entries):
    """``{proposal: text}`` of the effects that these entries tell of."""
    judged = {entry.pipeline_id for entry in entries if entry.event == EFFECT_JUDGED}
    return dict(Effect.objects.filter(pipeline__in=judged).values_list("pipeline", "text"))


def describe_entry(entry, texts, effects):
    """One entry as plain texts and numbers."""
    version = entry.read_data().get("version") if entry.event in MAKING else None
    return {
        "seq": entry.seq,
        "at": entry.at.astimezone(UTC).isoformat(),
        "actor": entry.actor,
        "event": entry.event,
        "proposal": entry.pipeline_id,
        "data": entry.data_text,
        "version_text": texts.get((entry.pipeline_id, version), ""),
        "effect_text": effects.get(entry.pipeline_id, "") if entry.event == EFFECT_JUDGED else "",
        "previous": entry.previous,
        "hash": entry.hash,
        "hashed": entry.write_hashed(),
    }
