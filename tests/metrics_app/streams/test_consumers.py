"""Who may open a WebSocket, and with which code it is closed."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sessions.models import Session
from django.utils import timezone

from metrics_app import live
from metrics_app.models import ApiKey
from metrics_app.services.keys import create_key, revoke_key
from metrics_app.streams import outbox, visitors
from metrics_app.streams.credentials import Credential
from metrics_app.streams.stamps import read_stamps
from tests.metrics_app.streams.clients import SocketClient

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.any_database,
    pytest.mark.usefixtures("hub"),
]


async def pong(socket):
    socket.say(type="ping")
    return (await socket.receive())["type"]


async def test_it_refuses_who_is_not_logged_in():
    async with SocketClient() as socket:
        assert await socket.closed() == 4401


async def test_it_refuses_an_unknown_key_even_beside_a_session(login):
    async with SocketClient(**{"X-API-Key": "hms_" + "x" * 43, "Cookie": login}) as socket:
        assert await socket.closed() == 4401


@pytest.mark.parametrize("scope", ["emit", "partner"])
async def test_it_refuses_a_key_that_may_not_read(scope, in_thread):
    _, raw = await in_thread(create_key, name="k", scopes=[scope])
    async with SocketClient(**{"X-API-Key": raw}) as socket:
        assert await socket.closed() == 4403


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost:8000", True),
        ("https://friend.example", True),
        ("https://evil.example", False),
        ("http://localhost:9000", False),
        ("null", False),
        (None, True),
    ],
)
async def test_it_takes_sessions_from_its_own_pages_only(origin, allowed, login, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"ALLOWED_ORIGINS": ["https://friend.example"]}
    settings.ALLOWED_HOSTS = ["localhost"]
    headers = {"Cookie": login, "Host": "localhost:8000"} | ({"Origin": origin} if origin else {})
    async with SocketClient(**headers) as socket:
        if allowed:
            assert await pong(socket) == "pong"
        else:
            assert await socket.closed() == 4403


@pytest.mark.parametrize(
    ("limit", "other"), [("STREAMS_PER_KEY", "Cookie"), ("STREAMS_PER_USER", "X-API-Key")]
)
async def test_it_replaces_the_oldest_beyond_the_limit(limit, other, credentials, login, settings):
    settings.METRICS_APP = settings.METRICS_APP | {limit: 2}
    headers = {"Cookie": login} | credentials
    stranger = {other: headers.pop(other)}
    async with (
        SocketClient(**stranger) as unlimited,
        SocketClient(**headers) as first,
        SocketClient(**headers) as second,
        SocketClient(**headers) as third,
    ):
        assert await pong(unlimited) == "pong"
        assert await first.closed() == 4429
        assert await pong(second) == await pong(third) == "pong"


async def test_it_closes_when_the_key_is_revoked(credentials, in_thread):
    async with SocketClient(**credentials) as socket:
        assert await pong(socket) == "pong"
        await in_thread(revoke_key, await ApiKey.objects.aget())
        assert await socket.closed() == 4401


def deactivate(user):
    """By whoever keeps the accounts."""
    User.objects.filter(pk=user.pk).update(is_active=False)


def change_password(user):
    """As after a theft."""
    user.set_password("another")
    user.save()


def log_out(user):
    """Ends all sessions."""
    Session.objects.all().delete()


@pytest.mark.parametrize("lose", [deactivate, change_password, log_out])
async def test_it_closes_in_the_next_round_when_the_session_has_ended(
    login, user, monkeypatch, in_thread, lose
):
    # What nothing has changed is looked at once in a century: only a change can close it.
    monkeypatch.setattr(visitors, "SESSION_ROUND", 1e9)
    async with SocketClient(Cookie=login) as socket:
        assert await pong(socket) == "pong"
        await in_thread(lose, user)
        assert await socket.closed() == 4401


def test_a_thousand_sessions_are_compared_in_a_few_queries_and_each_loss_is_seen(
    db, django_assert_num_queries
):
    group = Group.objects.create(name="er")
    may = Permission.objects.get(codename="view_kpi")
    people = User.objects.bulk_create([User(username=f"u{n}") for n in range(1000)])
    User.groups.through.objects.bulk_create(User.groups.through(user=one, group=group) for one in people)
    end = timezone.now() + timedelta(days=1)
    Session.objects.bulk_create(
        Session(session_key=f"s{one.pk}", session_data="data", expire_date=end) for one in people
    )
    asked = {Credential(session=f"s{one.pk}"): one.pk for one in people}
    with django_assert_num_queries(5):
        before = read_stamps(asked)
    assert before == read_stamps(asked)
    people[0].groups.clear()
    User.objects.filter(pk=people[1].pk).update(password="other")
    people[2].user_permissions.add(may)
    Session.objects.filter(session_key=f"s{people[3].pk}").delete()
    after = read_stamps(asked)
    changed = {user_id for one, user_id in asked.items() if after[one] != before[one]}
    assert changed == {one.pk for one in people[:4]}
    group.permissions.add(may)
    last = read_stamps(asked)
    assert {user_id for one, user_id in asked.items() if last[one] == after[one]} == {people[0].pk}


async def test_it_tells_of_pipelines_to_those_who_may_see_them(login, credentials, in_thread, hub):
    event = {"type": "pipeline", "id": 1, "state": "awaiting_approval", "title": "t"}
    async with SocketClient(Cookie=login) as person, SocketClient(**credentials) as program:
        assert await pong(person) == await pong(program) == "pong"
        await in_thread(live.announce_event, event | {"id": 2}, permission="pipelines_app.decide_pipeline")
        await in_thread(live.announce_event, event | {"id": 3}, group=4711)
        await in_thread(live.announce_event, event)
        assert await person.receive() == event
        assert await pong(program) == "pong"


async def test_it_closes_a_client_that_floods_it(credentials):
    async with SocketClient(**credentials) as socket:
        for _ in range(600):
            socket.say(type="ping")
        assert await socket.closed() == 4429


async def test_it_merges_for_a_slow_reader_and_delays_nobody(credentials, emit_now, in_thread, monkeypatch):
    monkeypatch.setattr(outbox, "LIMIT", 2_000)
    await in_thread(emit_now, "er.wait", [0.0])
    async with SocketClient(**credentials) as slow, SocketClient(**credentials) as quick:
        for socket in (slow, quick):
            socket.say(type="subscribe", topics=["er.wait"])
            await socket.receive()
        slow.gate.clear()
        total = 0
        for _ in range(20):
            await in_thread(emit_now, "er.wait", [1.0] * 150)
            total += 150
            received = 0
            while received < 150:
                received += len((await quick.receive("points"))["points"])
        slow.gate.set()
        seen, frames = 0, 0
        while seen < total:
            frame = await slow.receive("points", "summary")
            frames += 1
            seen += len(frame.get("points", ())) + sum(row[1] for row in frame.get("rows", ()))
        assert (seen, frames < 10) == (total, True)
        assert frame["position"].endswith(f":{total + 1}")


async def test_it_gives_up_a_reader_that_takes_nothing(credentials, emit_now, in_thread, monkeypatch, hub):
    monkeypatch.setattr(outbox, "LIMIT", 500)
    monkeypatch.setattr(outbox, "PATIENCE", 0.1)
    await in_thread(emit_now, "er.wait", [0.0])
    async with SocketClient(**credentials) as slow:
        slow.say(type="subscribe", topics=["er.wait"])
        await slow.receive()
        slow.gate.clear()
        for _ in range(3):
            await in_thread(emit_now, "er.wait", [1.0] * 100)
        while hub.feeds:
            await slow.wait_a_moment()
        slow.gate.set()
        assert await slow.closed() == 4408
