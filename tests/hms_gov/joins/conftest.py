"""Who decides in the tests of what joins the apps."""

import pytest
from django.contrib.auth.models import Permission, User


@pytest.fixture
def approver(db):
    user = User.objects.create_user("ada")
    user.user_permissions.add(Permission.objects.get(codename="decide_pipeline"))
    return user
