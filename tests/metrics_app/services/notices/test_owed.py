"""What is open is known to whoever asks for it, and what is over to whoever was told that it began."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from metrics_app.core import watch
from metrics_app.models import Breach, Notice, Silence
from metrics_app.services.notices import save_receiver, send_notices
from metrics_app.services.silences import save_silence
from tests.metrics_app.telling import happen, later, make_receiver, open_breach, told

pytestmark = pytest.mark.django_db
MINUTE = 60_000


@pytest.fixture
def breach(base):
    return open_breach(fired_at=base)


def subjects():
    return [letter.subject.partition(":")[0] for letter in mail.outbox]


def switch(receiver, *, enabled):
    receiver.enabled = enabled
    save_receiver(receiver, by=None)


def recover(breach):
    happen(breach, watch.RECOVERED, at=breach.fired_at + MINUTE)


def ask_for_more(receiver, breach, group):
    receiver.severities = ["critical"]
    save_receiver(receiver, by=None)


def ask_for_its_topic(receiver, breach, group):
    receiver.topics = ["complaint.*"]
    save_receiver(receiver, by=None)


def join_its_group(receiver, breach, group):
    breach.threshold.kpi.restricted, breach.threshold.kpi.owner = True, group
    breach.threshold.kpi.save()
    assert send_notices() == 0
    receiver.group = group
    save_receiver(receiver, by=None)


def switch_on(receiver, breach, group):
    switch(receiver, enabled=True)


@pytest.mark.parametrize(
    ("fields", "change"),
    [
        ({"severities": ["info"]}, ask_for_more),
        ({"topics": ["er.*"]}, ask_for_its_topic),
        ({"topics": ["er.*", "complaint.latency"], "enabled": False}, join_its_group),
        ({"enabled": False}, switch_on),
    ],
)
def test_a_receiver_that_comes_to_ask_for_what_is_open_is_told_once(breach, fields, change):
    receiver = make_receiver(**fields)
    happen(breach)
    assert send_notices() == 0
    change(receiver, breach, Group.objects.create(name="owners"))
    receiver.enabled = True
    receiver.save()
    assert (send_notices(), send_notices(now=later(hours=9))) == (1, 0)
    assert subjects() == ["■ Beyond limit"]
    assert "Open for" in mail.outbox[0].body
    recover(breach)
    assert send_notices() == 1 and subjects()[1:] == ["● Recovered"]


def test_a_new_receiver_hears_of_what_is_open_and_of_nothing_that_is_over(breach, base):
    over = open_breach("er.wait", fired_at=base)
    for one in (breach, over):
        happen(one)
    recover(over)
    make_receiver(events=["firing", "recovered"])
    make_receiver("ends only", addresses=["ends@example.org"], events=["recovered"])
    assert (send_notices(), subjects()) == (1, ["■ Beyond limit"])
    assert Notice.objects.get().breach == breach


def test_a_data_breach_is_told_as_such_when_its_silence_is_over(base):
    make_receiver()
    breach = open_breach(fired_at=base, kind="data")
    now = timezone.now()
    span = {"starts_at": now - timedelta(minutes=5), "ends_at": now + timedelta(hours=1)}
    save_silence(Silence(topic="*", reason="works", **span), by=None)
    happen(breach, watch.DATA_OPENED)
    assert send_notices() == 0
    assert send_notices(now=later(hours=2)) == 1
    assert subjects() == ["○ No data"]
    happen(breach, watch.DATA_CLOSED, at=base + MINUTE)
    assert send_notices() == 1, "the clock is back in the silence, and an end passes it"
    assert subjects()[1:] == ["● Data breach over"]


def narrow_severities(receiver, breach):
    receiver.severities = ["info"]
    save_receiver(receiver, by=None)


def narrow_topics(receiver, breach):
    receiver.topics = ["er.*"]
    save_receiver(receiver, by=None)


def lower_severity(receiver, breach):
    receiver.severities = ["critical"]
    save_receiver(receiver, by=None)
    breach.severity = "warning"
    breach.save()


NARROWED = [narrow_severities, narrow_topics, lower_severity]


@pytest.mark.parametrize("change", NARROWED)
def test_an_end_reaches_whoever_was_told_of_the_beginning_whatever_it_asks_for_by_now(breach, change):
    receiver = make_receiver()
    happen(breach)
    send_notices()
    change(receiver, breach)
    recover(breach)
    assert send_notices() == 1 and subjects()[1:] == ["● Recovered"]


@pytest.mark.parametrize("change", NARROWED)
def test_what_waits_is_withheld_where_it_is_no_longer_asked_for(breach, change):
    receiver = make_receiver()
    happen(breach)
    change(receiver, breach)
    assert send_notices() == 0
    assert told(breach) == [
        f"Notice to Duty officers withheld: the receiver no longer asks for {breach.severity} breaches "
        "of this KPI"
    ]


def test_a_receiver_that_was_off_when_it_ended_hears_of_the_end_when_it_is_on_again(breach):
    receiver = make_receiver()
    happen(breach)
    send_notices()
    switch(receiver, enabled=False)
    recover(breach)
    assert send_notices() == 0
    for _ in range(2):
        switch(receiver, enabled=True)
        send_notices()
    assert subjects() == ["■ Beyond limit", "● Recovered"]
    assert told(breach)[1:] == [
        "Notice to Duty officers withheld: the receiver is switched off",
        "Duty officers told by mail: recovered",
    ]


def test_what_a_receiver_did_not_want_is_tried_again_by_hand_only(breach):
    make_receiver()
    happen(breach)
    Notice.objects.update(outcome="failed", done_at=timezone.now(), attempts=3)
    assert send_notices(now=later(hours=1)) == 0


def test_what_its_outage_outlasted_a_receiver_is_told_while_it_is_open_and_then_that_it_is_over(breach):
    make_receiver()
    happen(breach)
    Notice.objects.update(outcome="failed", done_at=timezone.now(), attempts=15)
    assert send_notices(now=later(hours=1)) + send_notices(now=later(hours=2)) == 1
    recover(breach)
    assert send_notices(now=later(hours=3)) == 1
    assert subjects() == ["■ Beyond limit", "● Recovered"]


def test_what_an_outage_outlasted_and_is_over_is_told_to_nobody(breach):
    make_receiver()
    happen(breach)
    Notice.objects.update(outcome="failed", done_at=timezone.now(), attempts=15)
    recover(breach)
    assert send_notices(now=later(hours=3)) == 0


def test_it_costs_one_question_for_each_receiver_whatever_is_open(base):
    make_receiver()
    breaches = [open_breach(f"topic.{n}", fired_at=base) for n in range(20)]
    for breach in breaches:
        happen(breach)
    send_notices()

    def count():
        with CaptureQueriesContext(connection) as queries:
            send_notices()
        return len(queries)

    many = count()
    Breach.objects.exclude(pk=breaches[0].pk).update(recovered_at=base + MINUTE)
    assert count() == many
