"""The app's periodic tasks: as Celery's own schedule, or as rows of django-celery-beat where that is.

A project without that package says ``CELERY_BEAT_SCHEDULE = {**pipelines_app.schedule.SCHEDULE, …}``
in its settings; importing this needs no app to be loaded.
"""

from django.apps import apps
from django.db import connections

EXPIRE = "pipelines: let overdue proposals lapse"
ERRANDS = "pipelines: do what is due later"
COUNT = "pipelines: tell how many wait"


def plan(task, period):
    """An entry of Celery's schedule; ``period`` in seconds."""
    # A worker that was away finds one message, not a night of them.
    options = {"queue": "slow", "expires": period}
    return {"task": f"pipelines_app.tasks.{task}", "schedule": period, "options": options}


SCHEDULE = {EXPIRE: plan("expire", 5), ERRANDS: plan("run_errands", 2), COUNT: plan("count_open", 60)}


def register_tasks(*, using, **kwargs):
    """Makes or mends the rows of beat; a handler of ``post_migrate``, harmless when repeated."""
    if not apps.is_installed("django_celery_beat"):
        return
    interval, task = apps.get_model("django_celery_beat", "IntervalSchedule"), get_task_model()
    # `migrate` may have been asked for this app alone, or for none of beat's tables.
    if task._meta.db_table not in connections[using].introspection.table_names():
        return
    for name, entry in SCHEDULE.items():
        every = interval.objects.using(using).get_or_create(every=entry["schedule"], period=interval.SECONDS)[
            0
        ]
        options = entry["options"]
        fields = {"task": entry["task"], "queue": options["queue"], "expire_seconds": options["expires"]}
        task.objects.using(using).get_or_create(name=name, defaults=fields | {"interval": every})


def get_task_model():
    """django-celery-beat's model of a periodic task."""
    return apps.get_model("django_celery_beat", "PeriodicTask")
