"""Those who knock at the API."""

import pytest
from django.contrib.auth.models import User

from metrics_app.services.keys import create_key


@pytest.fixture
def make_key(db):
    """A raw key with scopes and, where given, topics and a group."""

    def make(*scopes, **wanted):
        return create_key(name="a program", scopes=scopes, **wanted)[1]

    return make


@pytest.fixture
def bearer(make_key):
    """The headers of a new key with scopes."""
    return lambda *scopes, **wanted: {"Authorization": f"Bearer {make_key(*scopes, **wanted)}"}


@pytest.fixture
def person(db, client):
    """Somebody who is logged in on ``client``."""
    user = User.objects.create_user("ann")
    client.force_login(user)
    return user
