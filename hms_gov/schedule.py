"""The project's own periodic tasks, beside those of the apps."""

from celery.schedules import crontab

from metrics_app.schedule import add_tasks

NIGHT = crontab(minute="27", hour="3")
DAY = 86_400  # seconds

SCHEDULE = {
    "logins: delete wrong passwords that no longer count": {
        "task": "hms_gov.tasks.forget_attempts",
        "schedule": NIGHT,
        "options": {"queue": "slow", "expires": DAY},
    },
}


def register_tasks(*, using, **kwargs):
    """Makes the rows of beat that are missing; a handler of ``post_migrate``, harmless when repeated."""
    add_tasks(SCHEDULE, using)
