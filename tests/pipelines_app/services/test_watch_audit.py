"""Each night somebody who should know hears of an edit, and the log keeps a copy of the head."""

import logging

import pytest
from django.contrib.auth.models import User
from django.core import mail

from pipelines_app.models import AuditHead
from pipelines_app.services import propose
from pipelines_app.tasks import verify_audit

pytestmark = pytest.mark.django_db


@pytest.fixture
def people():
    User.objects.create_superuser("boss", "boss@example.org")
    User.objects.create_superuser("mute")
    User.objects.create_superuser("left", "left@example.org", is_active=False)
    User.objects.create_user("staff", "staff@example.org", is_staff=True)


def test_a_quiet_night_leaves_one_line_with_the_head_and_no_mail(people, caplog):
    propose(title="Slow", suggestion="Hire 2")
    with caplog.at_level(logging.WARNING):
        verify_audit()
    head = AuditHead.objects.get().hash
    assert caplog.messages == [f"Audit chain verified: 1 entry, nothing was edited. It ends with {head}"]
    assert mail.outbox == []


def test_an_edit_is_told_to_those_who_may_see_all_that_it_can_name(people, touch, caplog, settings):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"SITE_URL": "https://metrics.example.org"}
    for number in range(25):
        propose(title=f"Slow {number}", suggestion="Hire 2")
    touch("UPDATE pipelines_app_pipeline SET suggestion = 'Fire 2'")
    verify_audit()
    [sent] = mail.outbox
    assert sent.to == ["boss@example.org"] and "25 faults in 25 entries" in sent.subject
    assert sent.body.count("differs from its version 1") == 20 and "and 5 more" in sent.body
    assert AuditHead.objects.get().hash in sent.body and "https://metrics.example.org" in sent.body
    assert AuditHead.objects.get().hash in caplog.text


def test_where_nobody_can_be_told_the_log_says_so(touch, caplog):
    propose(title="Slow", suggestion="Hire 2")
    touch("UPDATE pipelines_app_pipeline SET suggestion = 'Fire 2'")
    verify_audit()
    assert "Nobody was told of it" in caplog.text and mail.outbox == []


def test_an_address_that_is_refused_keeps_nobody_else_from_hearing(people, touch, caplog, monkeypatch):
    User.objects.create_superuser("first", "a@example.org")
    send = mail.EmailMessage.send

    def refuse_one(message, **options):
        if message.to == ["a@example.org"]:
            raise OSError("refused")
        return send(message, **options)

    monkeypatch.setattr(mail.EmailMessage, "send", refuse_one)
    propose(title="Slow", suggestion="Hire 2")
    touch("UPDATE pipelines_app_pipeline SET suggestion = 'Fire 2'")
    verify_audit()
    assert [sent.to for sent in mail.outbox] == [["boss@example.org"]]
    assert "The mail of it to a@example.org was not sent" in caplog.text
