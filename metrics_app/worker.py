"""A Celery application for a project that has none: ``celery -A metrics_app.worker worker -B -Q watch,slow``.

It needs DJANGO_SETTINGS_MODULE alone. The project's settings ``CELERY_…`` count more; without them the broker
is the Redis of METRICS_APP, under a prefix of its own. A project with an application of its own names the
schedules there (``schedule``).
"""

from celery import Celery
from django.conf import settings

from metrics_app import conf
from metrics_app.schedule import SCHEDULE

app = Celery("metrics_app")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def offer(name, value):
    """A default of the application, unless the project's settings have ``CELERY_…`` of that name."""
    if not hasattr(settings, f"CELERY_{name.upper()}"):
        setattr(app.conf, name, value)


def offer_schedule(schedule):
    """More periodic tasks, unless the project names its own, or keeps them in tables."""
    if not hasattr(settings, "CELERY_BEAT_SCHEDULER"):
        offer("beat_schedule", {**app.conf.beat_schedule, **schedule})


offer("broker_url", conf.get("REDIS_URL"))
offer("broker_transport_options", {"global_keyprefix": f"{conf.get('REDIS_PREFIX')}:celery:"})
offer("broker_connection_retry_on_startup", True)
# For ever: after an hour without Redis workers and beat would end.
offer("broker_connection_max_retries", None)
offer("task_ignore_result", True)
offer("task_acks_late", True)
offer("task_default_queue", "slow")
offer_schedule(SCHEDULE)
