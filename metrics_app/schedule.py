"""The app's periodic tasks: as Celery's own schedule, or as rows of django-celery-beat where that is.

A project without that package says ``CELERY_BEAT_SCHEDULE = {**metrics_app.schedule.SCHEDULE, …}``
in its settings; importing this needs no app to be loaded.
"""

from celery.schedules import crontab
from django.apps import apps
from django.db import connections

NIGHT = crontab(minute="17", hour="3")


def plan(task, schedule, queue, expires):
    """An entry of Celery's schedule; ``schedule`` in seconds or a crontab, ``expires`` in seconds."""
    options = {"queue": queue, "expires": expires}
    return {"task": f"metrics_app.tasks.{task}", "schedule": schedule, "options": options}


# A worker that was away finds one message of each, not a night of them.
SCHEDULE = {
    "metrics: judge thresholds and announce breaches": plan("watch", 1, "watch", 1),
    "metrics: send notices": plan("send_notices", 1, "slow", 1),
    "metrics: archive minutes and late points": plan("archive_history", 5, "slow", 5),
    "metrics: verify, compact and prune history": plan("compact_history", NIGHT, "slow", 86_400),
    "metrics: prune notices": plan("prune_notices", NIGHT, "slow", 86_400),
    "metrics: prune evaluation records": plan("prune_evaluations", NIGHT, "watch", 86_400),
}


def register_tasks(*, using, **kwargs):
    """Makes the rows of beat that are missing; a handler of ``post_migrate``, harmless when repeated."""
    add_tasks(SCHEDULE, using)


def add_tasks(schedule, using):
    """Makes the rows of a schedule that are missing in a database, where beat has its tables there."""
    if not apps.is_installed("django_celery_beat"):
        return
    tasks = apps.get_model("django_celery_beat", "PeriodicTask").objects.using(using)
    # `migrate` may have been asked for this app alone, or for none of beat's tables.
    if tasks.model._meta.db_table in connections[using].introspection.table_names():
        for name, entry in schedule.items():
            add_task(tasks, name, entry, using)


def add_task(tasks, name, entry, using):
    """One row of beat; what an administrator changed in it stays."""
    options = entry["options"]
    fields = {"task": entry["task"], "queue": options["queue"], "expire_seconds": options["expires"]}
    tasks.get_or_create(name=name, defaults=fields | make_timing(entry["schedule"], using))


def make_timing(schedule, using):
    """The field of a task that says when, with its row in beat's tables."""
    if isinstance(schedule, crontab):
        nightly = apps.get_model("django_celery_beat", "CrontabSchedule").objects.using(using)
        return {"crontab": nightly.get_or_create(minute=schedule._orig_minute, hour=schedule._orig_hour)[0]}
    every = apps.get_model("django_celery_beat", "IntervalSchedule").objects.using(using)
    return {"interval": every.get_or_create(every=schedule, period="seconds")[0]}
