"""Taking a proposal back, and changing what it suggests."""

from django.db import transaction
from django.utils import timezone

from pipelines_app.actions.registry import freeze_again
from pipelines_app.core.fields import check_id, check_text, check_version
from pipelines_app.core.states import State, may_move
from pipelines_app.core.versions import IMPOSSIBLE
from pipelines_app.exceptions import AlreadyDecided, NotAllowed, VersionChanged
from pipelines_app.queries import (
    find_deciding_vote,
    is_visible,
    list_deciders,
    may_decide_any,
    read_earlier,
    tell_end,
    visible_to,
    why_not_change,
    why_not_decide,
)
from pipelines_app.queries.deciding import name_of
from pipelines_app.queries.unless import find_acting
from pipelines_app.queries.versions import read_version
from pipelines_app.services.audit import append_audit
from pipelines_app.services.errands.deadlines import plan_deadlines
from pipelines_app.services.errands.plan import describe_mails
from pipelines_app.services.moves import lock_pipeline, move, tell_later
from pipelines_app.services.terms import keep_terms
from pipelines_app.services.versions import store_version


def withdraw(*, pipeline, by, version, comment, now=None):
    """Takes a proposal back before it is carried out; ``comment`` says why.

    For its proposer and for whoever may decide; what was rejected with "unless …" and still waits for
    that only for the latter. NotAllowed, VersionChanged, AlreadyDecided.
    """
    now = now or timezone.now()
    version = check_version(version)
    comment = check_text(comment, field="comment", limit=2000)
    with transaction.atomic():
        locked = lock_pipeline(pipeline.pk)
        refuse_strangers(locked, by, now)
        if (
            locked.state == State.WITHDRAWN
            and locked.audit.filter(event="withdrawn", actor=name_of(by)).exists()
        ):
            return locked
        if not may_move(locked.state, State.WITHDRAWN):
            raise_decided(locked)
        refuse_rejected(locked, by, now)
        refuse_other_version(locked, version)
        data = {"by": by.pk, "comment": comment, "version": version}
        move(locked, State.WITHDRAWN, actor=name_of(by), event="withdrawn", data=data, at=now)
    return locked


def change_suggestion(*, pipeline, by, version, suggestion="", comment="", earlier=None, now=None):
    """Makes a new version with another suggestion; votes on the old one no longer count.

    With ``earlier``, the number of an approved proposal about the same KPI, it is what that one
    suggested, with its action, instead of ``suggestion``. The title stays: it says what happened.
    An action that cannot be carried out is left out of it: what is suggested is done by hand then.
    Whoever changes it stands beside its proposer from then on, and leaves the decision to others.
    BadInput; NotAllowed; Tampered where the version at hand is not as it was frozen.
    """
    now = now or timezone.now()
    version, earlier = check_version(version), check_id(earlier, field="earlier")
    if earlier is None:
        suggestion = check_text(suggestion, field="suggestion", limit=500)
    comment = check_text(comment, field="comment", limit=2000, required=False)
    with transaction.atomic():
        locked = lock_pipeline(pipeline.pk)
        refuse_strangers(locked, by, now)
        if not locked.is_open:
            raise_decided(locked)
        refuse_other_version(locked, version)
        frozen = read_version(locked)
        wanted = {"suggestion": suggestion} if earlier is None else take_earlier(locked, earlier, by)
        if blocked := frozen.get(IMPOSSIBLE):
            wanted = {"action": "", "action_params": {}} | wanted
        named = ("suggestion", "action")
        if blocked or any(getattr(locked, name) != wanted.get(name, frozen[name]) for name in named):
            change_locked(locked, frozen, wanted, by=by, comment=comment, earlier=earlier, now=now)
    return locked


def take_earlier(pipeline, number, by):
    """The columns of what an earlier proposal suggested; its action's parameters are frozen anew.

    BadInput where it is no choice, or where its action cannot work any more. NotAllowed where it has
    an action and this person does not decide: what people merely propose is done by hand.
    """
    document = read_earlier(pipeline, number, among=visible_to(by))
    action, params = document["action"], document["action_params"]
    if action:
        if not may_decide_any(by):
            raise NotAllowed(f"#{number} has an action: only people who decide can choose it.")
        params = freeze_again(action, params, pipeline.evidence)
    return {"suggestion": document["suggestion"], "action": action, "action_params": params}


def change_locked(pipeline, frozen, wanted, *, by, comment, earlier, now):
    """Writes the ``wanted`` columns as the new version of a locked proposal, with its audit row."""
    data = {"by": by.pk, "comment": comment, "before": pipeline.suggestion}
    data |= {"suggestion": wanted["suggestion"]} | ({"earlier": earlier} if earlier else {})
    for name, value in wanted.items():
        setattr(pipeline, name, value)
    pipeline.version += 1
    pipeline.changed_by = by
    pipeline.save(update_fields=[*wanted, "version", "changed_by"])
    terms = keep_terms(frozen)
    if why_not := terms.pop(IMPOSSIBLE, ""):
        data |= {"left_out": why_not}
    data |= {"state": pipeline.state} | store_version(pipeline, terms=terms, at=now)
    people = list_deciders(pipeline, now=now)
    data |= describe_mails(people)
    append_audit(pipeline=pipeline, actor=name_of(by), event="changed", data=data, at=now)
    plan_deadlines(pipeline, event="changed", people=people, now=now)
    tell_later(pipeline)


def refuse_strangers(pipeline, by, now):
    """NotAllowed for whoever neither proposed it nor is of those who decide."""
    if not is_visible(pipeline, by):
        raise NotAllowed(f"Proposal #{pipeline.pk} is restricted to the group {pipeline.restricted_to}.")
    if reason := why_not_change(pipeline, by, now=now):
        raise NotAllowed(reason)


def refuse_rejected(pipeline, by, now):
    """AlreadyDecided for what was rejected for good; its proposer does not shake off what it waits for."""
    if pipeline.state != State.REJECTED:
        return
    if find_acting(pipeline, now=now) is None:
        raise_decided(pipeline)
    if reason := why_not_decide(pipeline, by, now=now):
        raise NotAllowed(reason)


def refuse_other_version(pipeline, version):
    """VersionChanged unless the caller saw the present version."""
    if pipeline.version != version:
        raise VersionChanged(
            f"Proposal #{pipeline.pk} is at version {pipeline.version} now, you saw version {version}.",
            pipeline=pipeline,
        )


def raise_decided(pipeline):
    """AlreadyDecided, with the vote that ended it."""
    decision = find_deciding_vote(pipeline)
    raise AlreadyDecided(tell_end(pipeline, decision), pipeline=pipeline, decision=decision)
