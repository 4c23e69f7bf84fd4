"""Rings for the drain once an errand that is due has been committed.

Nothing hangs on a ring: the row is the message, and the beat finds it two seconds later. So it is sent
from a thread of its own, where a broker that is away neither fails nor delays whoever decides.
"""

import logging
import threading

from celery import current_app
from django.db import transaction
from django.utils import timezone

logger = logging.getLogger(__name__)
TASK = "pipelines_app.tasks.run_errands"
EXPIRES = 10  # seconds; a worker that was away finds the beat's message, not a night of these


def send():
    """Asks a worker of the queue ``slow`` to drain; nothing where the project has no broker."""
    if current_app.conf.broker_url:
        current_app.send_task(TASK, queue="slow", expires=EXPIRES, retry=False, ignore_result=True)


class Bell:
    """Calls ``send`` for each ring, outside of whoever rings; rings that come while it is busy become one."""

    def __init__(self, send):
        self.send, self.lock = send, threading.Lock()
        self.thread, self.wanted = None, False

    def ring(self):
        """Returns at once."""
        with self.lock:
            self.wanted = True
            # After a fork the thread of the parent is not alive here.
            if self.thread is None or not self.thread.is_alive():
                self.thread = threading.Thread(target=self.run, name="bell of errands", daemon=True)
                self.thread.start()

    def run(self):
        """Sends until nobody has rung meanwhile; what fails is logged, and left to the beat."""
        while self.take():
            try:
                self.send()
            except Exception as error:
                logger.warning("The drain could not be rung for, the beat will: %s", error)

    def take(self):
        """Whether somebody has rung since the last time; where not, the thread is over."""
        with self.lock:
            wanted, self.wanted = self.wanted, False
            if not wanted:
                self.thread = None
        return wanted


bell = Bell(send)


def ring_if_due(due_at):
    """Rings after the commit for what is due by now; later on the beat finds it."""
    if due_at <= timezone.now():
        transaction.on_commit(bell.ring, robust=True)
