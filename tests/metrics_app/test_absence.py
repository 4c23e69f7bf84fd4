"""Whoever can do without the database does not wait for one that is away or silent."""

import threading
import time

import pytest
from django.db import DataError, OperationalError, connection

from metrics_app import absence, keyring, registry
from metrics_app.absence import Absence, database
from metrics_app.services.keys import create_key


@pytest.fixture
def quick(monkeypatch):
    """Looks without a pause."""
    monkeypatch.setattr(absence, "PAUSE", 0.001)


def wait_for(condition):
    """Until it is true."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_it_is_away_from_the_first_that_meets_it_until_a_look_finds_it(quick):
    looks, is_back = [], threading.Event()

    def look():
        looks.append(1)
        if not is_back.is_set():
            raise OperationalError("away")

    found = Absence(look)
    with pytest.raises(OperationalError), found.watch():
        raise OperationalError("away")
    assert found.is_felt
    wait_for(lambda: len(looks) > 2)
    assert found.is_felt
    is_back.set()
    wait_for(lambda: not found.is_felt)


def test_an_error_of_another_kind_is_no_absence():
    found = Absence(None)
    with pytest.raises(DataError), found.watch():
        error = DataError("out of range")
        error.__cause__ = type("Cause", (Exception,), {"sqlstate": "22003"})()
        raise error
    assert not found.is_felt


def test_a_silent_one_is_felt_by_others_while_one_still_waits():
    now = [0.0]
    found = Absence(None, clock=lambda: now[0])
    with found.watch():
        now[0] = 0.9
        assert not found.is_felt
        now[0] = 1.1
        assert found.is_felt
    assert not found.is_felt


@pytest.mark.django_db
def test_known_keys_and_kpis_are_not_asked_for_while_it_is_felt(monkeypatch):
    raw = create_key(name="hospital", scopes=["emit"])[1]
    who, kpis = keyring.find_key(raw), registry.load_kpis()

    def refuse(execute, *args):
        raise AssertionError("nobody was to ask")

    keyring.forget()
    registry.forget()
    monkeypatch.setattr(database, "is_away", True)
    with connection.execute_wrapper(refuse):
        assert keyring.find_key(raw) == who
        assert registry.load_kpis() is kpis
