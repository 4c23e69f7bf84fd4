"""Beat that a database which is away neither ends nor keeps from beginning: it may come later.

django-celery-beat's scheduler raises where it reads its rows in such a moment, and the process ends with
it; as a part of a worker (``worker --beat``) unseen, for the worker goes on answering.
"""

import datetime
import logging

from django.db import Error as DatabaseError
from django_celery_beat.schedulers import DatabaseScheduler

logger = logging.getLogger(__name__)

PAUSE = 1.0  # seconds at most until it looks again for a schedule that could not be read
LONG_AGO = datetime.datetime.min


class PatientScheduler(DatabaseScheduler):
    """``CELERY_BEAT_SCHEDULER``: goes by what it last read, and reads again until that succeeds."""

    is_unread = False  # what it last tried to read could not be
    is_set_up = False

    def setup_schedule(self):
        """Writes the entries of the settings, once the rows can be read; until then it has none."""
        if self.schedule is not None and not self.is_unread:
            super().setup_schedule()
            self.is_set_up = True

    def all_as_schedule(self):
        """``{name: entry}`` of the rows; those of before while they cannot be read."""
        try:
            found = super().all_as_schedule()
        except DatabaseError as error:
            if not self.is_unread:
                logger.warning("The schedule cannot be read, looking again each second: %s", error)
            self.is_unread = True
            # Else it would look again after five minutes.
            self._last_full_sync = LONG_AGO
            return self._schedule or {}
        self.is_unread = False
        return found

    def schedule_changed(self):
        """Whether the rows are others than those it read; while they cannot be, they are read anyway."""
        return not self.is_unread and super().schedule_changed()

    def tick(self, *args, **kwargs):
        """One look at what is due; seconds until the next."""
        try:
            if not self.is_set_up:
                self.setup_schedule()
            wait = super().tick(*args, **kwargs)
        except DatabaseError as error:
            logger.warning("What is due is asked for again: %s", error)
            return PAUSE
        return min(wait, PAUSE) if self.is_unread else wait
