"""What people do between an approval and its end: undo it, confirm a manual step, report a failure, retry.

To revoke an approval is ``withdraw``, which works until it has begun. Each takes the version that the
caller saw, and a second click changes nothing.
"""

from django.db import IntegrityError, transaction
from django.utils import timezone

from pipelines_app import queries
from pipelines_app.actions.manual import check_day, is_manual
from pipelines_app.core.fields import check_text, check_version
from pipelines_app.core.moments import find_midnight
from pipelines_app.core.states import OPEN, State
from pipelines_app.core.telling import tell_whole_day
from pipelines_app.exceptions import Conflict, NotAllowed
from pipelines_app.models import Pipeline
from pipelines_app.services.change import refuse_other_version, refuse_strangers
from pipelines_app.services.errands.act import record_end
from pipelines_app.services.errands.deadlines import plan_deadlines
from pipelines_app.services.errands.plan import ACT, describe_mails, repeat_errand
from pipelines_app.services.moves import lock_pipeline, move, refuse_second
from pipelines_app.services.terms import keep_terms
from pipelines_app.services.versions import store_version

SAME = "Meanwhile another proposal of this title is open: revoke this one, and decide on that."


def undo(*, pipeline, by, version, now=None):
    """Takes one's own approval back before it is carried out: the proposal waits again, as a new version.

    Votes on the version before no longer count. NotAllowed for whoever did not approve it; Conflict
    once its time has come, or while another of its title is open; VersionChanged, Tampered.
    """
    now, version = now or timezone.now(), check_version(version)
    try:
        with transaction.atomic():
            locked = lock_pipeline(pipeline.pk)
            if is_repeated(locked, by, "undone", State.AWAITING_APPROVAL, version + 1):
                return locked
            refuse_undoing(locked, by, version, now)
            undo_locked(locked, by, now)
    except IntegrityError:
        raise Conflict(SAME, pipeline=Pipeline.objects.get(pk=pipeline.pk)) from None
    return locked


def refuse_undoing(pipeline, by, version, now):
    """Why an approval cannot be undone, as what ``undo`` raises."""
    if not queries.is_visible(pipeline, by):
        raise NotAllowed(f"Proposal #{pipeline.pk} is restricted to the group {pipeline.restricted_to}.")
    if not pipeline.decisions.filter(by=by).exists() and (
        why := queries.why_not_change(pipeline, by, now=now)
    ):
        raise NotAllowed(why)
    refuse_other_state(pipeline, State.APPROVED, "there is no approval to undo")
    refuse_other_version(pipeline, version)
    if not queries.has_approved(pipeline, by):
        raise NotAllowed(f"You did not approve proposal #{pipeline.pk}: you can only revoke it.")
    if queries.find_undo_end(pipeline) <= now:
        raise Conflict("It is too late to undo: revoke it, as long as it has not begun.", pipeline=pipeline)
    if queries.list_same(pipeline).filter(state__in=OPEN).exists():
        raise Conflict(SAME, pipeline=pipeline)


def undo_locked(pipeline, by, now):
    """Makes a locked, approved proposal wait again."""
    terms = keep_terms(queries.read_version(pipeline))
    pipeline.version += 1
    pipeline.save(update_fields=["version"])
    data = {"by": by.pk} | store_version(pipeline, terms=terms, at=now)
    others = [user for user in queries.list_deciders(pipeline, now=now) if user.pk != by.pk]
    data |= describe_mails(others)
    move(pipeline, State.AWAITING_APPROVAL, actor=queries.name_of(by), event="undone", data=data, at=now)
    refuse_second(pipeline)
    plan_deadlines(pipeline, event="undone", people=others, now=now)


def confirm(*, pipeline, by, version, day, comment="", now=None):
    """Says that a manual step was done on ``day`` (``2026-11-28``): from the approval to today.

    For its proposer and for whoever may decide. BadInput, NotAllowed, Conflict, VersionChanged, Tampered.
    """
    now, version = now or timezone.now(), check_version(version)
    comment = check_text(comment, field="comment", limit=2000, required=False)
    with transaction.atomic():
        locked = lock_pipeline(pipeline.pk)
        refuse_strangers(locked, by, now)
        if is_repeated(locked, by, "done", State.DONE, version) or is_confirmed(locked, by, version):
            return locked
        refuse_other_state(locked, State.EXECUTING, "there is nothing to confirm")
        refuse_other_version(locked, version)
        if not is_manual(queries.read_version(locked)["action"]):
            raise Conflict(f"Proposal #{locked.pk} is carried out by its action.", pipeline=locked)
        day = check_day(day, approved_at=locked.decided_at, now=now)
        data = {"by": by.pk, "comment": comment, "version": version, "day": str(day)}
        midnight = find_midnight(day, timezone.get_default_timezone())
        end = {"actor": queries.name_of(by), "data": data, "at": now}
        record_end(locked, State.DONE, f"done by hand on {tell_whole_day(day)}", midnight, **end)
    return locked


def is_confirmed(pipeline, by, version):
    """Whether this person has confirmed it, and its measuring began with that."""
    if (pipeline.state, pipeline.version) != (State.MEASURING, version):
        return False
    done = pipeline.audit.filter(event="done").order_by("-seq").first()
    return done is not None and done.read_data().get("by") == by.pk


def fail(*, pipeline, by, version, comment, now=None):
    """Says that it could not be done; ``comment`` says why. For its proposer and for whoever may decide.

    An action can be called off between two attempts, and not during one. Raises as ``confirm`` does.
    """
    now, version = now or timezone.now(), check_version(version)
    comment = check_text(comment, field="comment", limit=2000)
    with transaction.atomic():
        locked = lock_pipeline(pipeline.pk)
        refuse_strangers(locked, by, now)
        if is_repeated(locked, by, "failed", State.FAILED, version):
            return locked
        refuse_other_state(locked, State.EXECUTING, "it is not being carried out")
        refuse_other_version(locked, version)
        errand = queries.find_errand(locked)
        if errand and errand.claimed_until and errand.claimed_until > now:
            raise Conflict("It is being carried out this very moment: look again.", pipeline=locked)
        data = {"by": by.pk, "comment": comment, "version": version}
        end = {"actor": queries.name_of(by), "data": data, "at": now}
        record_end(locked, State.FAILED, f"could not be done: {comment}", None, **end)
    return locked


def retry(*, pipeline, by, version, now=None):
    """Asks again for what failed, under the same key; a manual step waits again to be confirmed.

    For its proposer and for whoever may decide. Conflict while everything is stopped, and where
    another attempt cannot succeed.
    """
    now, version = now or timezone.now(), check_version(version)
    with transaction.atomic():
        locked = lock_pipeline(pipeline.pk)
        refuse_strangers(locked, by, now)
        if is_repeated(locked, by, "retried", State.EXECUTING, version):
            return locked
        refuse_other_state(locked, State.FAILED, "there is nothing to try again")
        refuse_other_version(locked, version)
        if stopped := queries.find_stop():
            raise Conflict(f"{stopped.by_name} stopped all actions: {stopped.reason}", pipeline=locked)
        action = queries.read_version(locked)["action"]
        if why_not := queries.why_not_retry(locked):
            raise Conflict(why_not, pipeline=locked)
        if not is_manual(action):
            repeat_errand(locked, ACT, due_at=now)
        locked.outcome = ""
        locked.save(update_fields=["outcome"])
        data = {"by": by.pk, "version": version, "outcome": "", "carried_out_at": None}
        move(locked, State.EXECUTING, actor=queries.name_of(by), event="retried", data=data, at=now)
    return locked


def is_repeated(pipeline, by, event, state, version):
    """Whether this person has done just that, and nothing has happened since: a second click."""
    if (pipeline.state, pipeline.version) != (state, version):
        return False
    last = pipeline.moves.order_by("-seq").first()
    return last is not None and (last.event, last.read_data().get("by")) == (event, by.pk)


def refuse_other_state(pipeline, state, otherwise):
    """Conflict for a proposal that is not in the state that this asks for."""
    if pipeline.state != state:
        raise Conflict(f"Proposal #{pipeline.pk} is {pipeline.standing}: {otherwise}.", pipeline=pipeline)
