"""A Celery task as an action: only by the names of the settings, under the order's key."""

import pytest
from celery import shared_task

from pipelines_app.actions.celery_task import check_task, describe_task, send_task
from pipelines_app.core.orders import Order
from pipelines_app.exceptions import BadInput, Impossible

DONE = []
NAME = "tests.hire"


@shared_task(name=NAME, bind=True)
def hire(task, agents):
    """What a stranger's project would do."""
    DONE.append((task.request.id, agents))


@pytest.fixture(autouse=True)
def allowed(settings):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"ACTION_TASKS": [NAME]}


def test_it_hands_over_an_allowed_task_with_the_key_as_its_id(monkeypatch):
    sent = []
    monkeypatch.setattr(
        "celery.current_app.send_task", lambda name, **options: sent.append((name, options)), raising=False
    )
    order = Order(proposal=12, version=1, title="T", parameters={"task": NAME, "kwargs": {"agents": 2}})
    assert send_task(order) == "task tests.hire handed to Celery"
    assert sent == [(NAME, {"kwargs": {"agents": 2}, "task_id": "pipeline:12:1", "retry": False})]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"task": "os.system"}, "'os.system' is not a task that ACTION_TASKS allows; known are: tests.hire"),
        ({"task": [NAME]}, "is not a task"),
        ({}, "task is required"),
        ({"task": NAME, "kwargs": [1]}, "kwargs must be a JSON object"),
        ({"task": NAME, "queue": "root"}, "unknown field"),
    ],
)
def test_it_refuses_every_other_task(params, said):
    with pytest.raises(BadInput, match=said):
        check_task(params)


def test_a_task_that_is_no_longer_allowed_is_never_sent(settings):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"ACTION_TASKS": []}
    with pytest.raises(Impossible, match="known are: none"):
        send_task(Order(proposal=1, version=1, title="T", parameters={"task": NAME}))


def test_it_says_which_task():
    assert describe_task({"task": NAME}) == "hands the task tests.hire to Celery"
