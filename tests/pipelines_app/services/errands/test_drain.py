"""The drain: each errand is done once, again where it failed, and none is left without a word."""

from datetime import timedelta

import pytest
from django.utils import timezone

from pipelines_app.core.errands import Kind
from pipelines_app.core.states import OPEN
from pipelines_app.exceptions import Impossible, Postponed
from pipelines_app.models import Errand
from pipelines_app.services import change_suggestion, reject, run_errands
from pipelines_app.services.errands import drain, plan_errand, read_errand_health
from pipelines_app.services.errands.kinds import KINDS
from pipelines_app.services.errands.plan import CLAIM, claim

pytestmark = pytest.mark.django_db


class Runner:
    """A kind of errand of these tests: counts its calls, and fails as it is told."""

    def __init__(self):
        self.calls, self.faults, self.given_up = [], [], []

    def do(self, errand, now):
        """Writes down the call, then fails with the next fault if there is one."""
        self.calls.append(errand.recipient)
        if self.faults:
            raise self.faults.pop(0)
        return "went there"

    def give_up(self, errand, reason, now):
        """Hears of the end."""
        self.given_up.append(reason)


@pytest.fixture
def runner(monkeypatch):
    """The kind ``walk``, for open proposals."""
    made = Runner()
    # Without the errands that proposals bring by themselves.
    monkeypatch.setattr(drain, "KINDS", {"walk": Kind(made.do, OPEN, made.give_up, attempts=3)})
    return made


@pytest.fixture
def errand(pipeline):
    """One that is due an hour from now."""
    return plan_errand(pipeline, "walk", due_at=timezone.now() + timedelta(hours=1), recipient="ada")


def test_it_is_done_when_it_is_due_and_only_once(runner, errand):
    assert run_errands(now=errand.due_at - timedelta(seconds=1)) == 0
    assert run_errands(now=errand.due_at) == 1
    assert run_errands(now=errand.due_at + timedelta(days=1)) == 0
    errand.refresh_from_db()
    assert (runner.calls, errand.outcome, errand.attempts) == (["ada"], "went there", 1)


def test_it_is_planned_once_per_version_kind_and_recipient(runner, errand, pipeline):
    again = plan_errand(pipeline, "walk", due_at=timezone.now(), recipient="ada")
    assert (again.pk, again.due_at) == (errand.pk, errand.due_at)
    assert plan_errand(pipeline, "walk", due_at=timezone.now(), recipient="bea").pk != errand.pk


def test_what_failed_is_tried_again_after_growing_waits_until_it_is_given_up(runner, errand):
    runner.faults = [ValueError("shut"), OSError("shut"), ValueError("still shut")]
    moment = errand.due_at
    for wait in (5, 15):
        run_errands(now=moment)
        errand.refresh_from_db()
        assert errand.error == "shut" and errand.done_at is None
        assert errand.due_at == moment + timedelta(seconds=wait)
        moment = errand.due_at
    run_errands(now=moment)
    errand.refresh_from_db()
    assert errand.outcome == "failed after 3 attempts: still shut" and errand.done_at == moment
    assert runner.given_up == ["still shut"]


def test_what_cannot_succeed_is_not_tried_again(runner, errand):
    runner.faults = [Impossible("no such street")]
    run_errands(now=errand.due_at)
    errand.refresh_from_db()
    assert errand.outcome == "failed after 1 attempt: no such street"


def test_what_is_postponed_costs_no_attempt(runner, errand):
    later = errand.due_at + timedelta(minutes=3)
    runner.faults = [Postponed("the road is closed", until=later)]
    run_errands(now=errand.due_at)
    errand.refresh_from_db()
    assert (errand.due_at, errand.attempts, errand.error) == (later, 0, "the road is closed")


def test_a_fault_of_one_keeps_no_other_from_being_done(runner, errand, pipeline):
    plan_errand(pipeline, "walk", due_at=errand.due_at, recipient="bea")
    runner.faults = [ValueError("shut")]
    assert run_errands(now=errand.due_at) == 2
    assert Errand.objects.get(recipient="bea").outcome == "went there"


def test_a_claim_whose_worker_died_is_taken_again_after_its_time(runner, errand):
    claimed = claim(errand.pk, errand.due_at)
    assert claimed.attempts == 1
    assert run_errands(now=errand.due_at + CLAIM - timedelta(seconds=1)) == 0
    assert run_errands(now=errand.due_at + CLAIM) == 1
    # The first worker was not dead after all: what it writes now no longer counts.
    drain.fail(claimed, drain.KINDS["walk"], ValueError("late"), errand.due_at)
    errand.refresh_from_db()
    assert (errand.outcome, errand.error, errand.attempts) == ("went there", "", 2)


def test_what_makes_no_sense_any_more_ends_at_once_with_the_reason(runner, errand, pipeline, approver):
    reject(pipeline=pipeline, by=approver, version=1, comment="no")
    assert run_errands() == 0
    errand.refresh_from_db()
    assert errand.outcome == "not done: the proposal is rejected" and runner.calls == []


def test_an_errand_of_an_earlier_version_ends_with_the_reason(runner, errand, pipeline, approver):
    change_suggestion(pipeline=pipeline, by=approver, version=1, suggestion="Hire 1")
    run_errands()
    errand.refresh_from_db()
    assert errand.outcome == "not done: version 2 took the place of version 1"


def test_an_errand_of_a_kind_that_is_not_known_here_is_left(pipeline, runner):
    plan_errand(pipeline, "fly", due_at=timezone.now())
    assert run_errands() == 0
    assert Errand.objects.get(kind="fly").done_at is None


def test_a_drain_takes_a_bounded_number(runner, errand, pipeline, monkeypatch):
    monkeypatch.setattr(drain, "BATCH", 2)
    for name in ("bea", "cyd"):
        plan_errand(pipeline, "walk", due_at=errand.due_at, recipient=name)
    assert [run_errands(now=errand.due_at) for _ in range(2)] == [2, 1]


@pytest.mark.django_db(transaction=True)
def test_many_drains_at_once_do_each_errand_once(runner, errand, pipeline, race):
    names = ["ada", *(f"person {number}" for number in range(11))]
    for name in names[1:]:
        plan_errand(pipeline, "walk", due_at=errand.due_at, recipient=name)
    counts = race(*[lambda: run_errands(now=errand.due_at)] * 4)
    assert sum(counts) == 12 and sorted(runner.calls) == sorted(names)


def test_every_kind_is_known_by_a_name_that_fits_its_column():
    longest = Errand._meta.get_field("kind").max_length
    assert KINDS and all(len(name) <= longest for name in KINDS)


def test_it_tells_how_long_the_oldest_errand_is_due_and_nothing_of_those_put_off(runner, errand):
    assert read_errand_health(now=errand.due_at) == (1, 0.0)
    assert read_errand_health(now=errand.due_at - timedelta(seconds=1)) == (0, 0.0)
    late = read_errand_health(now=errand.due_at + timedelta(minutes=6))
    assert late == (1, 360.0) and "worker of the queue slow" in late.warning
