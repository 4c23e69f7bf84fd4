"""Who is at the door, and what it may see."""

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User

from metrics_app import keyring, registry
from metrics_app.models import Kpi
from metrics_app.services.keys import create_key

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
    return keyring.find_key(create_key(name="a program", **wanted)[1])


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
