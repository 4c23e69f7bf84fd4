"""Decisions at the same moment, with real threads: no double move, no lost vote.

``short`` in `make test`, ``full`` with fifty rounds in `make test-long`.
"""

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from pipelines_app.exceptions import Conflict, NotAllowed
from pipelines_app.models import Pipeline
from pipelines_app.services import approve, change_suggestion, expire, propose, reject, withdraw
from pipelines_app.services.verify import verify_audit

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = [pytest.param(3, id="short"), pytest.param(50, id="full", marks=pytest.mark.long)]
ENDS = {"approved", "rejected", "withdrawn", "expired"}


@pytest.fixture
def opened(settings):
    """Opens proposals that need two approvals."""
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"QUORUM": 2}
    return lambda number, **more: propose(title=f"Round {number}", suggestion="Act", **more)[0]


def look(pipeline, results):
    """The proposal afterwards; it has moved once at most, and nothing but conflicts went wrong."""
    wrong = [one for one in results if isinstance(one, Exception)]
    assert all(isinstance(one, (Conflict, NotAllowed)) for one in wrong), wrong
    after = Pipeline.objects.get(pk=pipeline.pk)
    moves = [entry for entry in after.audit.all() if entry.event in ENDS]
    assert len(moves) == (0 if after.is_open else 1)
    assert [entry.event for entry in moves] == ([] if after.is_open else [after.state])
    return after


@pytest.mark.parametrize("rounds", ROUNDS)
def test_two_approvals_at_once_pass_a_quorum_of_two(opened, approver, second, race, rounds):
    for number in range(rounds):
        pipeline = opened(number)
        results = race(*[partial(approve, pipeline=pipeline, by=by, version=1) for by in (approver, second)])
        assert look(pipeline, results).state == "approved" and pipeline.decisions.count() == 2
    assert verify_audit().faults == []


@pytest.mark.parametrize("rounds", ROUNDS)
def test_the_last_approval_against_a_rejection(opened, approver, second, member, race, rounds):
    for number in range(rounds):
        pipeline = opened(number)
        approve(pipeline=pipeline, by=approver, version=1)
        results = race(
            partial(approve, pipeline=pipeline, by=second, version=1),
            partial(reject, pipeline=pipeline, by=member, version=1, comment="no"),
        )
        after = look(pipeline, results)
        assert pipeline.decisions.count() == 2 and after.state in ("approved", "rejected")
    assert verify_audit().faults == []


@pytest.mark.parametrize("rounds", ROUNDS)
def test_the_last_approval_against_a_change(opened, approver, second, member, race, rounds):
    for number in range(rounds):
        pipeline = opened(number)
        approve(pipeline=pipeline, by=approver, version=1)
        results = race(
            partial(approve, pipeline=pipeline, by=second, version=1),
            partial(change_suggestion, pipeline=pipeline, by=member, version=1, suggestion="Less"),
        )
        after = look(pipeline, results)
        # Either it passed as it was, or it waits as it was changed: never approved with other words.
        assert (after.state, after.version) in [("approved", 1), ("awaiting_approval", 2)]
    assert verify_audit().faults == []


@pytest.mark.parametrize("rounds", ROUNDS)
def test_two_changes_at_once_make_one_version(opened, approver, second, race, rounds):
    for number in range(rounds):
        pipeline = opened(number)
        results = race(
            *[
                partial(change_suggestion, pipeline=pipeline, by=by, version=1, suggestion=f"As {by} says")
                for by in (approver, second)
            ]
        )
        after = look(pipeline, results)
        assert after.version == 2 and after.versions.count() == 2
    assert verify_audit().faults == []


@pytest.mark.parametrize("rounds", ROUNDS)
def test_the_last_approval_against_a_withdrawal(opened, approver, second, member, race, rounds):
    for number in range(rounds):
        pipeline = opened(number)
        approve(pipeline=pipeline, by=approver, version=1)
        results = race(
            partial(approve, pipeline=pipeline, by=second, version=1),
            partial(withdraw, pipeline=pipeline, by=member, version=1, comment="over"),
        )
        after = Pipeline.objects.get(pk=pipeline.pk)
        # What was approved first may be taken back before it is carried out: then it moved twice, in order.
        assert after.state == "withdrawn" or isinstance(results[1], Conflict)
        events = [event for event in after.audit.values_list("event", flat=True) if event in ENDS]
        assert events in (["withdrawn"], ["approved"], ["approved", "withdrawn"])
    assert verify_audit().faults == []


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_vote_at_the_deadline_against_the_expiry(opened, approver, second, race, rounds):
    for number in range(rounds):
        pipeline = opened(number, now=timezone.now() - timedelta(hours=1))
        due = pipeline.due_at
        approve(pipeline=pipeline, by=approver, version=1)
        results = race(
            partial(approve, pipeline=pipeline, by=second, version=1, now=due - timedelta(microseconds=1)),
            partial(expire, now=due),
        )
        after = look(pipeline, [one for one in results if not isinstance(one, int)])
        assert after.state in ("approved", "expired")
        assert pipeline.decisions.count() == (2 if after.state == "approved" else 1)
    assert verify_audit().faults == []
