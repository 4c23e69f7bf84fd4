"""What happens in the same moment: one of the two, never both, never half of one."""

from datetime import date, timedelta

import pytest

from pipelines_app.exceptions import Conflict, Impossible
from pipelines_app.models import AuditEntry, Errand, Pipeline, StopSwitch
from pipelines_app.services import (
    approve,
    confirm,
    fail,
    propose,
    resume,
    retry,
    run_errands,
    stop,
    undo,
    withdraw,
)
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


def look(pipeline):
    """Its state, and the events of its chain."""
    return Pipeline.objects.get(pk=pipeline.pk).state, list(pipeline.audit.values_list("event", flat=True))


@ROUNDS
def test_an_undo_and_a_claim(make, approver, race, rounds):
    for number in range(rounds):
        pipeline, due = make(number)
        early = due - timedelta(microseconds=1)
        undone, _ = race(
            lambda p=pipeline, at=early: undo(pipeline=p, by=approver, version=1, now=at),
            lambda at=due: run_errands(now=at),
        )
        run_errands(now=due + timedelta(hours=1))
        state, events = look(pipeline)
        if isinstance(undone, Conflict):
            assert (state, len(ORDERS), events[-2:]) == ("done", 1, ["begun", "done"])
        else:
            assert (state, ORDERS, events[-1]) == ("awaiting_approval", [], "undone"), undone
    assert verify_audit().faults == []


@ROUNDS
def test_a_revocation_and_a_claim(make, approver, race, rounds):
    for number in range(rounds):
        pipeline, due = make(number)
        revoked, _ = race(
            lambda p=pipeline, at=due: withdraw(pipeline=p, by=approver, version=1, comment="no", now=at),
            lambda at=due: run_errands(now=at),
        )
        run_errands(now=due + timedelta(hours=1))
        state, events = look(pipeline)
        if isinstance(revoked, Conflict):
            assert (state, len(ORDERS), events[-2:]) == ("done", 1, ["begun", "done"])
        else:
            assert (state, ORDERS, events[-1]) == ("withdrawn", [], "withdrawn"), revoked
    assert verify_audit().faults == []


@ROUNDS
def test_the_stop_switch_and_a_claim(make, admin_user, race, rounds):
    for number in range(rounds):
        pipeline, due = make(number)
        stopped, _ = race(lambda: stop(reason="audit", by=admin_user), lambda at=due: run_errands(now=at))
        assert isinstance(stopped, StopSwitch), stopped
        run_errands(now=due + timedelta(minutes=1))
        state, events = look(pipeline)
        ended = AuditEntry.objects.filter(event="stopped").order_by("-seq").first().seq
        begun = pipeline.audit.filter(event="begun").first()
        # What began was begun before; and what had not is held.
        assert (state == "done") == (begun is not None and begun.seq < ended), (state, events)
        assert (state, len(ORDERS)) in (("done", 1), ("approved", 0))
        resume(reason="over", by=admin_user)
        run_errands(now=due + timedelta(hours=1))
        assert look(pipeline)[0] == "done" and len(ORDERS) == 1
    assert verify_audit().faults == []


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
