"""Which topics an event stream follows, and what it says of those it does not."""

import pytest
from django.contrib.auth.models import Group

from metrics_app.models import Kpi
from metrics_app.registry import forget
from metrics_app.streams import positions, sse
from tests.metrics_app.streams.clients import StreamClient

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.any_database,
    pytest.mark.usefixtures("hub"),
]


@pytest.fixture
def three_places(monkeypatch):
    """A stream has room for three topics."""
    for module in (sse, positions):
        monkeypatch.setattr(module, "MAX_TOPICS", 3)


@pytest.mark.usefixtures("three_places")
async def test_it_says_once_which_topics_have_no_place(credentials, emit_now, in_thread):
    for topic in ("er.b", "er.c"):
        await in_thread(emit_now, topic, [0.0])
    async with StreamClient("topic=er.*", **credentials) as stream:
        await stream.greeting()
        await Kpi.objects.abulk_create(Kpi(topic=topic) for topic in ("er.a", "er.d", "er.e"))
        forget()
        assert await stream.next() == ("omitted", {"count": 2, "limit": 3, "topics": ["er.d", "er.e"]})
        await in_thread(emit_now, "er.d", [1.0])
        await in_thread(emit_now, "er.a", [2.0])
        assert (await stream.next())[1] | {"ts": 0} == {"ts": 0, "topic": "er.a", "value": 2.0}
        await Kpi.objects.acreate(topic="er.f")
        forget()
        assert (await stream.next())[1]["topics"] == ["er.d", "er.e", "er.f"]


@pytest.mark.usefixtures("three_places")
async def test_it_follows_the_first_by_name_where_more_match_and_those_of_the_id_for_one_who_returns(
    credentials, emit_now, in_thread
):
    for topic in ("er.b", "er.c", "er.d"):
        await in_thread(emit_now, topic, [0.0])
    async with StreamClient("topic=er.*", **credentials) as stream:
        await stream.greeting()
    for topic in ("er.a", "er.b", "er.d"):
        await in_thread(emit_now, topic, [1.0])
    header = {"Last-Event-ID": stream.last_id}
    async with StreamClient("topic=er.*", **credentials, **header) as again:
        assert (await again.next())[1] == {"count": 1, "limit": 3, "topics": ["er.a"]}
        assert {(await again.next())[1]["topic"] for _ in range(2)} == {"er.b", "er.d"}
    async with StreamClient("topic=*&topic=er.d", **credentials) as fresh:
        assert await fresh.next() == ("omitted", {"count": 1, "limit": 3, "topics": ["er.c"]})


async def test_it_says_that_a_topic_may_no_longer_be_seen_and_ends_with_the_last(
    login, emit_now, in_thread, hub
):
    for topic in ("er.wait", "er.left"):
        await in_thread(emit_now, topic, [1.0])
    owner = await Group.objects.acreate(name="er")
    query, headers = "topic=er.wait&topic=er.left", {"Cookie": login}
    async with StreamClient(query, **headers) as stream:
        await stream.greeting()
        await Kpi.objects.filter(topic="er.wait").aupdate(restricted=True, owner=owner)
        forget()
        assert await stream.next() == ("not_allowed", {"topic": "er.wait"})
        await in_thread(emit_now, "er.wait", [2.0])
        await in_thread(emit_now, "er.left", [3.0])
        assert (await stream.next())[1]["topic"] == "er.left"
        await Kpi.objects.filter(topic="er.left").aupdate(restricted=True, owner=owner)
        forget()
        assert await stream.next() == ("not_allowed", {"topic": "er.left"})
        assert await stream.next() is None
    assert not hub.feeds
    # From now on they are as topics without points.
    async with StreamClient(query, **headers) as stream:
        assert stream.status == 200


async def test_a_pattern_stays_open_for_what_may_be_seen_later(login, emit_now, in_thread):
    await in_thread(emit_now, "er.wait", [1.0])
    owner = await Group.objects.acreate(name="er")
    async with StreamClient("topic=er.*", Cookie=login) as stream:
        await stream.greeting()
        await Kpi.objects.filter(topic="er.wait").aupdate(restricted=True, owner=owner)
        forget()
        assert (await stream.next())[0] == "not_allowed"
        await in_thread(emit_now, "er.born", [2.0])
        assert (await stream.next())[1]["value"] == 2.0
