"""An action that hands a task to Celery, by one of the names that the settings allow."""

from celery import current_app

from pipelines_app import conf
from pipelines_app.core.fields import check_known, shorten
from pipelines_app.exceptions import BadInput, Impossible


def send_task(order):
    """Hands over ``{"task", "kwargs"}``; how, in words. It is done once the broker has the task.

    The order's key is the task's id through every attempt: a task that asks ``self.request.id``
    can refuse what it has done before.
    """
    try:
        check_task(order.parameters)
    except BadInput as error:
        # Allowed when it was approved, and no longer.
        raise Impossible(str(error)) from None
    name, kwargs = order.parameters["task"], order.parameters.get("kwargs", {})
    # Its own attempts are ours: a broker that is away must not hold up the other orders.
    current_app.send_task(name, kwargs=kwargs, task_id=order.key, retry=False)
    return f"task {name} handed to Celery"


def check_task(params):
    """BadInput for a task that ``ACTION_TASKS`` does not name, or arguments that have no names."""
    check_known(params, required=("task",), optional=("kwargs",))
    allowed = conf.get("ACTION_TASKS")
    if params["task"] not in allowed:
        known = ", ".join(allowed) or "none"
        raise BadInput(
            f"{shorten(params['task'])} is not a task that ACTION_TASKS allows; known are: {known}",
            field="action_params",
        )
    if not isinstance(params.get("kwargs", {}), dict):
        raise BadInput("kwargs must be a JSON object of the task's arguments", field="action_params")


def describe_task(params):
    """Which task."""
    return f"hands the task {params['task']} to Celery"


send_task.check = check_task
send_task.describe = describe_task
