"""What is measured of a proposal: what the project is asked, the frozen plan, the effect and its checks."""

from datetime import datetime
from typing import NamedTuple

from pipelines_app import conf
from pipelines_app.core.chain import digest
from pipelines_app.core.moments import to_ms
from pipelines_app.core.states import State
from pipelines_app.exceptions import Tampered
from pipelines_app.models import AuditEntry, Effect, Pipeline
from pipelines_app.queries.versions import peek_version

STARTED = "measuring"  # the event that says when it began, and until when


class Told(NamedTuple):
    """What the chain tells of a judgement; of an entry that was changed only the moment ``at`` counts.

    ``harmed`` are the topics of the guardrails that the action harmed.
    """

    at: datetime
    sha256: str | None = None
    verdict: str = ""
    harmed: tuple[str, ...] = ()


def has_measurements():
    """Whether the project's MEASUREMENTS can judge effects."""
    return can_answer("hours")


def can_answer(question):
    """Whether the project's MEASUREMENTS have a function of this name."""
    return callable(getattr(conf.load("MEASUREMENTS"), question, None))


def ask(question, *args):
    """What a function of MEASUREMENTS answers; whatever it raises: what cannot be read is no answer."""
    return getattr(conf.load("MEASUREMENTS"), question)(*args)


def is_hidden(topic, group_id):
    """Whether a KPI is restricted to others than a proposal's readers (``group_id``; None: everybody).

    Not as remembered, where the project can tell: what is asked for is frozen.
    """
    function = conf.load("TOPICS")
    known = getattr(function, "read", function)(topic) if function else {}
    owner = known.get("restricted_to")
    return bool(known.get("restricted")) and (owner is None or owner.pk != group_id)


def find_plan(pipeline):
    """What was frozen about measuring it; None where that is older than measuring, or was changed."""
    document = peek_version(pipeline)
    return document and document.get("measuring")


def list_actions(*topics, besides=None):
    """``(id, when in ms)`` of what was carried out on KPIs, in order of time."""
    rows = Pipeline.objects.filter(topic__in=topics).exclude(carried_out_at=None).exclude(pk=besides)
    found = rows.order_by("carried_out_at").values_list("pk", "carried_out_at")
    return [(pk, to_ms(at)) for pk, at in found]


def find_span(pipeline):
    """``{"started_at", "judged_from", "judged_to", "judged_at"}`` (ms) as the chain tells; None without.

    Tampered where the entry was changed.
    """
    entry = AuditEntry.objects.filter(pipeline=pipeline, event=STARTED).order_by("-seq").first()
    if entry is None:
        return None
    if entry.hash != entry.compute_hash():
        raise Tampered(f"entry {entry.seq} of the audit chain was changed", pipeline=pipeline)
    return entry.read_data()["span"]


def find_effect(pipeline):
    """The Effect of a proposal, or None until it is judged."""
    return Effect.objects.filter(pipeline=pipeline).first()


def read_effect(effect):
    """``(document or None, told)``: the frozen dict where it fits its hash and the chain, else why not."""
    return check_effect(effect, find_told([effect.pipeline_id]).get(effect.pipeline_id))


def check_effect(effect, told):
    """What ``read_effect`` answers, by the Told of the chain (None: it tells of no judgement)."""
    if not (told and told.sha256) == effect.sha256 == digest(effect.text):
        return None, "The stored effect is not as it was judged. Run manage.py verify_audit."
    return effect.document, ""


def find_told(ids):
    """``{proposal: Told}`` of those that the chain says were judged."""
    entries = AuditEntry.objects.filter(pipeline__in=ids, event="judged").order_by("seq")
    return {entry.pipeline_id: read_told(entry) for entry in entries}


def read_told(entry):
    """The Told of an audit entry."""
    if entry.hash != entry.compute_hash():
        return Told(entry.at)
    data = entry.read_data()
    guardrails = data.get("guardrails", ())
    harmed = tuple(one["topic"] for one in guardrails if one["verdict"] == State.HARMFUL)
    return Told(entry.at, data.get("effect_sha256"), data.get("verdict", ""), harmed)
