"""Who decides in the tests of what joins the apps."""

import pytest
from django.contrib.auth.models import Permission, User

from metrics_app.queries import clock


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """However slow the machine is, no collector counts as standing still because of it."""
    monkeypatch.setattr(clock, "BEHIND_AFTER", 3_600_000)


@pytest.fixture
def approver(db):
    user = User.objects.create_user("ada")
    user.user_permissions.add(Permission.objects.get(codename="decide_pipeline"))
    return user
