"""Approve and reject: one person, one vote, counted under the lock of the proposal."""

from django.db import transaction
from django.utils import timezone

from pipelines_app.core.fields import check_text, check_version
from pipelines_app.core.states import State
from pipelines_app.core.voting import APPROVE, REJECT, tally
from pipelines_app.exceptions import AlreadyDecided, BadDecision, BadInput, NotAllowed, VersionChanged
from pipelines_app.models import Decision
from pipelines_app.queries import PAST, find_deciding_vote, is_visible, tell_end, why_not_decide
from pipelines_app.queries.versions import read_version
from pipelines_app.services.audit import append_audit
from pipelines_app.services.expire import expire_locked, is_overdue
from pipelines_app.services.moves import lock_pipeline, move, name_of, tell_later


def approve(*, pipeline, by, version, comment="", now=None):
    """One approval of the version that ``by`` saw; answers the proposal as it then stands.

    NotAllowed, VersionChanged, AlreadyDecided (which says by whom), Tampered, BadDecision. The
    same person's second approval changes nothing and is no error.
    """
    return decide(pipeline=pipeline, by=by, vote=APPROVE, version=version, comment=comment, now=now)


def reject(*, pipeline, by, version, comment, now=None):
    """Ends the proposal; ``comment`` says why. Raises as ``approve`` does."""
    return decide(pipeline=pipeline, by=by, vote=REJECT, version=version, comment=comment, now=now)


def decide(*, pipeline, by, vote, version, comment, now=None):
    """Casts one vote under the proposal's lock."""
    now = now or timezone.now()
    version, comment = check_vote(vote, version, comment)
    with transaction.atomic():
        locked = lock_pipeline(pipeline.pk)
        refuse_outsiders(locked, by, vote, now)
        if cast_before(locked, by, vote, version):
            return locked
        lapsed = is_overdue(locked, now)
        if lapsed:
            # The drain would have done so within seconds: nobody decides after the deadline.
            expire_locked(locked, now)
        else:
            refuse_late_votes(locked, by, version)
            quorum = read_version(locked)["quorum"] if vote == APPROVE else None
            cast(locked, by=by, vote=vote, quorum=quorum, comment=comment, now=now)
    if lapsed:
        raise AlreadyDecided(tell_end(locked, None), pipeline=locked)
    return locked


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


def refuse_outsiders(pipeline, by, vote, now):
    """NotAllowed for whoever may not decide on this proposal, and for touched evidence."""
    if not is_visible(pipeline, by):
        raise NotAllowed(f"Proposal #{pipeline.pk} is restricted to the group {pipeline.restricted_to}.")
    reason = why_not_decide(pipeline, by, now=now)
    if reason:
        raise NotAllowed(reason)
    if vote == APPROVE and not pipeline.evidence_intact:
        raise NotAllowed(
            f"The evidence of proposal #{pipeline.pk} was changed after it was frozen: "
            "it can only be rejected. Run manage.py verify_audit."
        )


def cast_before(pipeline, by, vote, version):
    """Whether this person has cast this very vote: a double click is one vote."""
    return pipeline.decisions.filter(by=by, vote=vote, version=version).exists()


def refuse_late_votes(pipeline, by, version):
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


def cast(pipeline, *, by, vote, quorum, comment, now):
    """Stores the vote, counts, and moves the proposal if that decides it; a rejection needs no quorum."""
    name = name_of(by)
    Decision.objects.create(
        pipeline=pipeline,
        by=by,
        by_name=name,
        vote=vote,
        comment=comment,
        version=pipeline.version,
        created_at=now,
    )
    votes = pipeline.decisions.filter(version=pipeline.version).values_list("by_id", "vote")
    data = {"by": by.pk, "vote": vote, "comment": comment, "version": pipeline.version}
    end = tally(votes, quorum)
    if end == State.AWAITING_APPROVAL:
        append_audit(
            pipeline=pipeline, actor=name, event="voted", data=data | {"state": pipeline.state}, at=now
        )
        tell_later(pipeline)
    else:
        move(pipeline, end, actor=name, event=PAST[vote], data=data, at=now)
