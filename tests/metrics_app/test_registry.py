"""Who is at the door, and what it may see."""

import base64

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.core.handlers.asgi import ASGIRequest

from metrics_app import registry
from metrics_app.models import ApiKey, Kpi
from metrics_app.services.keys import create_key, revoke_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def group():
    return Group.objects.create(name="air quality")


@pytest.fixture
def kpis(group):
    Kpi.objects.create(topic="complaint.latency")
    Kpi.objects.create(topic="complaint.secret", owner=group, restricted=True)
    Kpi.objects.create(topic="er.wait")


def who_of(**wanted):
    return registry.find_key(create_key(name="a program", **wanted)[1])


def test_it_finds_a_key_by_its_hash():
    key, raw = create_key(name="hospital", scopes=["emit"], topics=["er.*"])
    who = registry.find_key(raw)
    assert (who.kind, who.id, who.name, who.scopes, who.topics) == (
        "key",
        key.pk,
        "hospital",
        {"emit"},
        ("er.*",),
    )


@pytest.mark.parametrize("raw", [None, "", "hms_", "hms_" + "x" * 43, "x" * 47, "hms_" + "ä" * 43, "a\nb"])
def test_it_finds_nobody_by_a_wrong_key(raw):
    assert registry.find_key(raw) is None


def test_it_asks_the_database_once_per_key(django_assert_num_queries):
    _, raw = create_key(name="a", scopes=["emit"])
    with django_assert_num_queries(1):
        assert registry.find_key(raw) == registry.find_key(raw)


def test_it_forgets_a_revoked_key_at_once_where_it_was_revoked():
    key, raw = create_key(name="a", scopes=["emit"])
    assert registry.find_key(raw)
    revoke_key(key)
    assert registry.find_key(raw) is None


def test_it_notices_within_two_seconds_what_another_process_revoked(monkeypatch):
    key, raw = create_key(name="a", scopes=["emit"])
    assert registry.find_key(raw)
    # An update sends no signal here, as one in another process would not.
    ApiKey.objects.filter(pk=key.pk).update(revoked_at="2024-11-24T00:00Z")
    assert registry.find_key(raw)
    later = registry.time.monotonic() + 1.6
    monkeypatch.setattr(registry.time, "monotonic", lambda: later)
    assert registry.find_key(raw) is None


def test_a_flood_of_guesses_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(registry, "MAX_KEYS", 5)
    for number in range(20):
        registry.find_key("hms_" + f"{number:043}")
    assert len(registry._keys) <= 5


BASIC = "Basic " + base64.b64encode(b"user:hms_x").decode()


@pytest.mark.parametrize(
    ("headers", "raw"),
    [
        ({}, None),
        ({"Authorization": "Bearer hms_x"}, "hms_x"),
        ({"Authorization": "bearer hms_x"}, "hms_x"),
        ({"Authorization": "Token hms_x"}, "hms_x"),
        ({"Authorization": BASIC}, "hms_x"),
        ({"Authorization": "Basic !!"}, ""),
        ({"Authorization": "Bearer"}, ""),
        ({"Authorization": "Digest x"}, None),
        ({"Authorization": "Digest x", "X-API-Key": "hms_x"}, "hms_x"),
        ({"X-API-Key": "hms_x"}, "hms_x"),
        ({"X-API-Key": ""}, ""),
        ({"Authorization": "Bearer hms_x", "X-API-Key": "hms_x"}, "hms_x"),
        ({"Authorization": "Bearer hms_x", "X-API-Key": "hms_y"}, ""),
        ({"Authorization": BASIC, "X-API-Key": "hms_y"}, ""),
    ],
)
def test_it_reads_the_key_from_either_kind_of_headers(rf, headers, raw):
    assert registry.read_credential(rf.get("/", headers=headers).headers) == raw
    scope = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    assert registry.read_credential(scope) == raw


@pytest.mark.parametrize("name", [b"authorization", b"x-api-key"])
def test_a_key_that_came_twice_opens_nothing_at_any_door(name):
    key = "hms_" + "k" * 43
    value = f"Bearer {key}" if name == b"authorization" else key
    for other in (value, value.replace("k", "o")):
        headers = [(name, value.encode()), (name, other.encode())]
        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers}
        for read in (headers, ASGIRequest(scope, None).headers):
            raw = registry.read_credential(read)
            assert raw is not None and not registry.RAW_KEY.match(raw)


def test_an_open_kpi_is_for_everybody_who_is_known(kpis):
    person = registry.who_is(User.objects.create_user("ann"))
    assert registry.may_read(person, "complaint.latency")
    assert registry.may_read(person, "never.seen")
    assert registry.may_read(who_of(scopes=["read"]), "complaint.latency")
    assert not registry.may_read(None, "complaint.latency")
    assert registry.who_is(AnonymousUser()) is None


def test_a_restricted_kpi_is_for_its_group(kpis, group):
    outsider, member = User.objects.create_user("out"), User.objects.create_user("in")
    member.groups.add(group)
    root = User.objects.create_superuser("root")
    seen = [registry.may_read(registry.who_is(user), "complaint.secret") for user in (outsider, member, root)]
    assert seen == [False, True, True]
    assert not registry.may_read(who_of(scopes=["read"]), "complaint.secret")
    assert registry.may_read(who_of(scopes=["read"], group=group), "complaint.secret")


def test_a_key_reads_its_topics_with_the_scope_for_it(kpis):
    assert not registry.may_read(who_of(scopes=["emit"]), "er.wait")
    listed = who_of(scopes=["read"], topics=["complaint.*"])
    assert registry.may_read(listed, "complaint.latency")
    assert not registry.may_read(listed, "er.wait")


def test_a_partner_reads_only_what_is_listed(kpis):
    assert not registry.may_read(who_of(scopes=["partner"]), "er.wait")
    assert registry.may_read(who_of(scopes=["partner"], topics=["er.wait"]), "er.wait")
    assert not registry.may_read(who_of(scopes=["partner"], topics=["*"]), "complaint.secret")


def test_patterns_become_the_topics_one_may_see(kpis):
    who = who_of(scopes=["read"])
    assert registry.visible_topics(who, ["complaint.*"]) == ["complaint.latency"]
    assert registry.visible_topics(who, ["*"]) == ["complaint.latency", "er.wait"]
    assert registry.visible_topics(who, ["not.yet", "complaint.secret"]) == ["not.yet"]


def test_it_sees_a_change_in_this_process_at_once(kpis):
    assert registry.get_kpi("er.wait").unit == ""
    kpi = Kpi.objects.get(topic="er.wait")
    kpi.unit = "seconds"
    kpi.save()
    assert registry.get_kpi("er.wait").unit == "seconds"
    kpi.delete()
    assert registry.get_kpi("er.wait") is None


def test_it_asks_the_database_once_for_all_kpis_and_once_for_what_outlived_them(
    kpis, django_assert_num_queries
):
    with django_assert_num_queries(2):
        assert [kpi.topic for kpi in registry.list_kpis()] == sorted(
            ["complaint.latency", "complaint.secret", "er.wait"]
        )
        assert registry.get_kpi("er.wait") and registry.get_kpi("none") is None
