"""People around one proposal: who owns its group, who may decide, who stands outside."""

import threading

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection

from pipelines_app.models import Policy
from pipelines_app.services import propose
from pipelines_app.services.records import save_record
from tests.pipelines_app import waiting
from tests.pipelines_app.acting import forget


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
def office(decide):
    """A group whose members decide on what comes under the policy ``Housing``: ``bob`` and ``cyd``."""
    return add_group("Housing approvers", decide, "bob", "cyd")


@pytest.fixture
def heads(decide):
    """The group that the policy ``Housing`` escalates to: ``eve``."""
    return add_group("Heads", decide, "eve")


def add_group(name, decide, *people):
    """A group of people who hold the permission to decide, each with an address."""
    group = Group.objects.create(name=name)
    for person in people:
        user = User.objects.create_user(person, email=f"{person}@example.org")
        user.groups.add(group)
        user.user_permissions.add(decide)
    return group


@pytest.fixture
def housing(office, heads, admin_user):
    """Two of the office decide on housing within ten hours; from the eighth on the heads may too."""
    policy = Policy(name="Housing", topics="housing.*", quorum=2, deciders=office, decide_within=36_000)
    policy.escalation = heads
    return save_record(policy, by=admin_user)


@pytest.fixture
def flat(housing):
    """An open proposal that comes under the policy ``Housing``."""
    return propose(title="Waiting list", suggestion="Open 3 flats", topic="housing.wait")[0]


@pytest.fixture
def touch():
    """What somebody with a database shell does."""

    def run(sql, *values):
        with connection.cursor() as cursor:
            cursor.execute(sql, values)

    return run


@pytest.fixture
def acting(settings, db):
    """An open proposal with an action, whose orders are in ``tests.pipelines_app.acting``."""
    forget()
    more = {"ACTIONS": {"pay": "tests.pipelines_app.acting.act"}, "EXECUTE_AFTER": 10}
    settings.PIPELINES_APP = settings.PIPELINES_APP | more
    return propose(title="Slow", suggestion="Pay 2", action="pay", action_params={"amount": 2})[0]


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


@pytest.fixture(autouse=True)
def as_before():
    """The KPI of ``waiting`` as every test expects it: which one ran before in this process is chance."""
    waiting.forget()
