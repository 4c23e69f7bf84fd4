"""Carrying out: once, under one key, and never what was not approved."""

from datetime import timedelta

import pytest

from pipelines_app.exceptions import Conflict, Impossible
from pipelines_app.models import Errand, Pipeline
from pipelines_app.services import (
    approve,
    fail,
    propose,
    resume,
    retry,
    run_errands,
    stop,
    undo,
    withdraw,
)
from pipelines_app.services.errands import act, drain, plan
from pipelines_app.services.verify import verify_audit
from tests.pipelines_app.acting import FAULTS, ORDERS

pytestmark = pytest.mark.django_db
AFTER = timedelta(seconds=10)


@pytest.fixture
def approved(acting, approver):
    return approve(pipeline=acting, by=approver, version=1)


def run(pipeline, later=AFTER):
    """What a drain does at a time after the approval; the proposal as it stands then."""
    run_errands(now=pipeline.decided_at + later)
    return Pipeline.objects.get(pk=pipeline.pk)


def events(pipeline):
    return list(pipeline.moves.values_list("event", "actor"))[1:]


def test_it_is_carried_out_after_ten_seconds_and_not_before(approved):
    assert run(approved, AFTER - timedelta(microseconds=1)).state == "approved" and not ORDERS
    done = run(approved)
    assert (done.state, done.outcome) == ("done", "paid 2") and done.carried_out_at
    run(approved, timedelta(days=1))
    [order] = ORDERS
    assert order.key == f"pipeline:{approved.pk}:1"
    assert (order.proposal, order.version, order.title, order.topic) == (approved.pk, 1, "Slow", "")
    assert (order.parameters, order.attempt) == ({"amount": 2}, 1)
    assert events(done) == [("approved", "ada"), ("begun", "action pay"), ("done", "action pay")]
    assert verify_audit().faults == []


def test_it_is_carried_out_at_once_where_the_settings_say_so(settings, acting, approver):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"EXECUTE_AFTER": 0}
    assert run(approve(pipeline=acting, by=approver, version=1), timedelta(0)).state == "done"


def test_a_first_vote_of_two_carries_nothing_out(settings, acting, approver, second):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"QUORUM": 2}
    two = propose(title="Two", suggestion="Pay 2", action="pay")[0]
    approve(pipeline=two, by=approver, version=1)
    assert not Errand.objects.filter(pipeline=two, kind="act").exists()
    approve(pipeline=two, by=second, version=1)
    assert Errand.objects.filter(pipeline=two, kind="act").count() == 1


def test_a_failure_is_repeated_under_the_same_key_until_it_succeeds(approved):
    FAULTS[:] = [OSError("away"), ValueError("still\x00 away")]
    waiting = run(approved)
    assert waiting.state == "executing" and waiting.carried_out_at is None
    errand = Errand.objects.get(kind="act")
    assert errand.error == "away" and errand.due_at > approved.decided_at + AFTER
    run(approved, timedelta(minutes=1))
    done = run(approved, timedelta(hours=1))
    assert done.state == "done"
    assert [order.attempt for order in ORDERS] == [1, 2, 3] and len({order.key for order in ORDERS}) == 1
    assert [event for event, _ in events(done)] == ["approved", "begun", "done"]


def test_what_cannot_succeed_fails_at_once_and_says_why(approved):
    FAULTS[:] = [Impossible("no such account")]
    failed = run(approved)
    assert (failed.state, failed.outcome) == ("failed", "no such account")
    assert failed.carried_out_at is None and len(ORDERS) == 1
    run(approved, timedelta(days=2))
    assert len(ORDERS) == 1 and verify_audit().faults == []


def test_it_fails_after_the_last_attempt(approved):
    FAULTS[:] = [OSError("away")] * 20
    for hours in range(1, 20):
        failed = run(approved, timedelta(hours=hours))
    assert (failed.state, failed.outcome, len(ORDERS)) == ("failed", "away", 10)


def test_a_person_tries_again_what_failed_under_the_same_key(approved, second):
    FAULTS[:] = [Impossible("no money")]
    failed = run(approved)
    again = retry(pipeline=failed, by=second, version=1)
    assert (again.state, again.outcome) == ("executing", "")
    assert retry(pipeline=failed, by=second, version=1).audit.filter(event="retried").count() == 1
    done = run(approved, timedelta(hours=1))
    assert (done.state, done.outcome) == ("done", "paid 2")
    assert len({order.key for order in ORDERS}) == 1 and len(ORDERS) == 2
    assert verify_audit().faults == []


def test_a_person_withdraws_what_failed(approved, second):
    FAULTS[:] = [Impossible("no money")]
    gone = withdraw(pipeline=run(approved), by=second, version=1, comment="we pay by hand")
    assert gone.state == "withdrawn"
    assert run(approved, timedelta(hours=1)).state == "withdrawn" and len(ORDERS) == 1


def test_a_worker_that_dies_during_the_action_leaves_its_order_to_the_next(approved, monkeypatch):
    class Killed(BaseException):
        """What no handler of errors catches."""

    FAULTS[:] = [Killed()]
    with pytest.raises(Killed):
        run(approved)
    assert run(approved, AFTER + plan.CLAIM - timedelta(seconds=1)).state == "executing" and len(ORDERS) == 1
    assert run(approved, AFTER + plan.CLAIM).state == "done"
    assert [order.attempt for order in ORDERS] == [1, 2] and len({order.key for order in ORDERS}) == 1


def test_of_two_workers_only_the_one_that_holds_the_errand_ends_it(approved):
    moment = approved.decided_at + AFTER
    slow = drain.claim(Errand.objects.get(kind="act").pk, moment)
    assert run(approved, AFTER + plan.CLAIM).state == "done"
    FAULTS[:] = [Impossible("too late")]
    drain.run_errand(slow, moment)
    done = Pipeline.objects.get(pk=approved.pk)
    assert (done.state, done.outcome) == ("done", "paid 2") and len(ORDERS) == 1


def test_an_undone_or_revoked_approval_that_was_claimed_already_is_not_carried_out(approved, approver):
    moment = approved.decided_at + AFTER
    claimed = drain.claim(Errand.objects.get(kind="act").pk, moment)
    withdraw(pipeline=approved, by=approver, version=1, comment="not now", now=moment)
    drain.run_errand(claimed, moment)
    assert not ORDERS and Pipeline.objects.get(pk=approved.pk).state == "withdrawn"


@pytest.mark.parametrize(
    "edit",
    [
        """UPDATE pipelines_app_pipeline SET action_params = '{"amount": 2000}'""",
        "UPDATE pipelines_app_pipeline SET action = ''",
        """UPDATE pipelines_app_version SET text = REPLACE(text, '"amount":2', '"amount":9')""",
        "DELETE FROM pipelines_app_version",
    ],
)
def test_what_was_slipped_in_after_the_approval_is_not_carried_out(approved, touch, edit):
    touch(edit)
    failed = run(approved)
    assert failed.state == "failed" and "is not as it was frozen" in failed.outcome
    assert not ORDERS


def test_an_action_that_the_settings_dropped_fails(settings, approved):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"ACTIONS": {}}
    failed = run(approved)
    assert failed.state == "failed" and "'pay' is no action of the settings" in failed.outcome


def test_while_everything_is_stopped_nothing_begins_and_it_costs_no_attempt(approved, admin_user):
    stop(reason="audit", by=admin_user)
    for seconds in range(10, 60, 6):
        assert run(approved, timedelta(seconds=seconds)).state == "approved"
    resume(reason="over", by=admin_user)
    assert run(approved, timedelta(hours=1)).state == "done"
    assert [order.attempt for order in ORDERS] == [1]


def test_an_action_that_waits_for_another_attempt_is_held_too(approved, admin_user):
    FAULTS[:] = [OSError("away")]
    run(approved)
    stop(reason="audit", by=admin_user)
    assert run(approved, timedelta(hours=1)).state == "executing" and len(ORDERS) == 1
    with pytest.raises(Conflict, match="root stopped all actions: audit"):
        withdrawn = fail(pipeline=approved, by=admin_user, version=1, comment="enough")
        retry(pipeline=withdrawn, by=admin_user, version=1)


def test_an_action_can_be_called_off_between_attempts_and_not_during_one(approved, second):
    moment = approved.decided_at + AFTER
    claimed = drain.claim(Errand.objects.get(kind="act").pk, moment)
    FAULTS[:] = [OSError("away")]
    act.begin(claimed, moment)
    with pytest.raises(Conflict, match="this very moment"):
        fail(pipeline=approved, by=second, version=1, comment="enough", now=moment)
    drain.run_errand(claimed, moment)
    failed = fail(pipeline=approved, by=second, version=1, comment="enough", now=moment)
    assert (failed.state, failed.outcome) == ("failed", "could not be done: enough")
    assert run(approved, timedelta(hours=1)).state == "failed" and len(ORDERS) == 1
    assert verify_audit().faults == []


def test_an_undone_approval_carries_nothing_out_and_the_next_one_has_a_key_of_its_own(approved, approver):
    undo(pipeline=approved, by=approver, version=1)
    assert run(approved, timedelta(hours=1)).state == "awaiting_approval" and not ORDERS
    again = approve(pipeline=approved, by=approver, version=2)
    assert run(again).state == "done"
    assert [order.key for order in ORDERS] == [f"pipeline:{approved.pk}:2"]
    assert verify_audit().faults == []


@pytest.mark.parametrize(
    "edit", ["outcome = 'paid 2000'", "carried_out_at = '2020-01-01 00:00:00+00:00'", "carried_out_at = NULL"]
)
def test_an_edited_outcome_is_found_and_named(approved, touch, edit):
    run(approved)
    touch(f"UPDATE pipelines_app_pipeline SET {edit}")
    assert verify_audit().faults == [f"what came of proposal #{approved.pk} was changed"]
