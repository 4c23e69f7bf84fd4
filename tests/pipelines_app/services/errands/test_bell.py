"""What is due when it is decided is drained at once, and nobody waits for a broker."""

import threading
import uuid

import pytest
import redis
from celery import Celery, current_app

from pipelines_app.services import approve, propose, run_errands
from pipelines_app.services.errands import bell as bells
from pipelines_app.services.errands.bell import TASK, Bell, send

PATIENCE = 60  # seconds


def finish(bell):
    """Waits until a bell has nothing more to send."""
    thread = bell.thread
    if thread is not None:
        thread.join(PATIENCE)


def test_whoever_rings_never_waits_and_rings_meanwhile_become_one():
    begun, go_on, sent = threading.Event(), threading.Event(), []

    def hang():
        sent.append(1)
        begun.set()
        go_on.wait(PATIENCE)

    bell = Bell(hang)
    bell.ring()
    assert begun.wait(PATIENCE)
    for _ in range(3):
        bell.ring()
    assert sent == [1]
    go_on.set()
    finish(bell)
    assert sent == [1, 1]


def test_a_broker_that_is_down_is_logged_and_rung_again_the_next_time(caplog):
    faults, sent = [OSError("refused")], []

    def fail_once():
        if faults:
            raise faults.pop()
        sent.append(1)

    bell = Bell(fail_once)
    bell.ring()
    finish(bell)
    assert "The drain could not be rung for, the beat will: refused" in caplog.text
    bell.ring()
    finish(bell)
    assert sent == [1]


def test_a_ring_is_a_message_on_the_queue_of_what_is_slow(redis_url):
    prefix = f"bell{uuid.uuid4().hex}:"
    before = current_app._get_current_object()
    app = Celery("bell", broker=redis_url)
    app.conf.broker_transport_options = {"global_keyprefix": prefix}
    try:
        send()
    finally:
        before.set_current()
        app.close()
    [message] = redis.Redis.from_url(redis_url).lrange(f"{prefix}slow", 0, -1)
    assert TASK.encode() in message


def test_without_a_broker_nothing_is_sent(settings):
    assert not current_app.conf.broker_url
    send()


@pytest.fixture
def rings(monkeypatch):
    """One entry for each ring."""
    rung = []
    monkeypatch.setattr(bells.bell, "ring", lambda: rung.append(1))
    return rung


@pytest.mark.django_db
def test_it_rings_after_the_commit_for_what_is_due_and_only_for_that(
    approver, acting, rings, settings, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        approve(pipeline=acting, by=approver, version=1)
        assert rings == []
    assert rings == [], "it is due in ten seconds, and the beat finds it"
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"EXECUTE_AFTER": 0}
    other = propose(title="Fast", suggestion="Pay 3", action="pay")[0]
    with django_capture_on_commit_callbacks(execute=True):
        approve(pipeline=other, by=approver, version=1)
    assert rings == [1]


@pytest.mark.django_db
def test_a_new_proposal_rings_for_its_mails_and_a_lost_ring_loses_nothing(
    approver, rings, mailoutbox, django_capture_on_commit_callbacks
):
    approver.email = "ada@example.org"
    approver.save()
    with django_capture_on_commit_callbacks(execute=True):
        propose(title="Queue", suggestion="Hire 2")
    assert rings == [1]
    run_errands()
    assert [mail.to for mail in mailoutbox] == [["ada@example.org"]]
