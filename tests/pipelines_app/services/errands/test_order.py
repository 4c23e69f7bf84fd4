"""What goes to one receiver goes in order: one that is down is asked for the first, and the rest waits."""

from datetime import timedelta

import pytest
from django.core.mail import EmailMessage
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pipelines_app.actions import registry
from pipelines_app.actions.registry import name_lane
from pipelines_app.cards.execution import describe_execution
from pipelines_app.core.errands import find_pause, find_wait
from pipelines_app.models import Errand, Pipeline
from pipelines_app.services import approve, propose, run_errands, withdraw
from pipelines_app.services.errands import drain, plan
from pipelines_app.services.errands.act import wait_for_orders
from pipelines_app.services.errands.plan import claim
from pipelines_app.services.verify import verify_audit
from tests.pipelines_app import acting as acting_module
from tests.pipelines_app.acting import FAULTS, ORDERS

pytestmark = pytest.mark.django_db


@pytest.fixture
def orders(acting, approver, monkeypatch):
    """Three approved payments, the first and the last at one bank."""
    monkeypatch.setattr(acting_module.act, "lane", lambda params: params.get("bank", ""), raising=False)
    made = [
        propose(title=bank, suggestion="Pay", action="pay", action_params={"bank": bank[:1]})[0]
        for bank in ("a first", "b other", "a second")
    ]
    for one in made:
        approve(pipeline=one, by=approver, version=1, now=made[-1].created_at)
    return made


def at(seconds):
    """A moment after what was approved is due, ten seconds after the approvals."""
    return Pipeline.objects.latest("pk").created_at + timedelta(seconds=10 + seconds)


def paid():
    return [order.title for order in ORDERS]


def test_an_order_waits_for_the_one_before_to_its_receiver_and_for_no_other(orders, approver):
    FAULTS[:] = [OSError("away")]
    run_errands(now=at(0))
    assert paid() == ["a first", "b other"]
    waiting = Errand.objects.get(kind="act", pipeline=orders[2])
    assert (waiting.attempts, waiting.error) == (0, "it waits until earlier orders have got through to a")
    last = Pipeline.objects.get(pk=orders[2].pk)
    told = describe_execution(last, approver, now=at(0)).progress
    assert told == "It is about to be carried out. It waits until earlier orders have got through to a."
    assert last.state == "approved", "it may still be taken back"
    assert verify_audit().faults == []
    run_errands(now=at(3))
    assert len(ORDERS) == 2, "one probe at a time"
    run_errands(now=at(8))
    assert paid()[2:] == ["a first", "a second"], "and once it is back the rest follows"
    assert set(Pipeline.objects.filter(pk__in=[o.pk for o in orders]).values_list("state", flat=True)) == {
        "done"
    }
    assert verify_audit().faults == []


def test_who_looks_what_goes_first_reads_no_evidence(orders):
    second, now = Errand.objects.select_related("pipeline").get(kind="act", pipeline=orders[2]), at(0)
    with CaptureQueriesContext(connection) as asked:
        assert wait_for_orders(second, now)
    assert len(asked) == 1 and "evidence_text" not in asked[0]["sql"]


def test_one_that_is_given_up_or_taken_back_keeps_none_after_it(orders, approver):
    FAULTS[:] = [OSError("away")] * 40
    withdraw(pipeline=orders[0], by=approver, version=1, comment="not any more")
    run_errands(now=at(0))
    assert paid() == ["b other", "a second"]


def test_of_two_workers_neither_goes_beside_the_other(orders):
    first, _, second = (Errand.objects.get(kind="act", pipeline=one) for one in orders)
    claim(second.pk, at(0))
    run_errands(now=at(1))
    first.refresh_from_db()
    assert paid() == ["b other"] and first.error.startswith("it waits until")
    run_errands(now=at(1) + plan.CLAIM)
    assert paid()[1:] == ["a first", "a second"], "whose worker has died"


def test_what_waits_for_one_that_is_down_keeps_no_other_waiting_and_costs_no_question_each(
    acting, approver, monkeypatch
):
    monkeypatch.setattr(acting_module.act, "lane", lambda params: params["bank"], raising=False)
    monkeypatch.setattr(drain, "BATCH", 3)
    made = []
    for number, bank in enumerate("aaaab"):
        title = f"{bank} {number}"
        made += propose(title=title, suggestion="Pay", action="pay", action_params={"bank": bank})[:1]
    for one in made:
        approve(pipeline=one, by=approver, version=1, now=made[-1].created_at)
    FAULTS[:] = [OSError("away")]
    run_errands(now=at(0))
    assert paid() == ["a 0", "b 4"], "in one round, though three wait before it"
    waiting = Errand.objects.filter(kind="act", done_at=None)
    assert set(waiting.values_list("due_at", flat=True)) == {at(5)}, "until the first is tried again"

    def count(moment):
        with CaptureQueriesContext(connection) as asked:
            run_errands(now=moment)
        return len(asked)

    claim(waiting[0].pk, at(5))
    many = count(at(6))
    waiting.filter(pipeline__in=made[2:]).update(done_at=at(6), outcome="x", claimed_until=None)
    assert count(at(9)) == many, "one statement puts off all that wait"


def test_one_that_did_not_answer_comes_behind_all_others(orders, approver):
    FAULTS[:] = [OSError("away")]
    run_errands(now=at(0))
    new, _ = propose(title="b new", suggestion="Pay", action="pay", action_params={"bank": "b"})
    approve(pipeline=new, by=approver, version=1, now=new.created_at)
    ORDERS.clear()
    run_errands(now=max(Errand.objects.filter(kind="act", done_at=None).values_list("due_at", flat=True)))
    assert paid() == ["b new", "a first", "a second"]


class Busy(Exception):
    """A receiver says when it wants to be asked again."""

    retry_after = 90


def test_a_receiver_that_asks_for_a_pause_gets_it(orders):
    FAULTS[:] = [Busy("busy")]
    run_errands(now=at(0))
    row = Errand.objects.get(kind="act", pipeline=orders[0])
    assert (row.due_at - at(0)).total_seconds() == 90
    assert verify_audit().faults == []
    run_errands(now=at(80))
    assert "a second" not in paid()
    run_errands(now=at(100))
    run_errands(now=at(103))
    assert paid()[2:] == ["a first", "a second"]


@pytest.mark.parametrize("asked", ["90", timedelta(seconds=90), float("nan"), -1, None])
def test_a_pause_that_is_no_number_of_seconds_is_the_wait_of_the_drain(asked):
    assert find_pause(1, asked) == find_wait(1)


def test_an_action_that_cannot_say_where_its_orders_go_is_carried_out_and_told_of_once(
    orders, monkeypatch, caplog
):
    monkeypatch.setattr(registry, "told", {})
    monkeypatch.setattr(acting_module.act, "lane", lambda params: 1 / 0)
    FAULTS[:] = [OSError("away")]
    run_errands(now=at(0))
    assert paid() == ["a first", "b other", "a second"]
    assert name_lane("pay", {}) == name_lane("", {}) == name_lane("no such action", {}) == ""
    assert caplog.text.count("could not be told") == 1


def test_a_person_gets_mails_in_the_order_of_what_they_tell(approver, second, monkeypatch):
    for person in (approver, second):
        person.email = f"{person.username}@example.org"
        person.save()
    sent, away = [], [OSError("away")]

    def send(message, fail_silently=False):
        if message.to == ["ada@example.org"] and away:
            raise away.pop()
        sent.append((message.to[0].partition("@")[0], message.subject.partition(":")[0]))

    monkeypatch.setattr(EmailMessage, "send", send)
    for title in ("older", "newer"):
        propose(title=title, suggestion="Look", kpi=1.0)
    now = Pipeline.objects.latest("pk").created_at
    run_errands(now=now)
    assert sent == [("bea", "older"), ("bea", "newer")], "her mails do not wait for his"
    run_errands(now=now + timedelta(seconds=8))
    run_errands(now=now + timedelta(seconds=12))
    assert sent[2:] == [("ada", "older"), ("ada", "newer")]
    assert verify_audit().faults == []
