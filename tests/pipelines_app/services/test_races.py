"""What happens in the same moment: one of the two, never both, never half of one."""

import sys
import threading
from collections import Counter
from datetime import date, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from pipelines_app.exceptions import AlreadyDecided, Conflict, Impossible, NotAllowed, VersionChanged
from pipelines_app.models import AuditEntry, Errand, Pipeline, StopSwitch
from pipelines_app.services import (
    approve,
    change_suggestion,
    confirm,
    delegate,
    expire,
    fail,
    propose,
    reject,
    resume,
    retry,
    run_errands,
    stop,
    undo,
    withdraw,
)
from pipelines_app.services.errands import act
from pipelines_app.services.verify import verify_audit
from tests.pipelines_app.acting import FAULTS, ORDERS, forget

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
ROUNDS = pytest.mark.parametrize(
    "rounds", [pytest.param(4, id="short"), pytest.param(50, id="full", marks=pytest.mark.long)]
)
AFTER = timedelta(seconds=10)


@pytest.fixture
def make(settings, approver):
    """Makes an approved proposal, with an action or without; and the moment at which it is due."""
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"ACTIONS": {"pay": "tests.pipelines_app.acting.act"}}

    def make_one(number, action="pay"):
        forget()
        made = propose(title=f"Race {number}", suggestion="Pay", action=action)[0]
        after = approve(pipeline=made, by=approver, version=1)
        return after, after.decided_at + AFTER

    return make_one


@pytest.fixture
def duel(race, monkeypatch):
    """Two sides at the same moment, whose turn it is to start first; ``end`` looks at who won how often."""

    class Duel:
        def __init__(self):
            self.rounds, self.wins = 0, Counter()

        def run(self, left, right, *, at=None):
            """What each side was told; ``at``: what the right one is about to call when the left one starts.

            Without it a drain would come too late every time: it reads before it begins.
            """
            self.rounds += 1
            if at:
                return self.meet(left, right, *at)
            # Who is started last comes to the barrier last, and often leaves it first.
            if self.rounds % 2:
                return race(left, right)
            return race(right, left)[::-1]

        def meet(self, left, right, room, name):
            """Both at once, from where the right one calls a function of a module."""
            barrier, function = threading.Barrier(2), getattr(room, name)

            def call(*args):
                barrier.wait(60)
                return function(*args)

            def start():
                # The other one has its connection by then.
                connection.ensure_connection()
                barrier.wait(60)
                return left()

            with monkeypatch.context() as patch:
                patch.setattr(room, name, call)
                return race(start, right)

        def end(self, *sides):
            """Nothing of all rounds is at odds with the chain; in many rounds each side has won some."""
            assert verify_audit().faults == []
            assert self.wins.total() == self.rounds and set(self.wins) <= set(sides)
            print(f"{self.rounds} rounds: {dict(self.wins)}")
            assert self.rounds < 50 or all(self.wins[side] for side in sides), self.wins

    return Duel()


def look(pipeline):
    """Its state, and the events of its chain."""
    return Pipeline.objects.get(pk=pipeline.pk).state, list(pipeline.moves.values_list("event", flat=True))


@ROUNDS
def test_three_votes_where_two_are_needed(approver, second, member, race, settings, rounds):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"QUORUM": 2}
    people, late = [approver, second, member], Counter()
    for number in range(rounds):
        pipeline = propose(title=f"Race {number}", suggestion="Act")[0]
        turn = people[number % 3 :] + people[: number % 3]
        told = race(*[lambda p=pipeline, by=by: approve(pipeline=p, by=by, version=1) for by in turn])
        assert look(pipeline) == ("approved", ["proposed", "voted", "approved"])
        states = sorted(result.state for result in told if isinstance(result, Pipeline))
        assert states == ["approved", "awaiting_approval"], told
        [(loser, error)] = [pair for pair in zip(turn, told, strict=True) if isinstance(pair[1], Exception)]
        assert isinstance(error, AlreadyDecided) and "approved" in str(error)
        voters = set(pipeline.decisions.values_list("by", flat=True))
        assert voters == {person.pk for person in people} - {loser.pk}
        late[loser.username] += 1
    assert verify_audit().faults == []
    print(f"{rounds} rounds, too late: {dict(late)}")
    assert rounds < 50 or len(late) == 3, late


@ROUNDS
def test_an_approval_and_a_rejection(approver, second, duel, rounds):
    for number in range(rounds):
        pipeline = propose(title=f"Race {number}", suggestion="Act")[0]
        told = duel.run(
            lambda p=pipeline: approve(pipeline=p, by=approver, version=1),
            lambda p=pipeline: reject(pipeline=p, by=second, version=1, comment="no"),
        )
        state, events = look(pipeline)
        won = told[0] if state == "approved" else told[1]
        lost = told[1] if state == "approved" else told[0]
        assert isinstance(won, Pipeline) and won.state == state and events == ["proposed", state], told
        decision = pipeline.decisions.get()
        assert isinstance(lost, AlreadyDecided) and lost.decision == decision
        assert decision.by_name in str(lost)
        duel.wins[state] += 1
    duel.end("approved", "rejected")


@ROUNDS
def test_an_approval_in_the_last_moment_and_the_deadline(approver, duel, rounds):
    for number in range(rounds):
        pipeline = propose(title=f"Race {number}", suggestion="Act")[0]
        due = pipeline.due_at
        approved, expired = duel.run(
            lambda p=pipeline, at=due: approve(
                pipeline=p, by=approver, version=1, now=at - timedelta(microseconds=1)
            ),
            lambda at=due: expire(now=at),
            at=(sys.modules["pipelines_app.services.expire"], "expire_one"),
        )
        state, events = look(pipeline)
        assert events == ["proposed", state] and state in ("approved", "expired")
        assert pipeline.decisions.count() == (state == "approved") and expired == (state == "expired")
        assert isinstance(approved, Pipeline if state == "approved" else AlreadyDecided), approved
        duel.wins[state] += 1
    duel.end("approved", "expired")


@ROUNDS
def test_an_approval_and_a_change(approver, second, duel, rounds):
    for number in range(rounds):
        pipeline = propose(title=f"Race {number}", suggestion="Act")[0]
        approved, changed = duel.run(
            lambda p=pipeline: approve(pipeline=p, by=approver, version=1),
            lambda p=pipeline: change_suggestion(pipeline=p, by=second, version=1, suggestion="Less"),
        )
        state, events = look(pipeline)
        if state == "approved":
            assert isinstance(changed, AlreadyDecided) and approved.state == state
            assert (events, pipeline.versions.count()) == (["proposed", "approved"], 1)
        else:
            assert isinstance(approved, VersionChanged) and (changed.state, changed.version) == (state, 2)
            assert (events, pipeline.versions.count()) == (["proposed", "changed"], 2)
        assert pipeline.decisions.count() == (state == "approved")
        duel.wins[events[-1]] += 1
    duel.end("approved", "changed")


@ROUNDS
def test_an_approval_and_a_withdrawal(approver, second, duel, rounds):
    for number in range(rounds):
        pipeline = propose(title=f"Race {number}", suggestion="Act")[0]
        approved, withdrawn = duel.run(
            lambda p=pipeline: approve(pipeline=p, by=approver, version=1),
            lambda p=pipeline: withdraw(pipeline=p, by=second, version=1, comment="no need"),
        )
        # Whoever withdraws second has revoked the approval.
        state, events = look(pipeline)
        assert state == "withdrawn" == withdrawn.state and events[-1] == "withdrawn"
        revoked = isinstance(approved, Pipeline)
        assert revoked or isinstance(approved, AlreadyDecided), approved
        assert events[1:-1] == ["approved"] * revoked and pipeline.decisions.count() == revoked
        duel.wins["revoked" if revoked else "withdrawn"] += 1
        run_errands(now=pipeline.created_at + timedelta(hours=1))
    assert not AuditEntry.objects.filter(event="begun").exists()
    duel.end("revoked", "withdrawn")


@ROUNDS
def test_a_seat_that_its_holder_and_its_borrower_fill(housing, approver, duel, rounds):
    now, bob = timezone.now(), User.objects.get(username="bob")
    delegate(by=bob, to=approver, starts_at=now, ends_at=now + timedelta(days=1))
    for number in range(rounds):
        flat = propose(title=f"Flat {number}", suggestion="x", topic="housing.wait")[0]
        told = duel.run(
            lambda p=flat: approve(pipeline=p, by=bob, version=1),
            lambda p=flat: approve(pipeline=p, by=approver, version=1),
        )
        # One seat of the two that it needs, whoever filled it.
        vote = flat.decisions.get()
        assert look(flat) == ("awaiting_approval", ["proposed", "voted"]) and vote.seat == bob.pk
        won = 0 if vote.by_id == bob.pk else 1
        assert isinstance(told[won], Pipeline) and isinstance(told[1 - won], AlreadyDecided | NotAllowed), (
            told
        )
        duel.wins[vote.by_name] += 1
    duel.end("bob", "ada")


@ROUNDS
def test_an_undo_and_a_claim(make, approver, duel, rounds):
    for number in range(rounds):
        pipeline, due = make(number)
        early = due - timedelta(microseconds=1)
        undone, _ = duel.run(
            lambda p=pipeline, at=early: undo(pipeline=p, by=approver, version=1, now=at),
            lambda at=due: run_errands(now=at),
            at=(act, "begin"),
        )
        run_errands(now=due + timedelta(hours=1))
        state, events = look(pipeline)
        if isinstance(undone, Conflict):
            assert (state, len(ORDERS), events[-2:]) == ("done", 1, ["begun", "done"])
        else:
            assert (state, ORDERS, events[-1]) == ("awaiting_approval", [], "undone"), undone
            assert (undone.state, undone.version) == (state, 2)
        duel.wins["claim" if ORDERS else "undo"] += 1
    duel.end("claim", "undo")


@ROUNDS
def test_a_revocation_and_a_claim(make, approver, duel, rounds):
    for number in range(rounds):
        pipeline, due = make(number)
        revoked, _ = duel.run(
            lambda p=pipeline, at=due: withdraw(pipeline=p, by=approver, version=1, comment="no", now=at),
            lambda at=due: run_errands(now=at),
            at=(act, "begin"),
        )
        run_errands(now=due + timedelta(hours=1))
        state, events = look(pipeline)
        if isinstance(revoked, Conflict):
            assert (state, len(ORDERS), events[-2:]) == ("done", 1, ["begun", "done"])
        else:
            assert (state, ORDERS, events[-1]) == ("withdrawn", [], "withdrawn"), revoked
            assert revoked.state == state
        duel.wins["claim" if ORDERS else "revocation"] += 1
    duel.end("claim", "revocation")


@ROUNDS
def test_the_stop_switch_and_a_claim(make, admin_user, duel, rounds):
    for number in range(rounds):
        pipeline, due = make(number)
        stopped, _ = duel.run(
            lambda: stop(reason="audit", by=admin_user),
            lambda at=due: run_errands(now=at),
            at=(act, "begin"),
        )
        assert isinstance(stopped, StopSwitch), stopped
        run_errands(now=due + timedelta(minutes=1))
        state, events = look(pipeline)
        ended = AuditEntry.objects.filter(event="stopped").order_by("-seq").first().seq
        begun = pipeline.audit.filter(event="begun").first()
        # What began was begun before; and what had not is held.
        assert (state == "done") == (begun is not None and begun.seq < ended), (state, events)
        assert (state, len(ORDERS)) in (("done", 1), ("approved", 0))
        duel.wins["claim" if ORDERS else "stop"] += 1
        resume(reason="over", by=admin_user)
        run_errands(now=due + timedelta(hours=1))
        assert look(pipeline)[0] == "done" and len(ORDERS) == 1
    duel.end("claim", "stop")


@ROUNDS
def test_several_drains(make, race, rounds):
    for number in range(rounds):
        pipeline, due = make(number)
        race(*[lambda at=due: run_errands(now=at)] * 4)
        assert look(pipeline) == ("done", ["proposed", "approved", "begun", "done"])
        assert len(ORDERS) == 1


@ROUNDS
def test_a_confirmation_and_a_failure_of_a_manual_step(make, approver, second, race, rounds):
    for number in range(rounds):
        pipeline, due = make(number, action="")
        run_errands(now=due)
        results = race(
            lambda p=pipeline: confirm(pipeline=p, by=approver, version=1, day=date.today()),
            lambda p=pipeline: fail(pipeline=p, by=second, version=1, comment="nobody was free"),
        )
        state, events = look(pipeline)
        assert state in ("done", "failed") and events[-1] == state and events.count(state) == 1
        assert sum(isinstance(result, Conflict) for result in results) == 1, results
    assert verify_audit().faults == []


@ROUNDS
def test_two_who_try_again_and_one_who_withdraws(make, approver, second, admin_user, race, rounds):
    for number in range(rounds):
        pipeline, due = make(number)
        FAULTS[:] = [Impossible("no money")]
        run_errands(now=due)
        race(
            lambda p=pipeline: retry(pipeline=p, by=approver, version=1),
            lambda p=pipeline: retry(pipeline=p, by=second, version=1),
            lambda p=pipeline: withdraw(pipeline=p, by=admin_user, version=1, comment="enough"),
            lambda at=due: run_errands(now=at + timedelta(minutes=1)),
        )
        run_errands(now=due + timedelta(days=1))
        state, events = look(pipeline)
        assert state in ("done", "withdrawn") and len(ORDERS) == (2 if state == "done" else 1), events
        assert events.count("retried") <= 1
        assert not Errand.objects.filter(pipeline=pipeline, kind="act", done_at=None).exists()
    assert verify_audit().faults == []
