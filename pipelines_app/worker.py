"""A Celery application for a project that has none: ``celery -A pipelines_app.worker worker -B -Q slow``.

It needs DJANGO_SETTINGS_MODULE and CELERY_BROKER_URL; the project's settings ``CELERY_…`` count more.
"""

from celery import Celery
from django.conf import settings

from pipelines_app.schedule import SCHEDULE

app = Celery("pipelines_app")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
if not hasattr(settings, "CELERY_BEAT_SCHEDULE") and not hasattr(settings, "CELERY_BEAT_SCHEDULER"):
    app.conf.beat_schedule = SCHEDULE
