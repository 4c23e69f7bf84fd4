"""Where every door ends: what may be recorded, and that it is."""

import time
from dataclasses import replace

import numpy as np
import pytest
from django.contrib.auth.models import Group

from metrics_app import client, emit, registry
from metrics_app.collector import collect_all
from metrics_app.core.who import Who
from metrics_app.exceptions import BadInput, BusUnavailable, NotAllowed, TooMany
from metrics_app.models import Kpi
from metrics_app.queries import stats
from metrics_app.services.record import record, record_batch, record_rows
from metrics_app.transport import Refused

pytestmark = pytest.mark.django_db


def count(topic):
    collect_all()
    return stats(topic, 3600)["count"]


def make_batch(*topics):
    """A batch with one point of now per topic."""
    now = time.time_ns() // 1_000_000
    return {topic: (np.array([now]), np.array([1.0])) for topic in topics}


def test_it_records_triples():
    now = time.time_ns() // 1_000_000
    assert record([("a", 1, None), ("b", 2, now), ("a", 3, now - 1)]) == 3
    assert (count("a"), count("b")) == (2, 1)
    assert record([]) == 0


@pytest.mark.parametrize("bad", [("A", 1, None), ("a", float("nan"), None), ("a", 1, 5)])
def test_it_records_all_or_nothing(bad):
    with pytest.raises(BadInput):
        record([("a", 1, None), bad])
    assert count("a") == 0


def test_a_key_is_held_to_its_topics():
    who = Who(kind="key", id=1, name="a", topics=("er.*",))
    record_batch(make_batch("er.wait"), who=who)
    with pytest.raises(NotAllowed, match="'fire.alarm': it is limited to er"):
        record_batch(make_batch("er.wait", "fire.alarm"), who=who)
    assert count("er.wait") == 1


def test_the_limit_of_new_kpis_is_all_or_nothing(settings):
    settings.METRICS_APP = settings.METRICS_APP | {"AUTO_CREATE_LIMIT": 2}
    who = Who(kind="key", id=1, name="a")
    with pytest.raises(TooMany, match="its 2 new KPIs"):
        record_batch(make_batch("a", "b", "c"), who=who)
    record_batch(make_batch("a", "b"), who=who)
    assert [count(topic) for topic in "abc"] == [1, 1, 0]


@pytest.mark.parametrize("changed", [{"AUTO_CREATE_KPIS": False}, {"AUTO_CREATE_LIMIT": 0}])
def test_a_restricted_topic_is_to_a_key_that_neither_owns_nor_names_it_as_one_that_is_not_there(
    settings, changed
):
    group = Group.objects.create(name="owners")
    Kpi.objects.create(topic="quoll.wait", owner=group, restricted=True)
    settings.METRICS_APP = settings.METRICS_APP | changed
    wide, told = Who(kind="key", id=1, name="a"), []
    for topic in ("quoll.wait", "quoll.none"):
        with pytest.raises((BadInput, TooMany)) as refused:
            record_batch(make_batch(topic), who=wide)
        told.append((type(refused.value), str(refused.value).replace(topic, "")))
    assert told[0] == told[1]
    # Who is meant to send there goes on, whenever it was restricted, and so does the project itself.
    for who in (replace(wide, groups=frozenset({group.pk})), replace(wide, topics=("quoll.*",)), None):
        record_batch(make_batch("quoll.wait"), who=who)
    assert count("quoll.wait") == 3


def test_a_key_that_sends_into_what_was_restricted_meanwhile_goes_on_within_its_limit(settings):
    settings.METRICS_APP = settings.METRICS_APP | {"AUTO_CREATE_LIMIT": 1}
    kpi, who = Kpi.objects.create(topic="quoll.wait"), Who(kind="key", id=1, name="a")
    record_batch(make_batch("quoll.wait"), who=who)
    kpi.restricted = True
    kpi.save()
    for _ in range(2):
        record_batch(make_batch("quoll.wait"), who=who)
    with pytest.raises(TooMany, match="'quoll.new' is not known"):
        record_batch(make_batch("quoll.new"), who=who)
    assert count("quoll.wait") == 3


def test_the_project_itself_has_no_limit(settings):
    settings.METRICS_APP = settings.METRICS_APP | {"AUTO_CREATE_LIMIT": 0}
    record([("a", 1, None)])
    assert count("a") == 1


def test_unknown_topics_are_refused_where_none_are_created(settings):
    settings.METRICS_APP = settings.METRICS_APP | {"AUTO_CREATE_KPIS": False}
    with pytest.raises(BadInput) as caught:
        record([("a", 1, None), ("b", 1, None)])
    assert [error["field"] for error in caught.value.errors] == ["topic", "topic"]
    Kpi.objects.create(topic="a")
    assert record([("a", 1, None)]) == 1


def test_the_clients_batches_are_recorded_once():
    rows = [("a", 1, time.time_ns() // 1_000_000)] * 3
    record_rows(rows, "one")
    record_rows(rows, "one")
    assert count("a") == 3


def test_the_client_learns_what_is_useless_and_what_will_pass(settings):
    rows = [("a", 1, time.time_ns() // 1_000_000)]
    settings.METRICS_APP = settings.METRICS_APP | {"AUTO_CREATE_KPIS": False}
    with pytest.raises(Refused, match="'a' is not a known KPI"):
        record_rows(rows, "one")
    settings.METRICS_APP = settings.METRICS_APP | {
        "AUTO_CREATE_KPIS": True,
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    with pytest.raises(BusUnavailable):
        record_rows(rows, "one")


def test_emit_inside_the_project_goes_straight_to_its_bus(monkeypatch):
    monkeypatch.delenv("HMS_URL", raising=False)
    assert client.default.transport is record_rows
    before = client.sent
    for _ in range(10_000):
        emit("complaint.received")
    assert client.flush(10)
    assert client.sent - before == 10_000
    assert count("complaint.received") == 10_000
    assert registry.get_kpi("complaint.received")
