"""The app's periodic tasks: as Celery's own schedule, or as rows of django-celery-beat where that is.

A project without that package says ``CELERY_BEAT_SCHEDULE = {**pipelines_app.schedule.SCHEDULE, …}``
in its settings; importing this needs no app to be loaded.
"""

from celery.schedules import crontab
from django.apps import apps
from django.db import connections

EXPIRE = "pipelines: let overdue proposals lapse"
ERRANDS = "pipelines: do what is due later"
COUNT = "pipelines: tell how many wait"
AUDIT = "pipelines: verify the audit chain"
NIGHT = crontab(minute="47", hour="3")
DAY = 86_400  # seconds


def plan(task, schedule):
    """An entry of Celery's schedule; ``schedule`` in seconds, or a crontab of once a day."""
    # A worker that was away finds one message, not a night of them.
    options = {"queue": "slow", "expires": DAY if isinstance(schedule, crontab) else schedule}
    return {"task": f"pipelines_app.tasks.{task}", "schedule": schedule, "options": options}


SCHEDULE = {
    EXPIRE: plan("expire", 5),
    ERRANDS: plan("run_errands", 2),
    COUNT: plan("count_open", 60),
    AUDIT: plan("verify_audit", NIGHT),
}


def register_tasks(*, using, **kwargs):
    """Makes or mends the rows of beat; a handler of ``post_migrate``, harmless when repeated."""
    if not apps.is_installed("django_celery_beat"):
        return
    task = get_task_model()
    # `migrate` may have been asked for this app alone, or for none of beat's tables.
    if task._meta.db_table not in connections[using].introspection.table_names():
        return
    for name, entry in SCHEDULE.items():
        options, timing = entry["options"], make_timing(entry["schedule"], using)
        fields = {"task": entry["task"], "queue": options["queue"], "expire_seconds": options["expires"]}
        task.objects.using(using).get_or_create(name=name, defaults=fields | timing)


def make_timing(schedule, using):
    """The field of a task that says when, with its row in beat's tables."""
    if isinstance(schedule, crontab):
        nightly = apps.get_model("django_celery_beat", "CrontabSchedule").objects.using(using)
        return {"crontab": nightly.get_or_create(minute=schedule._orig_minute, hour=schedule._orig_hour)[0]}
    every = apps.get_model("django_celery_beat", "IntervalSchedule").objects.using(using)
    return {"interval": every.get_or_create(every=schedule, period="seconds")[0]}


def get_task_model():
    """django-celery-beat's model of a periodic task."""
    return apps.get_model("django_celery_beat", "PeriodicTask")
