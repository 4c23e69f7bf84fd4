"""The Celery application: `celery -A hms_gov worker -Q watch`, `-Q slow`, and beat."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hms_gov.settings")

app = Celery("hms_gov")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
