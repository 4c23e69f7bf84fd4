"""Who a key is: asked of the database once, and forgotten soon."""

import pytest

from metrics_app import keyring
from metrics_app.models import ApiKey
from metrics_app.services.keys import create_key, revoke_key

pytestmark = pytest.mark.django_db


def test_it_finds_a_key_by_its_hash():
    key, raw = create_key(name="hospital", scopes=["emit"], topics=["er.*"])
    who = keyring.find_key(raw)
    assert (who.kind, who.id, who.name, who.scopes, who.topics) == (
        "key",
        key.pk,
        "hospital",
        {"emit"},
        ("er.*",),
    )


@pytest.mark.parametrize("raw", [None, "", "hms_", "hms_" + "x" * 43, "x" * 47, "hms_" + "ä" * 43, "a\nb"])
def test_it_finds_nobody_by_a_wrong_key(raw):
    assert keyring.find_key(raw) is None


def test_it_asks_the_database_once_per_key(django_assert_num_queries):
    _, raw = create_key(name="a", scopes=["emit"])
    with django_assert_num_queries(1):
        assert keyring.find_key(raw) == keyring.find_key(raw)


def test_it_forgets_a_revoked_key_at_once_where_it_was_revoked():
    key, raw = create_key(name="a", scopes=["emit"])
    assert keyring.find_key(raw)
    revoke_key(key)
    assert keyring.find_key(raw) is None


def test_it_notices_within_two_seconds_what_another_process_revoked(monkeypatch):
    key, raw = create_key(name="a", scopes=["emit"])
    assert keyring.find_key(raw)
    # An update sends no signal here, as one in another process would not.
    ApiKey.objects.filter(pk=key.pk).update(revoked_at="2024-11-24T00:00Z")
    assert keyring.find_key(raw)
    later = keyring.time.monotonic() + 1.6
    monkeypatch.setattr(keyring.time, "monotonic", lambda: later)
    assert keyring.find_key(raw) is None


def test_a_flood_of_guesses_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(keyring, "MAX_KEYS", 5)
    for number in range(20):
        keyring.find_key("hms_" + f"{number:043}")
    assert len(keyring._keys) <= 5
