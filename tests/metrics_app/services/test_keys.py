"""Making and revoking keys."""

import re

import pytest
from django.contrib.auth.models import Group, Permission, User

from metrics_app.exceptions import BadInput
from metrics_app.keyring import hash_key
from metrics_app.models import ApiKey
from metrics_app.services.keys import check_rights, create_key, revoke_key

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


@pytest.mark.parametrize(
    ("wanted", "permission", "field"),
    [
        ({"scopes": ["propose"]}, "add_pipeline", "scopes"),
        ({"scopes": ["propose"], "actions": ["mail"]}, "add_threshold", "actions"),
        ({"scopes": ["read"], "group": "owners"}, None, "group"),
    ],
)
def test_nobody_gives_a_key_what_they_may_not_do_themselves(wanted, permission, field):
    person, owners = User.objects.create_user("ann"), Group.objects.create(name="owners")
    wanted = wanted | ({"group": owners} if "group" in wanted else {})
    if field == "actions":
        person.user_permissions.add(Permission.objects.get(codename="add_pipeline"))
    with pytest.raises(BadInput) as told:
        create_key(name="a", by=person, **wanted)
    assert told.value.errors[0]["field"] == field and not ApiKey.objects.exists()
    if permission:
        person.user_permissions.add(Permission.objects.get(codename=permission))
    else:
        person.groups.add(owners)
    person = User.objects.get()
    key, _ = create_key(name="a", by=person, **wanted)
    # Whoever may not has no part in it, and may still change the rest.
    other = User.objects.create_user("bob")
    had = {"scopes": key.scopes, "actions": key.actions, "group": key.group}
    check_rights(other, **had, before=key)
    bare = ApiKey(scopes=["emit"])
    with pytest.raises(BadInput):
        check_rights(other, **had, before=bare)
    check_rights(None, **had)
    check_rights(User(is_superuser=True), **had)
