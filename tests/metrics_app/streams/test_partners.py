"""Partners: what their keys and tickets open at ``/mkt/metrics/stream``, and what they do not."""

import asyncio
import time

import pytest
from django.contrib.auth.models import Group

from metrics_app import rates
from metrics_app.models import ApiKey, Kpi
from metrics_app.registry import forget
from metrics_app.services.keys import create_key, revoke_key
from metrics_app.streams import seats, tickets
from metrics_app.streams.asgi import partner_stream
from metrics_app.streams.hub import get_hub
from metrics_app.streams.tickets import Ticket
from tests.metrics_app.streams.clients import SocketClient, StreamClient

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]

PAGE = "https://www.example.org"
OTHER = "https://evil.example"
TOPIC = "topic=complaint.latency"
QUERIES = ["topic=…", "topic=…&since=-3600", "topic=…&position=deadbeef:1", "topic=…&max_rate=1"]
QUERIES += ["topic=complaint.z&topic=…&topic=complaint.a"]


class PartnerClient(StreamClient):
    application = partner_stream


@pytest.fixture(autouse=True)
def stopped(hub):
    """The hub ends with the test."""


@pytest.fixture
def make_partner(transactional_db):
    def make(topics=("complaint.*",), **limits):
        name = f"partner {ApiKey.objects.count()}"
        key, raw = create_key(name=name, scopes=["partner"], topics=topics, **limits)
        return key, {"X-API-Key": raw}

    return make


@pytest.fixture
def partner(make_partner):
    """A key for complaint.*, whose pages are at PAGE."""
    return make_partner(origins=[PAGE])


def restrict(topic):
    Kpi.objects.update_or_create(
        topic=topic, defaults={"restricted": True, "owner": Group.objects.get_or_create(name="g")[0]}
    )
    forget()


async def read_status(query, method="GET", **headers):
    async with PartnerClient(query, method, **headers) as stream:
        return stream.status


async def read_until_refused(query, **headers):
    """Until a new stream is refused: what a process knows of a key is at most two seconds old."""
    deadline = time.monotonic() + 60
    while (status := await read_status(query, **headers)) != 403:
        assert time.monotonic() < deadline, f"{status} a minute after the key was changed"
        await asyncio.sleep(0.1)


async def test_a_partner_gets_the_points_of_its_topics_and_resumes(partner, emit_now, in_thread):
    _, headers = partner
    await in_thread(emit_now, "complaint.latency", [0.0])
    async with PartnerClient(TOPIC, **headers) as stream:
        assert (await stream.greeting())[0] == "position"
        await in_thread(emit_now, "complaint.latency", [1.0, 2.0])
        assert await stream.take(2) == [1.0, 2.0]
    await in_thread(emit_now, "complaint.latency", [3.0])
    async with PartnerClient(TOPIC, **headers, **{"Last-Event-ID": stream.last_id}) as stream:
        assert await stream.take(1) == [3.0]


async def test_a_partner_is_refused_outside_its_topics(partner, emit_now, in_thread):
    await in_thread(emit_now, "hr.salary", [1.0])
    answers = []
    for name in ("hr.salary", "hr.nothing", "hr.*", "complaints.all"):
        async with PartnerClient(f"topic={name}", **partner[1]) as stream:
            answers.append((stream.status, (await stream.body()).replace(name, "…")))
    assert answers[0][0] == 403
    assert len(set(answers)) == 1


async def test_a_pattern_wider_than_the_key_shows_only_what_is_the_keys(partner, emit_now, in_thread):
    await in_thread(emit_now, "hr.salary", [1.0])
    await in_thread(emit_now, "complaint.latency", [1.0])
    async with PartnerClient("topic=*", **partner[1]) as stream:
        await stream.greeting()
        assert len(stream.last_id) == 20, "the position of one topic"
        await in_thread(emit_now, "hr.salary", [2.0])
        await in_thread(emit_now, "complaint.latency", [3.0])
        assert (await stream.next())[1]["topic"] == "complaint.latency"


async def test_a_restricted_topic_looks_like_one_without_points(make_partner, emit_now, in_thread):
    """Whether it exists is not to be learned: neither by status, nor by position, nor by a replay."""
    _, headers = await in_thread(make_partner)
    for topic in ("complaint.a", "complaint.secret"):
        await in_thread(emit_now, topic, [5.0])
    await in_thread(restrict, "complaint.secret")
    seen = {}
    for name in ("complaint.secret", "complaint.nothing"):
        texts = []
        for query in QUERIES:
            async with PartnerClient(query.replace("…", name), **headers) as stream:
                assert stream.status == 200
                await stream.greeting()
                texts.append(len(stream.last_id))
                if "position" in query:
                    assert await stream.next() == ("reset", {"topic": name})
                if "z" in query:
                    records = [stream.last_id[at : at + 20] for at in (0, 20, 40)]
                    # a, then the one in question, then z: in the order of names.
                    texts.append([records.index(record) for record in records])
                await in_thread(emit_now, "complaint.secret", [6.0])
                assert stream.sent.empty()
        seen[name] = texts
    assert seen["complaint.secret"] == seen["complaint.nothing"]


async def test_a_topic_that_becomes_restricted_goes_on_as_one_without_points(partner, emit_now, in_thread):
    for topic in ("complaint.a", "complaint.b"):
        await in_thread(emit_now, topic, [5.0])
    async with PartnerClient("topic=complaint.a&topic=complaint.b", **partner[1]) as stream:
        await stream.greeting()
        await in_thread(restrict, "complaint.a")
        while "complaint.a" in get_hub().feeds:
            await stream.wait_a_moment()
        await in_thread(emit_now, "complaint.a", [6.0])
        await in_thread(emit_now, "complaint.b", [7.0])
        assert (await stream.next())[1]["value"] == 7.0
        assert len(stream.last_id) == 40


async def test_a_topic_that_left_the_keys_list_is_said_and_ends_the_stream(partner, emit_now, in_thread):
    key, headers = partner
    await in_thread(emit_now, "complaint.a", [5.0])
    async with PartnerClient("topic=complaint.a", **headers) as stream:
        await stream.greeting()
        await in_thread(ApiKey.objects.filter(pk=key.pk).update, topics=["complaint.b"])
        assert await stream.next() == ("not_allowed", {"topic": "complaint.a"})
        assert await stream.next() is None
    await read_until_refused("topic=complaint.a", **headers)


async def test_sessions_and_other_keys_open_nothing(login, credentials, make_partner, in_thread):
    assert await read_status(TOPIC, cookie=login) == 401
    assert await read_status(TOPIC, **credentials) == 403
    assert await read_status(TOPIC) == 401
    assert await read_status(TOPIC, **{"X-API-Key": "hms_" + "x" * 43}) == 401
    _, listless = await in_thread(make_partner, [])
    assert await read_status(TOPIC, **listless) == 403


async def test_a_partner_key_opens_no_stream_of_the_site(partner):
    async with StreamClient(TOPIC, **partner[1]) as stream:
        assert stream.status == 403
    async with SocketClient(**partner[1]) as socket:
        assert await socket.closed() == 4403


async def test_only_pages_of_its_origins_may_use_a_key(partner, make_partner, in_thread):
    _, headers = partner
    async with PartnerClient(TOPIC, origin=PAGE, **headers) as stream:
        assert (stream.status, stream.headers["access-control-allow-origin"]) == (200, PAGE)
        assert stream.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in stream.headers
    async with PartnerClient(TOPIC, origin=OTHER, **headers) as stream:
        assert (stream.status, "access-control-allow-origin" in stream.headers) == (403, False)
    assert await read_status(TOPIC, origin="null", **headers) == 403
    _, bare = await in_thread(make_partner)
    assert await read_status(TOPIC, origin=PAGE, **bare) == 403


async def test_browsers_may_ask_before_they_send_headers(partner):
    wanted = {"access-control-request-method": "GET", "access-control-request-headers": "last-event-id"}
    async with PartnerClient(TOPIC, "OPTIONS", origin=PAGE, **wanted) as answer:
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (204, PAGE)
        assert answer.headers["access-control-allow-methods"] == "GET"
        assert "Last-Event-ID" in answer.headers["access-control-allow-headers"]
    async with PartnerClient(TOPIC, "OPTIONS", origin=OTHER, **wanted) as answer:
        assert "access-control-allow-origin" not in answer.headers


async def test_a_revoked_key_ends_its_streams_and_tells_them_to_stop(partner, in_thread):
    key, headers = partner
    ticket = await in_thread(tickets.issue_ticket, Ticket(key.pk, PAGE, ("complaint.*",)))
    page = f"{TOPIC}&ticket={ticket}"
    async with PartnerClient(TOPIC, **headers) as one, PartnerClient(page, origin=PAGE) as two:
        await in_thread(revoke_key, key)
        async with asyncio.timeout(5):
            await asyncio.gather(one.body(), two.body())
    assert await read_status(TOPIC, **headers) == 204
    async with PartnerClient(page, origin=PAGE) as again:
        assert (again.status, again.headers["access-control-allow-origin"]) == (204, PAGE)


async def test_a_ticket_opens_one_stream_once(partner, emit_now, in_thread):
    key, _ = partner
    await in_thread(emit_now, "complaint.latency", [0.0])
    ticket = await in_thread(tickets.issue_ticket, Ticket(key.pk, PAGE, ("complaint.latency",)))
    attempts = await asyncio.gather(
        *(in_thread(tickets.redeem_ticket, ticket) for _ in range(8)),
    )
    assert sum(found is not None for found in attempts) == 1
    ticket = await in_thread(tickets.issue_ticket, Ticket(key.pk, PAGE, ("complaint.latency",)))
    async with PartnerClient(f"{TOPIC}&ticket={ticket}", origin=PAGE) as stream:
        await stream.greeting()
        await in_thread(emit_now, "complaint.latency", [4.0])
        assert await stream.take(1) == [4.0]
        assert await read_status(f"{TOPIC}&ticket={ticket}", origin=PAGE) == 401


@pytest.mark.parametrize(
    ("query", "origin"),
    [(TOPIC, OTHER), (TOPIC, ""), ("topic=complaint.received", PAGE), ("topic=hr.salary", PAGE)],
)
async def test_a_ticket_is_tied_to_its_origin_and_topics_and_lost_by_a_wrong_use(
    partner, query, origin, in_thread
):
    ticket = await in_thread(tickets.issue_ticket, Ticket(partner[0].pk, PAGE, ("complaint.latency",)))
    headers = {"origin": origin} if origin else {}
    assert await read_status(f"{query}&ticket={ticket}", **headers) == 403
    assert await read_status(f"{TOPIC}&ticket={ticket}", origin=PAGE) == 401


async def test_a_pattern_of_a_ticket_stays_inside_the_ticket(partner, emit_now, in_thread):
    for topic in ("complaint.latency", "complaint.received"):
        await in_thread(emit_now, topic, [0.0])
    ticket = await in_thread(tickets.issue_ticket, Ticket(partner[0].pk, PAGE, ("complaint.latency",)))
    async with PartnerClient(f"topic=*&ticket={ticket}", origin=PAGE) as stream:
        await stream.greeting()
        assert len(stream.last_id) == 20


async def test_tickets_open_nothing_else(partner, credentials, in_thread):
    ticket = await in_thread(tickets.issue_ticket, Ticket(partner[0].pk))
    async with StreamClient(f"{TOPIC}&ticket={ticket}", **credentials) as stream:
        assert stream.status == 400
    assert await read_status(f"{TOPIC}&ticket={ticket}") == 403
    assert await read_status(f"{TOPIC}&ticket=hmst_{'x' * 43}") == 401
    assert await read_status(f"{TOPIC}&ticket=") == 401


async def test_a_key_with_a_rate_gets_merged_points(make_partner, emit_now, in_thread):
    _, headers = await in_thread(make_partner, max_rate=2)
    await in_thread(emit_now, "complaint.latency", [0.0])
    async with PartnerClient(f"{TOPIC}&max_rate=1000", **headers) as stream:
        await stream.greeting()
        await in_thread(emit_now, "complaint.latency", [4.0])
        await stream.next()
        await in_thread(emit_now, "complaint.latency", [1.0, 2.0])
        await in_thread(emit_now, "complaint.latency", [6.0])
        assert (await stream.next())[1]["count"] == 3


async def test_one_stream_too_many_ends_the_oldest_wherever_it_is(make_partner, in_thread):
    key, headers = await in_thread(make_partner, connections=1)
    async with PartnerClient(TOPIC, **headers) as first:
        await first.greeting()
        # A stream in another process.
        await in_thread(seats.keep_seats, key.pk, 1, [seats.name_seat()])
        assert "event: unavailable" in await first.body()
        async with PartnerClient(TOPIC, **headers) as second:
            await second.greeting()
            assert await in_thread(seats.keep_seats, key.pk, 1, ["000:x"]) == {"000:x"}


async def test_a_key_that_knocks_too_often_is_put_off(make_partner, in_thread, monkeypatch):
    monkeypatch.setattr(rates.time, "time", lambda: 1_000_000_000.0)
    _, headers = await in_thread(make_partner, requests_per_minute=2)
    bodies = []
    for _ in range(3):
        async with PartnerClient(TOPIC, **headers) as stream:
            assert stream.status == 200
            bodies.append((await stream.next_message())["body"].decode())
    assert ["event: unavailable" in body for body in bodies] == [False, False, True]


async def test_what_changes_on_the_key_ends_the_streams_it_no_longer_allows(partner, in_thread):
    key, headers = partner
    async with PartnerClient(TOPIC, origin=PAGE, **headers) as stream:
        await in_thread(ApiKey.objects.filter(pk=key.pk).update, origins=[OTHER])
        await stream.body()


async def test_it_puts_a_partner_off_while_redis_is_away(partner, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"REDIS_URL": "redis://127.0.0.1:1"}
    for query, headers in ((TOPIC, partner[1]), (f"{TOPIC}&ticket=hmst_{'x' * 43}", {"origin": PAGE})):
        async with PartnerClient(query, **headers) as stream:
            assert "retry: 5000" in await stream.body()
