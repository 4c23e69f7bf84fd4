"""The Celery application of ``metrics_app.worker``, with the periodic tasks of both apps."""

from metrics_app.worker import app, offer_schedule
from pipelines_app.schedule import SCHEDULE

__all__ = ["app"]

offer_schedule(SCHEDULE)
