"""People around one proposal: who owns its group, who may decide, who stands outside."""

import threading

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection

from pipelines_app.services import propose


@pytest.fixture
def decide():
    """The permission to decide on proposals."""
    return Permission.objects.get(codename="decide_pipeline")


@pytest.fixture
def approver(decide):
    """Decides; belongs to no group."""
    user = User.objects.create_user("ada")
    user.user_permissions.add(decide)
    return user


@pytest.fixture
def second(decide):
    """Decides too."""
    user = User.objects.create_user("bea")
    user.user_permissions.add(decide)
    return user


@pytest.fixture
def outsider():
    """Is logged in, and that is all."""
    return User.objects.create_user("out")


@pytest.fixture
def admin_user():
    """May everything but approve their own."""
    return User.objects.create_superuser("root")


@pytest.fixture
def group():
    """The division that owns the restricted proposals."""
    return Group.objects.create(name="air quality")


@pytest.fixture
def member(group, decide):
    """Decides, and belongs to the group."""
    user = User.objects.create_user("mem")
    user.groups.add(group)
    user.user_permissions.add(decide)
    return user


@pytest.fixture
def pipeline(db):
    """An open proposal that anybody may see."""
    return propose(title="Response time breach", suggestion="Hire 2 temp agents", kpi=187_200.0)[0]


@pytest.fixture
def pair(db, settings):
    """An open proposal that needs two approvals."""
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"QUORUM": 2}
    return propose(title="Response time breach", suggestion="Hire 2 temp agents", kpi=187_200.0)[0]


@pytest.fixture
def touch():
    """What somebody with a database shell does."""

    def run(sql, *values):
        with connection.cursor() as cursor:
            cursor.execute(sql, values)

    return run


@pytest.fixture
def race():
    """Runs functions at the same moment, each in a thread with its own connection."""

    def run(*functions):
        barrier = threading.Barrier(len(functions))
        results = [None] * len(functions)

        def call(index, function):
            try:
                barrier.wait(60)
                results[index] = function()
            except Exception as error:  # the test looks at it
                results[index] = error
            finally:
                connection.close()

        threads = [threading.Thread(target=call, args=pair) for pair in enumerate(functions)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        return results

    return run
