"""Emitting needs Redis and nothing else: keys while the database is away, and what ends them."""

import sqlite3
import threading
from contextlib import ExitStack
from unittest import mock

import pytest
from django.db import OperationalError, connection

from metrics_app import keyring, known_keys, registry
from metrics_app.absence import database
from metrics_app.collector import collect_all
from metrics_app.connection import get_redis, name_key
from metrics_app.models import ApiKey, Kpi
from metrics_app.queries import stats
from metrics_app.services.keys import create_key, revoke_key

URL = "/api/v1/points/"
POINTS = {
    "one": {"topic": "er.wait", "value": 7},
    "list": [{"topic": "er.wait", "value": 7}, {"topic": "er.wait"}],
    "columns": {"topic": "er.wait", "ts": [None], "values": [7]},
}


def refuse(execute, sql, params, many, context):
    raise OperationalError("connection refused")


def restart():
    """What a process remembers is gone, as in one that was just started."""
    registry.forget()
    keyring.forget()
    registry._kpis = (0.0, None, {})
    database.forget()


@pytest.fixture
def take_database_away():
    """``take_database_away()``: from now on any SQL of this thread fails."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(connection.execute_wrapper(refuse))


@pytest.fixture
def emit(client):
    def emit(raw, body=POINTS["one"]):
        headers = {"Authorization": f"Bearer {raw}"}
        return client.post(URL, body, content_type="application/json", headers=headers)

    return emit


@pytest.mark.django_db
def test_a_known_key_emits_without_any_sql_also_in_a_process_that_was_just_started(emit):
    raw = create_key(name="hospital", scopes=["emit"])[1]
    assert emit(raw).status_code == 202
    with connection.execute_wrapper(refuse):
        for begin in (lambda: None, keyring.forget, restart):
            begin()
            assert emit(raw, POINTS["list"]).status_code == 202
    collect_all()
    assert stats("er.wait", 3600)["count"] == 7
    # Once the database is back its topic is a KPI.
    assert Kpi.objects.filter(topic="er.wait").exists()


@pytest.mark.django_db
def test_a_key_that_was_never_seen_is_put_off_while_nobody_can_say_whether_it_is_one(
    emit, take_database_away
):
    raw = create_key(name="hospital", scopes=["emit"])[1]
    assert emit("hms_" + "x" * 43).status_code == 401  # the database knows
    restart()
    take_database_away()
    answer = emit(raw)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert emit("hms_" + "x" * 43).status_code == 503


@pytest.mark.django_db
def test_what_a_key_may_do_stays_as_the_database_last_said(emit, take_database_away):
    _, raw = create_key(name="a", scopes=["emit"], topics=["er.*"])
    who = keyring.find_key(raw)
    take_database_away()
    restart()
    assert keyring.find_key(raw) == who
    assert emit(raw, {"topic": "fire.calls"}).status_code == 403


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", ["revoke", "scopes", "delete"])
def test_a_change_of_a_key_is_not_forgotten_when_the_database_goes_right_after_it(change, take_database_away):
    key, raw = create_key(name="a", scopes=["emit"])
    assert keyring.find_key(raw)
    if change == "revoke":
        revoke_key(key)
    elif change == "delete":
        key.delete()
    else:
        key.scopes = ["read"]
        key.save()
    take_database_away()
    restart()
    with pytest.raises(OperationalError):
        keyring.find_key(raw)


@pytest.mark.django_db(transaction=True)
def test_a_key_that_another_process_read_before_its_revocation_does_not_come_back(take_database_away):
    key, raw = create_key(name="a", scopes=["emit"])
    was_read, is_revoked = threading.Event(), threading.Event()
    keep = keyring.keep_entry

    def keep_late(*args):
        was_read.set()
        assert is_revoked.wait(30)
        keep(*args)

    def look_up():
        try:
            keyring.find_key(raw)
        finally:
            connection.close()

    with mock.patch.object(keyring, "keep_entry", keep_late):
        reader = threading.Thread(target=look_up)
        reader.start()
        assert was_read.wait(30)
        revoke_key(key)
        is_revoked.set()
        reader.join(30)
    # The late writing took place, and counts for nothing.
    assert get_redis().hexists(name_key("key", keyring.hash_key(raw)), "who")
    assert known_keys.read(keyring.hash_key(raw)).who is None
    restart()
    take_database_away()
    with pytest.raises(OperationalError):
        keyring.find_key(raw)


@pytest.mark.django_db
def test_what_sql_itself_changed_is_noticed_by_whoever_asks_next(take_database_away):
    key, raw = create_key(name="a", scopes=["emit"])
    assert keyring.find_key(raw)
    ApiKey.objects.filter(pk=key.pk).update(revoked_at="2024-11-24T00:00Z")
    restart()
    assert keyring.find_key(raw) is None
    take_database_away()
    restart()
    with pytest.raises(OperationalError):
        keyring.find_key(raw)


@pytest.mark.django_db
def test_an_entry_is_signed_for_its_digest_and_holds_no_key(take_database_away):
    raw, other = (create_key(name=name, scopes=["emit"])[1] for name in "ab")
    assert keyring.find_key(raw)
    entry = get_redis().hgetall(name_key("key", keyring.hash_key(raw)))
    assert raw.encode() not in b"".join(entry.values())
    get_redis().hset(name_key("key", keyring.hash_key(other)), mapping=entry)
    take_database_away()
    restart()
    with pytest.raises(OperationalError):
        keyring.find_key(other)
    assert keyring.find_key(keyring.hash_key(raw)) is None


@pytest.mark.django_db
def test_an_entry_that_says_less_of_a_key_than_is_asked_today_is_read_anew(monkeypatch, admin_user):
    raw = create_key(name="a", scopes=["propose"], by=admin_user)[1]
    monkeypatch.setattr(known_keys, "SAYS", known_keys.SAYS.replace(",maker", ""))
    assert keyring.find_key(raw).maker == admin_user.pk
    monkeypatch.undo()
    assert known_keys.read(keyring.hash_key(raw)).who is None
    restart()
    assert keyring.find_key(raw).maker == known_keys.read(keyring.hash_key(raw)).who.maker == admin_user.pk


@pytest.mark.django_db
def test_a_database_that_is_locked_is_not_away(monkeypatch):
    raw = create_key(name="a", scopes=["emit"])[1]
    assert keyring.find_key(raw)
    restart()

    def lock(execute, sql, params, many, context):
        raise OperationalError("database is locked") from sqlite3.OperationalError("database is locked")

    with connection.execute_wrapper(lock), pytest.raises(OperationalError):
        keyring.find_key(raw)


@pytest.mark.django_db
def test_an_entry_lives_as_long_as_is_promised_and_no_longer(monkeypatch):
    raw = create_key(name="a", scopes=["emit"])[1]
    assert keyring.find_key(raw)
    digest = keyring.hash_key(raw)
    assert 0 < get_redis().ttl(name_key("key", digest)) <= known_keys.LIFE
    monkeypatch.setattr(known_keys, "REWRITE", -1)
    assert known_keys.read(digest).is_old
    monkeypatch.setattr(known_keys, "LIFE", -1)
    assert known_keys.read(digest).who is None
