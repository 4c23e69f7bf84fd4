"""What Celery runs: drains that find their work in Redis and SQL, so that a lost message costs nothing."""

import logging

from celery import shared_task

from metrics_app.exceptions import BusUnavailable
from metrics_app.services.archive import archive, keep_recording, note_collected
from metrics_app.services.beats import note_beat
from metrics_app.services.compact import compact_history as compact
from metrics_app.services.notices import prune_notices as prune
from metrics_app.services.notices import send_notices as send
from metrics_app.services.watch.announce import announce
from metrics_app.services.watch.evaluate import evaluate
from metrics_app.services.watch.records import prune_records

logger = logging.getLogger(__name__)


@shared_task(name="metrics_app.tasks.watch", expires=1, bind=True)
def watch(self):
    """Judges every due slot, then hands new breaches over. Overlapping runs are harmless."""
    note_beat(self.request.origin)
    try:
        # First: what was recorded while nobody judged is then judged as what it was.
        keep_recording()
        evaluate()
    except BusUnavailable as error:
        # The states say "behind" by themselves; the next second tries again.
        logger.warning("Nothing is judged: %s", error)
    announce()
    try:
        note_collected()
    except BusUnavailable as error:
        logger.warning("What is collected cannot be noted: %s", error)


@shared_task(name="metrics_app.tasks.send_notices", expires=1)
def send_notices():
    """Sends the mails and webhooks that are due. Overlapping runs are harmless."""
    send()


@shared_task(name="metrics_app.tasks.prune_notices")
def prune_notices():
    """Deletes notices of what is over for longer than they are kept."""
    prune()


@shared_task(name="metrics_app.tasks.prune_evaluations")
def prune_evaluations():
    """Deletes evaluation records older than 35 days."""
    prune_records()


@shared_task(name="metrics_app.tasks.archive_history", expires=5)
def archive_history():
    """Brings what waits in Redis to SQL. Overlapping runs are harmless, and take turns."""
    try:
        archive()
    except BusUnavailable as error:
        logger.warning("Nothing is archived: %s", error)


@shared_task(name="metrics_app.tasks.compact_history")
def compact_history():
    """The nightly work on history; it goes on tomorrow where it was stopped."""
    compact()
