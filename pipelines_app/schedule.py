"""The app's periodic tasks, kept in django-celery-beat where the project has it."""

from django.apps import apps
from django.db import connections

EXPIRE = "pipelines: let overdue proposals lapse"
PERIOD = 5  # seconds


def register_tasks(*, using, **kwargs):
    """Makes or mends the rows of beat; a handler of ``post_migrate``, harmless when repeated."""
    if not apps.is_installed("django_celery_beat"):
        return
    interval, task = apps.get_model("django_celery_beat", "IntervalSchedule"), get_task_model()
    # `migrate` may have been asked for this app alone, or for none of beat's tables.
    if task._meta.db_table not in connections[using].introspection.table_names():
        return
    every, _ = interval.objects.using(using).get_or_create(every=PERIOD, period=interval.SECONDS)
    task.objects.using(using).get_or_create(
        name=EXPIRE,
        defaults={
            "task": "pipelines_app.tasks.expire",
            "interval": every,
            "queue": "slow",
            # A worker that was away finds one message, not a night of them.
            "expire_seconds": PERIOD,
        },
    )


def get_task_model():
    """django-celery-beat's model of a periodic task."""
    return apps.get_model("django_celery_beat", "PeriodicTask")
