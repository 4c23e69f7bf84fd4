"""Each notice is sent once, at least once, and to whom it concerns."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from metrics_app.core import watch
from metrics_app.core.receivers import Kind
from metrics_app.exceptions import DeliveryFailed
from metrics_app.models import BreachEvent, Notice, Receiver
from metrics_app.services.notices import drain, kinds, send_notices, stamps, turns
from tests.metrics_app.telling import happen, later, make_receiver, open_breach, told

pytestmark = pytest.mark.django_db
MINUTE = 60_000


class Killed(BaseException):
    """What no handler of errors catches."""


@pytest.fixture
def carried(monkeypatch):
    """What leaves the drain, and a list of faults that come first."""
    sent, faults = [], []

    def carry(receiver, message, facts, earlier):
        if faults:
            raise faults.pop(0)
        sent.append((receiver.name, message, [(fact["breach"], fact["event"]) for fact in facts]))
        return "mail"

    kind = Kind(name="mail", label="mail", asks={}, check=lambda receiver: (), carry=carry)
    monkeypatch.setattr(kinds, "list_kinds", lambda: {"mail": kind})
    monkeypatch.setattr(stamps.random, "random", lambda: 0.0)
    carry.sent, carry.faults = sent, faults
    return carry


def test_it_sends_a_notice_once_and_says_so_on_the_timeline(base):
    make_receiver()
    breach = open_breach(fired_at=base)
    happen(breach)
    assert (send_notices(), send_notices()) == (1, 0)
    assert [letter.to for letter in mail.outbox] == [["duty@example.org"]]
    notice = Notice.objects.get()
    assert (notice.outcome, notice.attempts, notice.error) == ("sent", 1, "")
    assert told(breach) == ["Duty officers told by mail: beyond limit"]


def test_an_event_that_is_written_twice_is_told_once(base):
    make_receiver()
    breach = open_breach(fired_at=base)
    happen(breach)
    happen(breach)
    assert Notice.objects.count() == 1


def test_what_comes_within_the_wait_comes_in_one_message(base, carried):
    make_receiver(group_wait=30)
    now = timezone.now()
    first = open_breach("topic.0", fired_at=base)
    happen(first, now=now)
    assert send_notices(now=now + timedelta(seconds=29)) == 0
    second = open_breach("topic.1", fired_at=base)
    happen(second, now=now + timedelta(seconds=20))
    assert send_notices(now=now + timedelta(seconds=30)) == 1
    assert carried.sent[0][2] == [(breach.pk, "firing") for breach in (first, second)]
    happen(open_breach("topic.2", fired_at=base), now=now + timedelta(seconds=31))
    assert send_notices(now=now + timedelta(seconds=60)) == 0, "a new one waits anew"
    assert send_notices(now=now + timedelta(seconds=61)) == 1


def test_two_receivers_get_a_message_each(base, carried):
    make_receiver("a")
    make_receiver("b")
    happen(open_breach(fired_at=base))
    assert send_notices() == 2
    assert sorted(name for name, *_ in carried.sent) == ["a", "b"]


def test_it_tries_again_under_the_same_name_and_waits_longer_each_time(base, carried):
    make_receiver()
    breach = open_breach(fired_at=base)
    now = timezone.now()
    happen(breach, now=now)
    carried.faults += [DeliveryFailed("away"), DeliveryFailed("away")]
    assert send_notices(now=now) == 0
    notice = Notice.objects.get()
    name = notice.message
    assert (notice.outcome, notice.error, notice.try_after) == ("", "away", now + timedelta(seconds=5))
    assert Receiver.objects.get().fault == "away"
    assert send_notices(now=now + timedelta(seconds=4)) == 0 and len(carried.faults) == 1
    assert send_notices(now=now + timedelta(seconds=5)) == 0 and not carried.faults
    assert send_notices(now=now + timedelta(seconds=14)) == 0, "10 s this time"
    assert send_notices(now=now + timedelta(seconds=15)) == 1
    assert carried.sent[0][1] == name
    assert Receiver.objects.get().fault == ""


def test_it_gives_up_after_the_last_attempt_and_keeps_the_error(base, carried, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"NOTICE_ATTEMPTS": 3}
    make_receiver()
    breach = open_breach(fired_at=base)
    happen(breach)
    carried.faults += [DeliveryFailed(f"away {n}") for n in range(5)]
    for hours in range(1, 6):
        send_notices(now=later(hours=hours))
    notice, anew = Notice.objects.order_by("pk")
    assert (notice.outcome, notice.attempts, notice.error) == ("failed", 3, "away 2")
    assert told(breach) == ["Notice to Duty officers given up after 3 attempts"]
    assert (anew.done_at, anew.attempts, carried.faults) == (None, 2, []), "it is still open"


def test_a_receiver_that_is_gone_is_switched_off(base, carried):
    receiver = make_receiver()
    happen(open_breach("topic.0", fired_at=base))
    carried.faults.append(DeliveryFailed("answered 410", gone=True))
    send_notices()
    receiver.refresh_from_db()
    assert (receiver.enabled, receiver.fault) == (False, "answered 410")
    assert Notice.objects.get().outcome == "failed"
    happen(open_breach("topic.1", fired_at=base))
    assert Notice.objects.count() == 1, "nothing is written for a receiver that is off"


def test_what_waits_for_a_receiver_that_was_switched_off_is_withheld(base, carried):
    make_receiver()
    breach = open_breach(fired_at=base)
    happen(breach)
    Receiver.objects.update(enabled=False)
    assert send_notices() == 0 and not carried.sent
    assert told(breach) == ["Notice to Duty officers withheld: the receiver is switched off"]


def test_a_fault_of_one_message_keeps_no_other_from_being_sent(base, carried, caplog):
    make_receiver("a")
    make_receiver("b")
    happen(open_breach(fired_at=base))
    carried.faults.append(ZeroDivisionError("of the programmer"))
    assert send_notices() == 1
    assert Notice.objects.get(done_at=None).error == "ZeroDivisionError: of the programmer"
    assert "could not be sent" in caplog.text


def test_a_fault_before_a_message_is_made_forgets_nothing_of_what_is_on_its_way(base, monkeypatch, carried):
    make_receiver("a")
    other = make_receiver("b")
    happen(open_breach(fired_at=base))

    def pack(receiver, moment):
        if receiver == other:
            raise ZeroDivisionError
        return drain_pack(receiver, moment)

    drain_pack = drain.pack
    monkeypatch.setattr(drain, "pack", pack)
    with pytest.raises(ZeroDivisionError):
        send_notices()
    assert list(Notice.objects.filter(outcome="sent").values_list("receiver__name", flat=True)) == ["a"]


def test_who_was_never_tried_is_asked_first(base):
    one, never = make_receiver("a"), make_receiver("b")
    Receiver.objects.filter(pk=one.pk).update(tried_at=later(hours=-1))
    happen(open_breach(fired_at=base))
    assert turns.list_due(later(seconds=1)) == [never.pk, one.pk]


def test_a_crash_between_sending_and_stamp_repeats_the_message_under_its_name(base, monkeypatch, carried):
    make_receiver()
    happen(open_breach(fired_at=base))

    def die(*args, **options):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(stamps, "stamp", die)
        with pytest.raises(Killed):
            send_notices()
    assert send_notices() == 0, "still claimed"
    assert send_notices(now=later(minutes=3)) == 1
    (_, first, rows), (_, second, again) = carried.sent
    assert (first, rows) == (second, again)
    assert send_notices(now=later(minutes=9)) == 0


def test_a_crash_before_sending_loses_nothing(base, monkeypatch, carried):
    make_receiver()
    happen(open_breach(fired_at=base))
    carried.faults.append(Killed())
    with pytest.raises(Killed):
        send_notices()
    assert send_notices(now=later(minutes=3)) == 1


def test_a_recovery_waits_for_the_firing_that_is_tried_again(base, carried):
    make_receiver()
    breach = open_breach(fired_at=base)
    now = timezone.now()
    happen(breach, now=now)
    carried.faults.append(DeliveryFailed("away"))
    send_notices(now=now)
    happen(breach, watch.RECOVERED, at=base + MINUTE, now=now)
    assert send_notices(now=now + timedelta(seconds=1)) == 0
    assert send_notices(now=now + timedelta(seconds=6)) == 1
    assert [rows for *_, rows in carried.sent] == [[(breach.pk, "recovered")]], "which tells both"


@pytest.mark.django_db(transaction=True)
def test_four_drains_at_once_send_every_notice_once(base, carried):
    for n in range(3):
        make_receiver(f"receiver {n}")
    breaches = [open_breach(f"topic.{n}", fired_at=base) for n in range(8)]

    def run(number):
        try:
            for breach in breaches[number::4]:
                happen(breach)
                send_notices()
            return send_notices()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    send_notices()
    pairs = [(name, breach) for name, _, rows in carried.sent for breach, _ in rows]
    assert len(pairs) == len(set(pairs)) == 3 * 8
    assert Notice.objects.filter(outcome="sent").count() == 24
    assert BreachEvent.objects.filter(kind="notice").count() == 24
