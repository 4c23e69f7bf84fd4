"""The Celery application: `celery -A hms_gov worker -Q watch`, `-Q slow`, and beat."""

import os
import warnings

from celery import Celery
from celery.exceptions import CPendingDeprecationWarning
from celery.signals import after_setup_logger, after_setup_task_logger

from metrics_app.outages import hush

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hms_gov.settings")

# A task that runs while the broker goes is let run on: each claims its rows, so a repeat does nothing.
# Celery, which will cancel it some day, says so at each loss unless that is switched on today.
warnings.filterwarnings("ignore", "\nIn Celery 5.1", CPendingDeprecationWarning)

app = Celery("hms_gov")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@after_setup_logger.connect
@after_setup_task_logger.connect
def hold_back_outages(logger, **kwargs):
    """Workers and beat make handlers of their own in place of those of LOGGING."""
    hush(logger)
