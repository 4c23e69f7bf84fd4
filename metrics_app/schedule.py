"""The app's periodic tasks, kept in django-celery-beat where the project has it."""

from django.apps import apps
from django.db import connections

WATCH = "metrics: judge thresholds and announce breaches"
PRUNE = "metrics: prune evaluation records"
COMPACT = "metrics: verify, compact and prune history"
ARCHIVE = "metrics: archive minutes and late points"
NOTIFY = "metrics: send notices"


def register_tasks(*, using, **kwargs):
    """Makes the rows of beat that are missing; a handler of ``post_migrate``, harmless when repeated."""
    if not apps.is_installed("django_celery_beat"):
        return
    tasks = apps.get_model("django_celery_beat", "PeriodicTask").objects.using(using)
    # `migrate` may have been asked for this app alone, or for none of beat's tables.
    if tasks.model._meta.db_table not in connections[using].introspection.table_names():
        return
    every = apps.get_model("django_celery_beat", "IntervalSchedule").objects.using(using)
    nightly = apps.get_model("django_celery_beat", "CrontabSchedule").objects.using(using)
    second, _ = every.get_or_create(every=1, period="seconds")
    often, _ = every.get_or_create(every=5, period="seconds")
    night, _ = nightly.get_or_create(minute="17", hour="3")
    add_task(tasks, WATCH, "metrics_app.tasks.watch", interval=second, expire_seconds=1)
    notify = "metrics_app.tasks.send_notices"
    add_task(tasks, NOTIFY, notify, interval=second, expire_seconds=1, queue="slow")
    archive = "metrics_app.tasks.archive_history"
    add_task(tasks, ARCHIVE, archive, interval=often, expire_seconds=5, queue="slow")
    compact = "metrics_app.tasks.compact_history"
    add_task(tasks, COMPACT, compact, crontab=night, expire_seconds=86_400, queue="slow")
    add_task(tasks, PRUNE, "metrics_app.tasks.prune_evaluations", crontab=night, expire_seconds=86_400)


def add_task(tasks, name, task, **timing):
    """One row of beat; what an administrator changed in it stays."""
    tasks.get_or_create(name=name, defaults={"task": task, "queue": "watch"} | timing)
