"""Reminder, escalation and the mails that tell of them."""

import smtplib
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import mail

from pipelines_app.models import Errand
from pipelines_app.services import approve, change_suggestion, propose, reject, run_errands
from pipelines_app.services.errands import mail as mails
from pipelines_app.services.verify import verify_audit

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(settings):
    """A site with an address."""
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"SITE_URL": "https://kpi.example.org/"}


def person(name):
    """A user afresh."""
    return User.objects.get(username=name)


def after(pipeline, hours):
    """A moment of the ten hours that people have."""
    return pipeline.created_at + timedelta(hours=hours)


def list_receivers():
    """Whom mails went to, and mails no longer."""
    found = sorted(one.to[0].partition("@")[0] for one in mail.outbox)
    mail.outbox.clear()
    return found


def test_those_who_may_decide_hear_of_a_new_proposal_with_a_link_to_its_page(site, flat):
    run_errands(now=flat.created_at)
    first = mail.outbox[0]
    assert first.subject == "Waiting list: waits for your decision"
    assert f"https://kpi.example.org/inbox/{flat.pk}/" in first.body and "Open 3 flats?" in first.body
    assert list_receivers() == ["bob", "cyd"]
    assert set(Errand.objects.filter(kind="mail").values_list("outcome", flat=True)) == {"sent"}


def test_a_mail_without_the_address_of_the_site_has_no_link(flat):
    run_errands(now=flat.created_at)
    assert "http" not in mail.outbox[0].body


def test_the_link_of_a_mail_decides_nothing(site, flat, client):
    client.force_login(person("bob"))
    client.get(f"/inbox/{flat.pk}/")
    assert not flat.decisions.exists()


def test_a_person_without_an_address_is_left_out_and_that_is_said(flat):
    User.objects.filter(username="bob").update(email="")
    run_errands(now=flat.created_at)
    assert list_receivers() == ["cyd"]
    assert Errand.objects.get(recipient=f"new:{person('bob').pk}").outcome == "not sent: bob has no address"


def test_at_half_of_the_time_those_are_reminded_who_have_not_voted(flat):
    run_errands(now=flat.created_at)
    mail.outbox.clear()
    approve(pipeline=flat, by=person("bob"), version=1)
    for _ in range(2):
        run_errands(now=after(flat, 5))
    assert "half of its time is over" in mail.outbox[0].subject
    assert list_receivers() == ["cyd"]
    entry = flat.audit.get(event="reminded")
    assert (entry.actor, entry.data) == (
        "the deadline",
        {"version": 1, "people": 1, "mailed": [person("cyd").pk]},
    )
    assert verify_audit().faults == []


def test_at_four_fifths_the_group_it_is_escalated_to_is_told_too(flat):
    for hours in (0, 5, 5):
        run_errands(now=after(flat, hours))
    mail.outbox.clear()
    for _ in range(2):
        run_errands(now=after(flat, 8))
    assert list_receivers() == ["bob", "cyd", "eve"]
    assert flat.audit.get(event="escalated").data["people"] == 3


def test_nobody_is_told_twice_however_often_the_drain_runs(flat):
    for hours in (0, 0, 5, 5, 5, 8, 8, 9):
        run_errands(now=after(flat, hours))
    assert list_receivers() == ["bob"] * 3 + ["cyd"] * 3 + ["eve"]


def test_a_decided_proposal_reminds_nobody(flat):
    run_errands(now=flat.created_at)
    reject(pipeline=flat, by=person("bob"), version=1, comment="no")
    mail.outbox.clear()
    for hours in (0, 5, 8):
        run_errands(now=after(flat, hours))
    assert mail.outbox == [] and not Errand.objects.filter(done_at=None).exists()
    assert Errand.objects.get(kind="remind").outcome == "not done: the proposal is rejected"


def test_a_changed_proposal_is_told_to_those_who_may_decide_then(flat):
    run_errands(now=flat.created_at)
    mail.outbox.clear()
    at = after(flat, 1)
    change_suggestion(pipeline=flat, by=person("bob"), version=1, suggestion="Open 2 flats", now=at)
    run_errands(now=at)
    assert "was changed" in mail.outbox[0].subject and "version 2" in mail.outbox[0].body
    assert list_receivers() == ["cyd"]
    run_errands(now=after(flat, 5))
    assert flat.audit.filter(event="reminded").count() == 1


def test_five_mails_in_ten_minutes_are_five_and_more_become_one(housing):
    start = [propose(title=f"Flat {n}", suggestion="x", topic="housing.wait")[0] for n in range(5)]
    now = start[-1].created_at
    run_errands(now=now)
    assert list_receivers() == ["bob"] * 5 + ["cyd"] * 5
    for n in range(3):
        propose(title=f"House {n}", suggestion="x", topic="housing.wait", now=now)
    run_errands(now=now + timedelta(minutes=9))
    assert mail.outbox == []
    run_errands(now=now + timedelta(minutes=10))
    assert [one.subject for one in mail.outbox] == ["3 proposals wait for your decision"] * 2
    assert not Errand.objects.filter(kind="mail", done_at=None).exists()


def test_six_at_once_become_one(housing):
    for n in range(6):
        last = propose(title=f"Flat {n}", suggestion="x", topic="housing.wait")[0]
    run_errands(now=last.created_at)
    assert [one.subject for one in mail.outbox] == ["6 proposals wait for your decision"] * 2
    assert all(f"Flat {n}" in mail.outbox[0].body for n in range(6))


def test_a_mail_server_that_is_away_is_asked_again(flat, monkeypatch):
    def refuse(message, fail_silently=False):
        raise smtplib.SMTPServerDisconnected("away")

    monkeypatch.setattr(mails.EmailMessage, "send", refuse)
    run_errands(now=flat.created_at)
    assert set(Errand.objects.filter(kind="mail").values_list("error", flat=True)) == {"away"}
    monkeypatch.undo()
    run_errands(now=after(flat, 0.1))
    assert list_receivers() == ["bob", "cyd"]


@pytest.mark.django_db(transaction=True)
def test_many_drains_at_once_remind_once(flat, race):
    at = after(flat, 5)
    race(*[lambda: run_errands(now=at)] * 4)
    run_errands(now=at)
    assert flat.audit.filter(event="reminded").count() == 1
    assert verify_audit().faults == []
