"""After an outage each receiver hears what happened in its order, and is paged for nothing that is over."""

import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from metrics_app import webhooks
from metrics_app.core import watch
from metrics_app.core.moments import to_ms
from metrics_app.core.receivers import Kind
from metrics_app.exceptions import DeliveryFailed
from metrics_app.models import Notice, Receiver, Threshold
from metrics_app.services.notices import drain, kinds, save_receiver, send_notices, send_test, stamps, turns
from tests.examples import examples
from tests.metrics_app.telling import SECRET, allow, happen, later, make_receiver, open_breach, serve, told

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
MINUTE = 60_000
QUICK = (Phase.explicit, Phase.generate)  # an example takes seconds on a busy machine


class Killed(BaseException):
    """What no handler of errors catches."""


@pytest.fixture(autouse=True)
def no_luck(monkeypatch):
    """Waits without their jitter."""
    monkeypatch.setattr(stamps.random, "random", lambda: 0.0)


@pytest.fixture
def pager(settings):
    """A receiver of webhooks whose server is out until a test says where one is."""
    allow(settings, "http://127.0.0.1:1/")
    return make_receiver("Pager", kind="webhook", webhook="pager", addresses=[])


def list_entries(server):
    """``[(breach, event, events told along)]`` by message, of what a server got."""
    return [
        [
            (one["breach"], one["event"], [covered["event"] for covered in one["before"]])
            for one in post.json["data"]["notices"]
        ]
        for post in server.posts
    ]


@contextmanager
def break_off(how):
    """A real server that takes a connection and resets it, or never answers; its address."""
    listener, held, over = socket.create_server(("127.0.0.1", 0)), [], threading.Event()

    def run():
        while not over.is_set():
            try:
                found, _ = listener.accept()
            except OSError:
                return
            held.append(found)
            if how == "reset":
                found.recv(100)
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                found.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for found in held:
            found.close()


@contextmanager
def be_out(how):
    """A server that is out in one of many ways; its address."""
    if how in ("reset", "hang"):
        with break_off(how) as url:
            yield url
    elif how == "away":
        with serve(204) as server:
            url = server.url
        yield url
    else:
        status, wait = how
        with serve(status, headers=[("Retry-After", wait)] if wait else ()) as server:
            yield server.url


@pytest.mark.parametrize(
    "how", ["away", "reset", "hang", (500, ""), (503, "7"), (429, "7"), (408, "")], ids=str
)
def test_after_an_outage_the_older_is_told_first_and_what_is_over_pages_nobody(
    base, settings, pager, monkeypatch, how
):
    monkeypatch.setattr(webhooks, "post", partial(webhooks.post, patience=0.4 if how == "hang" else 10))
    one, other = (open_breach(f"topic.{n}", fired_at=base + n * MINUTE) for n in range(2))
    now = timezone.now()
    happen(one, now=now)
    with be_out(how) as url:
        allow(settings, url)
        assert send_notices(now=now) == 0
        happen(one, watch.RECOVERED, at=base + MINUTE, now=now)
        happen(other, now=now)
        assert send_notices(now=now + timedelta(seconds=4)) == 0
    row = Receiver.objects.get()
    assert (row.failures, row.down_since, row.held_until) == (1, now, None) and row.fault
    assert row.try_after == now + timedelta(seconds=7 if how[1] == "7" else 5)
    with serve(204, body=b"") as server:
        allow(settings, server.url)
        assert send_notices(now=row.try_after) == 1
    assert list_entries(server) == [[(other.pk, "firing", []), (one.pk, "recovered", ["firing"])]] or (
        list_entries(server) == [[(one.pk, "recovered", ["firing"]), (other.pk, "firing", [])]]
    )
    row.refresh_from_db()
    assert (row.failures, row.down_since, row.try_after, row.fault) == (0, None, None, "")
    assert set(Notice.objects.values_list("outcome", "message")) == {
        ("sent", Notice.objects.latest("pk").message)
    }
    assert told(one) == ["Pager told by webhook pager in one message: beyond limit, recovered"]


@pytest.mark.parametrize(("status", "asked"), [(429, 90), (503, 90), (503, 999_999), (429, -5)])
@pytest.mark.parametrize("by_date", [False, True])
def test_a_receiver_is_asked_again_when_it_says(base, settings, pager, status, asked, by_date):
    now = timezone.now()
    happen(open_breach(fired_at=base), now=now)
    # By the server's clock, which is wrong.
    clock = datetime(2031, 1, 1, tzinfo=UTC)
    until = format_datetime(clock + timedelta(seconds=asked), usegmt=True)
    headers = [("Retry-After", until if by_date else str(asked))]
    with serve(status, 204, headers=[*headers, ("Date", format_datetime(clock, usegmt=True))]) as server:
        allow(settings, server.url)
        send_notices(now=now)
        pager.refresh_from_db()
        wait = (pager.try_after - now).total_seconds()
        assert wait == (min(asked, 3600) if asked > 0 else 1 if by_date else 5)
        assert send_notices(now=now + timedelta(seconds=wait - 0.5)) == 0
        assert send_notices(now=now + timedelta(seconds=wait)) == 1
    assert len(server.posts) == 2


def test_a_receiver_that_is_down_is_asked_once_however_much_waits(base, settings, pager):
    now = timezone.now()
    with serve(503, body=b"") as server:
        allow(settings, server.url)
        for n in range(6):
            happen(open_breach(f"topic.{n}", fired_at=base), now=now)
            send_notices(now=now + timedelta(seconds=n / 2))
        assert len(server.posts) == 1, "not once for each message"
        for second in range(4, 16):
            send_notices(now=now + timedelta(seconds=second))
        assert len(server.posts) == 3, "after 5 and 10 s"
    with serve(204, body=b"") as server:
        allow(settings, server.url)
        assert send_notices(now=now + timedelta(seconds=40)) == 2
    assert [len(entries) for entries in list_entries(server)] == [1, 5], "the first as it was, then all"


def test_a_test_that_arrives_or_a_receiver_that_is_mended_ends_the_wait(base, settings, pager, admin_user):
    now = timezone.now()
    happen(open_breach(fired_at=base), now=now)
    with serve(503, 503, 204, 503, body=b"") as server:
        allow(settings, server.url)
        send_notices(now=now)
        pager.refresh_from_db()
        assert send_test(pager, by=admin_user).outcome == "failed"
        assert (pager.failures, pager.try_after) == (1, now + timedelta(seconds=5)), "no longer for that"
        assert send_test(pager, by=admin_user).outcome == "sent" and pager.try_after is None
        assert send_notices() == 0 and len(server.posts) == 4, "at once"
    pager.refresh_from_db()
    assert pager.failures == 1
    save_receiver(pager, by=admin_user)
    with serve(204, body=b"") as server:
        allow(settings, server.url)
        assert send_notices() == 1


def test_saving_a_receiver_that_was_read_earlier_keeps_how_its_queue_stands(base, pager, admin_user):
    happen(open_breach(fired_at=base))
    Receiver.objects.update(failures=3, down_since=later(), fault="answered 503")
    turn = turns.take_turn(pager.pk, timezone.now())
    save_receiver(pager, by=admin_user)
    row = Receiver.objects.get()
    assert (row.failures, row.fault, row.held_until) == (3, "answered 503", turn.until)


@pytest.mark.parametrize("status", [400, 401, 404, 413, 422])
def test_a_message_that_is_refused_for_good_blocks_no_other(base, settings, pager, status):
    now = timezone.now()
    bad = open_breach("topic.0", fired_at=base)
    happen(bad, now=now)
    with serve(status, status, status, 204, body=b"") as server:
        allow(settings, server.url)
        send_notices(now=now)
        good = open_breach("topic.1", fired_at=base)
        happen(good, now=now)
        assert send_notices(now=now + timedelta(seconds=5)) == 0
        assert send_notices(now=now + timedelta(seconds=15)) == 1
    assert told(bad) == ["Notice to Pager given up after 3 attempts"] and told(good)
    assert len({post.headers["webhook-id"] for post in server.posts[:3]}) == 1
    pager.refresh_from_db()
    assert (pager.failures, pager.down_since, pager.enabled) == (0, None, True)


def test_short_waits_that_a_receiver_asks_for_do_not_use_up_its_attempts(base, settings, pager):
    happen(open_breach(fired_at=base))
    with serve(503, headers=[("Retry-After", "1")], body=b"") as server:
        allow(settings, server.url, NOTICE_ATTEMPTS=5)
        for seconds in range(0, 40, 2):
            send_notices(now=later(seconds=seconds))
        assert len(server.posts) == 20 and Notice.objects.get().done_at is None
        send_notices(now=later(seconds=80))
    assert Notice.objects.get().outcome == "failed"


def test_one_that_is_slow_keeps_no_other_waiting(base, settings, monkeypatch):
    all_told, names = threading.Event(), ("slow", "quick")

    def note_sent():
        if len(quick.posts) == 2:
            all_told.set()

    with (
        serve(204, body=b"", on_post=lambda: all_told.wait(60)) as slow,
        serve(204, body=b"", on_post=note_sent) as quick,
    ):
        ways = dict(zip(names, (slow, quick), strict=True))
        ways = {name: {"url": server.url, "secret": SECRET} for name, server in ways.items()}
        allow(settings, "", WEBHOOKS=ways)
        for name in names:
            make_receiver(name, kind="webhook", webhook=name, addresses=[])
        happen(open_breach("topic.0", fired_at=base))
        left = ["topic.1"]

        def go_on(part):
            # What comes due while the drain waits for the slow one is sent meanwhile, too.
            if left and Notice.objects.filter(receiver__name="quick", outcome="sent").exists():
                happen(open_breach(left.pop(), fired_at=base))

        monkeypatch.setattr(drain, "LOOK", 0.05)
        monkeypatch.setattr(drain, "note_work", go_on)
        monkeypatch.setattr(webhooks, "post", partial(webhooks.post, patience=90))
        assert send_notices() == 4
    assert [len(server.posts) for server in (slow, quick)] == [2, 2]


def test_a_firing_whose_end_its_receiver_does_not_ask_for_says_that_it_is_over(base):
    make_receiver(events=["firing"])
    breach = open_breach(fired_at=base)
    happen(breach)
    happen(breach, watch.RECOVERED, at=base + MINUTE)
    assert send_notices() == 1
    assert mail.outbox[0].subject.startswith(
        "– Was beyond limit: complaint.latency 53 h (limit 48 h), fired 20"
    )
    assert told(breach) == ["Duty officers told by mail: was beyond limit"]


@pytest.mark.parametrize(
    ("zone", "fired", "told_span"),
    [
        ("Asia/Kathmandu", datetime(2026, 6, 1, 4, 15), "fired 2026-06-01 10:00, recovered 10:20 UTC+5:45"),
        ("Europe/Berlin", datetime(2026, 10, 25, 0, 50), "fired 2026-10-25 02:50 CEST, recovered 02:10 CET"),
    ],
)
def test_from_when_to_when_is_told_by_a_clock_that_everybody_knows(zone, fired, told_span):
    make_receiver(events=["firing"], zone=zone)
    at = to_ms(fired.replace(tzinfo=UTC))
    breach = open_breach(fired_at=at)
    happen(breach)
    happen(breach, watch.RECOVERED, at=at + 20 * MINUTE)
    assert send_notices() == 1
    assert mail.outbox[0].subject.endswith(told_span)
    assert " +0545" not in mail.outbox[0].body


@pytest.mark.django_db(transaction=True)
def test_drains_at_once_keep_the_order_of_each_receiver(base, monkeypatch):
    got, lock = {}, threading.Lock()

    def carry(receiver, message, facts, earlier):
        assert lock_of[receiver.name].acquire(blocking=False), "two messages to one receiver at once"
        with lock:
            got.setdefault(receiver.name, []).extend(fact["id"] for fact in facts)
        lock_of[receiver.name].release()
        return "mail"

    kind = Kind(name="mail", label="mail", asks={}, check=lambda receiver: (), carry=carry)
    monkeypatch.setattr(kinds, "list_kinds", lambda: {"mail": kind})
    lock_of = {make_receiver(f"receiver {n}").name: threading.Lock() for n in range(3)}
    over = threading.Event()

    def run():
        try:
            while not over.is_set():
                send_notices()
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(run) for _ in range(3)]
        for n in range(8):
            # One after the other: a drain tells of what is open whether or not its event is written yet.
            happen(open_breach(f"topic.{n}", fired_at=base + n))
        over.set()
    assert [done.exception() for done in runs] == [None] * 3
    send_notices()
    assert len(got) == 3
    for ids in got.values():
        assert len(ids) == 8 and ids == sorted(ids)


class Site:
    """Two breaches, a receiver and its server, under whatever happens to them; what the server took in."""

    def __init__(self, base):
        Receiver.objects.all().delete()
        Threshold.objects.all().delete()
        self.now, self.at, self.way = timezone.now(), base, "up"
        make_receiver(group_wait=0)
        # Not begun yet: what is open is told also where nobody wrote a notice of it.
        self.breaches = [open_breach(f"topic.{n}", fired_at=base, caught_up=True) for n in range(2)]
        self.open, self.begun = set(), set()
        self.taken = []  # (acknowledged, message, entries)

    def carry(self, receiver, message, facts, earlier):
        """What the server does with one message."""
        if self.way == "busy":
            raise DeliveryFailed("answered 503", retry_after=30)
        if self.way == "away":
            raise DeliveryFailed("away")
        heard = self.way == "up"
        self.taken.append((heard, message, facts, frozenset(self.open)))
        if self.way == "killed":
            raise Killed
        if not heard:
            raise DeliveryFailed("took it and did not say so")
        return "mail"

    def do(self, word, number):
        """One step: something happens to a breach, the server changes, time passes."""
        self.at += 1000
        self.now += timedelta(seconds=1)
        if word in ("away", "busy", "mute", "killed", "up"):
            self.way = word
        elif word == "wait":
            self.now += timedelta(seconds=5 * 4**number)
        else:
            self.move(self.breaches[number % 2])
        self.drain()

    def move(self, breach):
        """The next event of a breach."""
        if breach.pk in self.open:
            self.open.remove(breach.pk)
            event = watch.RECOVERED
        else:
            event = watch.REOPENED if breach.pk in self.begun else watch.FIRED
            breach.caught_up = False
            breach.save()
            self.open.add(breach.pk)
            self.begun.add(breach.pk)
        happen(breach, event, at=self.at, now=self.now)

    def drain(self):
        """One round of a drain, which may be killed in it."""
        try:
            send_notices(now=self.now)
        except Killed:
            pass


BEGINNINGS = ("firing", "reopened")
WORDS = ["move", "move", "move", "away", "busy", "mute", "killed", "up", "wait", "wait"]
steps = st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 3)), min_size=4, max_size=14)


@settings(
    max_examples=examples(45), phases=QUICK, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps)
def test_whatever_happens_all_is_told_in_order_once_and_no_end_without_its_beginning(base, monkeypatch, what):
    site = Site(base)
    kind = Kind(name="mail", label="mail", asks={}, check=lambda receiver: (), carry=site.carry)
    with monkeypatch.context() as patch:
        patch.setattr(kinds, "list_kinds", lambda: {"mail": kind})
        for word, number in what:
            site.do(word, number)
        site.way = "up"
        for _ in range(3):
            site.now += timedelta(hours=1)
            site.drain()
    assert set(Notice.objects.values_list("outcome", flat=True)) <= {"sent"}, "nothing is lost"
    check_taken(site)


def check_taken(site):
    """Order, once, and nothing that is over as if it went on; what came unacknowledged may come again."""
    known, last, contents, heard, come = set(), {}, {}, [], set()
    for acknowledged, message, facts, still_open in site.taken:
        ids = [one["id"] for fact in facts for one in [*fact["before"], fact]]
        is_repeat = message in contents
        assert contents.setdefault(message, ids) == ids, "one name, one content"
        for fact in facts:
            breach, over = fact["breach"], fact["event"] == "recovered"
            # An end that came unacknowledged is told along before it began once more.
            begun = breach in known or any(one["event"] in BEGINNINGS for one in fact["before"])
            assert not over or begun or fact["id"] in come, "no end without its beginning"
            newer = any(other["breach"] == breach and other["id"] > fact["id"] for other in facts)
            assert over or breach in still_open or newer, "nobody is paged for what is over"
            known = known - {breach} if over else known | {breach}
            assert is_repeat or fact["id"] >= last.get(breach, 0), "the newer never before the older"
            last[breach] = max(fact["id"], last.get(breach, 0))
        come |= set(ids)
        heard += ids if acknowledged else []
    assert sorted(heard) == sorted(Notice.objects.values_list("pk", flat=True)), "each once, and all"
