"""Making and revoking keys."""

import re

import pytest

from metrics_app.exceptions import BadInput
from metrics_app.keyring import hash_key
from metrics_app.models import ApiKey
from metrics_app.services.keys import create_key, revoke_key

pytestmark = pytest.mark.django_db


def test_it_stores_only_the_hash():
    key, raw = create_key(name="a", scopes=["read", "emit", "emit"], topics=["er.*"])
    assert re.fullmatch(r"hms_[A-Za-z0-9_-]{43}", raw)
    (row,) = ApiKey.objects.values()
    assert raw not in str(row)
    assert row["hash"] == hash_key(raw)
    assert raw.startswith(row["prefix"])
    assert (row["scopes"], row["topics"]) == (["emit", "read"], ["er.*"])
    assert str(key) == f"a ({raw[:8]}…)"


@pytest.mark.parametrize(
    ("scopes", "message"),
    [([], "at least one"), (["root"], "'root' is not a scope"), (["partner", "read"], "opens /mkt/ only")],
)
def test_it_refuses_scopes_that_make_no_key(scopes, message):
    with pytest.raises(BadInput, match=message):
        create_key(name="a", scopes=scopes)
    assert not ApiKey.objects.exists()


def test_it_refuses_a_topic_that_is_none():
    with pytest.raises(BadInput, match="'er wait' is not a topic"):
        create_key(name="a", scopes=["emit"], topics=["er wait"])


def test_revoking_twice_keeps_the_first_time():
    key, _ = create_key(name="a", scopes=["emit"])
    revoke_key(key)
    first = key.revoked_at
    revoke_key(key)
    assert first is not None and key.revoked_at == first
