"""Opening a proposal: once per origin, and once per title, topic and readers until it is judged."""

import logging

from django.db import IntegrityError, transaction
from django.utils import timezone

from pipelines_app import queries
from pipelines_app.actions.registry import freeze_params, try_freezing
from pipelines_app.core import fields
from pipelines_app.core.chain import digest, encode
from pipelines_app.core.urgency import measure_overrun
from pipelines_app.core.versions import IMPOSSIBLE
from pipelines_app.exceptions import BadInput, PipelinesError
from pipelines_app.models import Pipeline
from pipelines_app.queries.deciding import name_of
from pipelines_app.queries.unless import find_standing
from pipelines_app.services.audit import append_audit
from pipelines_app.services.errands.deadlines import plan_deadlines
from pipelines_app.services.errands.plan import describe_mails
from pipelines_app.services.moves import refuse_second, tell_later
from pipelines_app.services.place import Asked, place
from pipelines_app.services.plans import plan_measuring
from pipelines_app.services.repeats import find_by_origin, note_repeat
from pipelines_app.services.terms import describe_terms, set_terms
from pipelines_app.services.versions import store_version

logger = logging.getLogger(__name__)
ATTEMPTS = 5


def open_pipeline(title, suggestion, kpi=None, topic=""):
    """The short form of ``propose``: the proposal, new or still open."""
    return propose(title=title, suggestion=suggestion, kpi=kpi, topic=topic)[0]


def propose(
    *,
    title,
    suggestion,
    kpi=None,
    topic="",
    unit="",
    origin="",
    proposer=None,
    proposer_name="",
    severity="warning",
    evidence=None,
    restricted_to=None,
    action="",
    action_params=None,
    rationale="",
    program="",
    named=(),
    reader=None,
    sight=None,
    visible=None,
    anyway=False,
    now=None,
):
    """Opens a proposal and freezes its evidence; answers ``(pipeline, created)``.

    The same ``origin`` again answers the same proposal and changes nothing. While one of
    the same title and topic is open, or approved and not judged yet, that one is answered and notes
    the newer ``kpi``; in the latter case a higher ``severity`` opens a new one. So is one that was
    rejected with "unless …", whatever the severity, until that has come or its end has passed. One for
    other readers is as if it were not there.
    ``proposer`` (a user) never decides on it; ``restricted_to`` is a group (while its topic is restricted
    the one that owns that reads it instead). ``action`` is one of the settings, or empty: people do it.
    ``program`` is the key's name where a program wrote it, ``rationale`` says why. ``named`` are
    objects that name evidence (``core.fields.check_entries``), frozen with what they say now;
    ``reader``, a key or a user, must be allowed to see it, and what the action of a program touches.
    ``sight`` are the eyes of whoever asks (None: the project's own): the topic must be a KPI that they
    see, and what they do not see is answered as what is not there. The rows decide, in the transaction.
    ``visible`` are the proposals that whoever asks may see: they may repeat any of those.
    ``anyway``: an action that cannot be carried out keeps nobody from opening it, as nothing must be lost
    of what a rule found; the reason is frozen, and it must be changed before it can be approved.
    BadInput names the field that is wrong; NotMeasured: what is named cannot be read right now.
    """
    now = now or timezone.now()
    row = Pipeline(
        title=fields.check_text(title, field="title", limit=200),
        suggestion=fields.check_text(suggestion, field="suggestion", limit=500),
        kpi=fields.check_number(kpi, field="kpi"),
        topic=fields.check_topic(topic),
        unit=fields.check_text(unit, field="unit", limit=60, required=False),
        severity=fields.check_choice(severity, fields.SEVERITIES, field="severity"),
        origin=fields.check_text(origin, field="origin", limit=100, required=False) or None,
        proposer=proposer,
        proposer_name=(proposer_name or (name_of(proposer) if proposer else ""))[:150],
        action=action,
        action_params=action_params or {},
        program=fields.check_text(program, field="program", limit=100, required=False),
        rationale=fields.check_text(rationale, field="rationale", limit=fields.MAX_RATIONALE, required=False),
        created_at=now,
    )
    row.asked = Asked(restricted_to, tuple(fields.check_entries(list(named))), reader, sight, visible)
    row.anyway = anyway
    return find_or_open(row, evidence, now)


def find_or_open(row, evidence, now):
    """The proposal that ``row`` repeats, or ``row`` itself stored; ``(pipeline, created)``."""
    params = row.action_params
    for _ in range(ATTEMPTS):
        place(row)
        known = find_by_origin(row.origin) or note_repeat(row, now)
        if known:
            return known, False
        freeze(row, evidence, params)
        if store(row, now):
            return row, True
    raise PipelinesError(f"{row.title!r} could not be opened: others keep opening and closing it. Try again.")


def freeze(row, evidence, params):
    """Fills in what is kept as it was: evidence with its hash, the action's parameters, policy, deadline.

    Before the transaction, because measuring may take a moment and nobody should wait for it.
    """
    within = set_terms(row)
    frozen = (
        dict(evidence) if evidence is not None else queries.measure_for_evidence(row.topic, row.created_at)
    )
    why_not = ""
    if row.action and row.anyway:
        row.action_params, why_not = try_freezing(row.action, params, frozen)
    elif row.action:
        row.action_params = freeze_params(row.action, params, frozen)
    if row.named:
        frozen["named"] = row.named
    frozen["proposal"] = describe_row(row)
    frozen["policy"] = {"quorum": row.quorum, "decide_within": within}
    try:
        row.evidence_text = encode(frozen)
    except (TypeError, ValueError) as error:
        raise BadInput(f"the evidence cannot be frozen as JSON: {error}", field="evidence") from None
    row.evidence_sha256 = digest(row.evidence_text)
    row.overrun = measure_overrun(row.kpi, frozen.get("limit"), frozen.get("operator"))
    row.people = queries.list_deciders(row, now=row.created_at)
    row.terms = describe_terms(row, eligible=queries.count_seats(row, now=row.created_at))
    row.terms |= {"measuring": plan_measuring(row, frozen)} | ({IMPOSSIBLE: why_not} if why_not else {})


def describe_row(row):
    """The proposal's own words and where it came from, as they are frozen."""
    names = ("title", "suggestion", "topic", "unit", "kpi", "severity", "action", "action_params")
    words = {name: getattr(row, name) for name in names}
    return words | {"origin": row.origin or "", "proposed_by": row.proposer_name}


def store(row, now):
    """Writes the proposal, its first version and audit row.

    False if somebody else opened it meanwhile, or its topic is for other eyes than it was.
    """
    data = {"title": row.title, "evidence_sha256": row.evidence_sha256}
    data |= {"suggestion": row.suggestion, "state": row.state, "eligible": row.terms["eligible"]}
    data |= {"restricted_to": row.restricted_to_id, "reserved_for": row.reserved_for_id}
    data |= describe_mails(row.people)
    actor = row.proposer_name or "the system"
    try:
        with transaction.atomic():
            held = queries.read_topic(row.topic, hold=True)
            if row.asked.find_group(row.topic, held) != row.restricted_to:
                return False
            row.save(force_insert=True)
            data |= store_version(row, terms=row.terms, at=now)
            append_audit(pipeline=row, actor=actor, event="proposed", data=data, at=now)
            plan_deadlines(row, event="proposed", people=row.people, now=now)
            tell_later(row)
            refuse_repeat(row, now)
    except IntegrityError:
        row.pk = None
        return False
    return True


def refuse_repeat(row, now):
    """IntegrityError for a stored proposal that is a repeat after all.

    Only now that its entry is the end of the chain: until then another could still be opened, or be
    rejected with "unless …".
    """
    refuse_second(row)
    if find_standing(queries.list_same(row), now=now) or find_by_origin(row.origin, besides=row.pk):
        raise IntegrityError("proposed, or rejected with an unless, meanwhile")
