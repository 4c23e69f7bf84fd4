"""Approve and reject: one person, one vote, counted under the lock of the proposal."""

from django.db import transaction
from django.utils import timezone

from pipelines_app import queries
from pipelines_app.core.fields import check_text, check_version
from pipelines_app.core.states import State
from pipelines_app.core.unless import check_unless
from pipelines_app.core.versions import IMPOSSIBLE
from pipelines_app.core.voting import APPROVE, REJECT, tally
from pipelines_app.exceptions import (
    AlreadyDecided,
    BadDecision,
    BadInput,
    Conflict,
    NotAllowed,
    Tampered,
    VersionChanged,
)
from pipelines_app.models import Decision
from pipelines_app.queries import PAST, find_deciding_vote, find_seat, is_visible, tell_end
from pipelines_app.queries.deciding import name_of
from pipelines_app.queries.unless import WATCH
from pipelines_app.queries.versions import (
    list_untold_votes,
    read_version,
    tell_faults,
    tell_touched_evidence,
)
from pipelines_app.services.audit import append_audit
from pipelines_app.services.errands.figures import plan_figures
from pipelines_app.services.errands.plan import ACT, repeat_errand
from pipelines_app.services.expire import expire_locked, is_overdue
from pipelines_app.services.moves import lock_pipeline, move, tell_later
from pipelines_app.services.unless import make_unless


def approve(*, pipeline, by, version, comment="", now=None):
    """One approval of the version that ``by`` saw; answers the proposal as it then stands.

    NotAllowed, VersionChanged, AlreadyDecided (which says by whom), Tampered, BadDecision, Conflict
    where its action is known to be impossible. The
    same person's second approval changes nothing and is no error.
    """
    return decide(pipeline=pipeline, by=by, vote=APPROVE, version=version, comment=comment, now=now)


def reject(*, pipeline, by, version, comment, unless=None, now=None):
    """Ends the proposal; ``comment`` says why. Raises as ``approve`` does.

    ``unless`` (``{"value": "60 h", "until": "2026-03-03"}``): once the quantity of its rule is beyond the
    value, it waits for a decision again; until then, or the end, its title proposes nothing. BadInput
    names what is wrong with it, NotMeasured: the KPI cannot be read now.
    """
    return decide(
        pipeline=pipeline, by=by, vote=REJECT, version=version, comment=comment, unless=unless, now=now
    )


def decide(*, pipeline, by, vote, version, comment, unless=None, now=None):
    """Casts one vote under the proposal's lock."""
    now = now or timezone.now()
    version, comment = check_vote(vote, version, comment)
    unless = prepare_unless(pipeline, by, vote, check_unless(unless), now)
    with transaction.atomic():
        locked = lock_pipeline(pipeline.pk)
        seat = refuse_outsiders(locked, by, vote, now)
        refuse_untold_vote(locked, by, seat, version)
        if cast_before(locked, by, vote, version):
            return locked
        lapsed = is_overdue(locked, now)
        if lapsed:
            # The drain would have done so within seconds: nobody decides after the deadline.
            expire_locked(locked, now)
        else:
            refuse_late_votes(locked, by, seat, version)
            quorum = find_quorum(locked) if vote == APPROVE else None
            cast(
                locked,
                by=by,
                seat=seat,
                vote=vote,
                quorum=quorum,
                comment=comment,
                unless=unless,
                now=now,
            )
    if lapsed:
        raise AlreadyDecided(tell_end(locked, None), pipeline=locked)
    return locked


def find_quorum(pipeline):
    """How many approvals the frozen version needs; Tampered, Conflict where it cannot be carried out."""
    frozen = read_version(pipeline)
    if why_not := frozen.get(IMPOSSIBLE):
        raise Conflict(f"It must be changed before it is approved: {why_not}", pipeline=pipeline)
    return frozen["quorum"]


def check_vote(vote, version, comment):
    """The clean version and comment, or BadDecision."""
    try:
        version = check_version(version)
        comment = check_text(comment, field="comment", limit=2000, required=False)
    except BadInput as error:
        raise BadDecision(str(error), errors=error.errors) from None
    if vote == REJECT and not comment:
        raise BadDecision(
            "say why in a comment: a rejection without a reason teaches nobody", field="comment"
        )
    return version, comment


def prepare_unless(pipeline, by, vote, given, now):
    """What the rejection waits for as it is frozen, or None; before the lock, because it reads the KPI.

    What no longer waits, or was seen in another version, is refused under the lock, whatever it says.
    """
    if given is None or not pipeline.is_open:
        return None
    refuse_outsiders(pipeline, by, vote, now)
    return make_unless(pipeline, given, now)


def refuse_outsiders(pipeline, by, vote, now):
    """The person whose seat ``by`` fills; NotAllowed for who fills none, Tampered for touched evidence."""
    if not is_visible(pipeline, by):
        raise NotAllowed(f"Proposal #{pipeline.pk} is restricted to the group {pipeline.restricted_to}.")
    seat, reason = find_seat(pipeline, by, now=now)
    if reason:
        raise NotAllowed(reason)
    if vote == APPROVE and (touched := tell_touched_evidence(pipeline)):
        raise Tampered(touched, pipeline=pipeline)
    return seat


def refuse_untold_vote(pipeline, by, seat, version):
    """Tampered where a row says that they have voted, and the audit chain does not: nobody cast that."""
    if pipeline.version != version:
        return
    for row in list_untold_votes(pipeline):
        if row.by_id == by.pk or row.seat == seat.pk:
            fault = f"the vote of {row.name} is not in the audit chain"
            raise Tampered(tell_faults(pipeline, [fault]), pipeline=pipeline)


def cast_before(pipeline, by, vote, version):
    """Whether this person has cast this very vote on the present version: a double click is one vote."""
    if pipeline.version != version:
        return False
    return pipeline.decisions.filter(by=by, vote=vote, version=version).exists()


def refuse_late_votes(pipeline, by, seat, version):
    """AlreadyDecided or VersionChanged, each with who and what was first."""
    if not pipeline.is_open:
        decision = find_deciding_vote(pipeline)
        raise AlreadyDecided(tell_end(pipeline, decision), pipeline=pipeline, decision=decision)
    if pipeline.version != version:
        raise VersionChanged(
            f"Proposal #{pipeline.pk} is at version {pipeline.version} now, you saw version {version}: "
            "read it again before you decide.",
            pipeline=pipeline,
        )
    own = pipeline.decisions.filter(by=by, version=version).first()
    if own:
        raise AlreadyDecided(
            f"You {PAST[own.vote]} version {version} before: one person has one vote.",
            pipeline=pipeline,
            decision=own,
        )
    lent = pipeline.decisions.filter(instead_of=seat, version=version).first()
    if lent:
        raise AlreadyDecided(
            f"{lent.name} {PAST[lent.vote]} version {version} before: one seat has one vote.",
            pipeline=pipeline,
            decision=lent,
        )


def cast(pipeline, *, by, seat, vote, quorum, comment, unless, now):
    """Stores the vote, counts, and moves the proposal if that decides it; a rejection needs no quorum."""
    name, other = name_of(by), None if seat == by else seat
    Decision.objects.create(
        pipeline=pipeline,
        by=by,
        by_name=name,
        instead_of=other,
        instead_of_name=name_of(other) if other else "",
        vote=vote,
        comment=comment,
        version=pipeline.version,
        created_at=now,
    )
    votes = [(row.seat, row.vote) for row in pipeline.decisions.filter(version=pipeline.version)]
    data = {"by": by.pk, "vote": vote, "comment": comment, "version": pipeline.version}
    if other:
        data |= {"for": other.pk, "for_name": name_of(other)}
    if unless:
        data |= {"unless": unless.describe()}
    end = tally(votes, quorum)
    if end == State.AWAITING_APPROVAL:
        append_audit(
            pipeline=pipeline, actor=name, event="voted", data=data | {"state": pipeline.state}, at=now
        )
        tell_later(pipeline)
    else:
        move(pipeline, end, actor=name, event=PAST[vote], data=data, at=now)
        plan_figures(pipeline, end, now)
    if end == State.APPROVED:
        # Anew: a row that somebody slipped in before neither hastens nor ends it.
        repeat_errand(pipeline, ACT, due_at=queries.find_undo_end(pipeline))
    if unless:
        repeat_errand(pipeline, WATCH, due_at=now)
