"""Whether the database is away or silent, so that whoever can do without it does not wait for it.

The first request that meets it finds out, and waits for as long as its driver does. Those that come
meanwhile do without after ``SLOW`` seconds; from then on a thread asks until the database answers.
"""

import os
import threading
import time
from contextlib import contextmanager

from django.db import Error

from metrics_app.servers import DATABASE, is_database_away, look_at

SLOW = 1.0  # seconds for which an answer may be awaited until others do without it
PAUSE = 0.5  # seconds between two looks at a database that is away


class Absence:
    """The database as this process has met it; ``look`` asks it and raises while it does not answer."""

    def __init__(self, look=lambda: look_at(DATABASE), clock=time.monotonic):
        self.look, self.clock, self.lock = look, clock, threading.Lock()
        self.is_away, self.asking = False, {}  # token of whoever waits for an answer -> since when

    @property
    def is_felt(self):
        """Whether it is away, or somebody has waited for its answer for longer than ``SLOW``."""
        late = self.clock() - SLOW
        return self.is_away or any(since < late for since in list(self.asking.values()))

    @contextmanager
    def watch(self):
        """Around a question to the database; an error that says it is away begins the looks, and passes."""
        token = object()
        self.asking[token] = self.clock()
        try:
            yield
        except Error as error:
            if is_database_away(error):
                self.begin()
            raise
        finally:
            self.asking.pop(token, None)

    def begin(self):
        """Takes the database for away until a look finds it."""
        with self.lock:
            if self.is_away:
                return
            self.is_away = True
        threading.Thread(target=self.follow, name="absence of the database", daemon=True).start()

    def follow(self):
        """Looks until it answers."""
        while self.is_away:
            time.sleep(PAUSE)
            try:
                self.look()
            # Whatever a driver says of its server: the server does not answer.
            except Exception:
                continue
            self.is_away = False

    def forget(self):
        """Takes it for there, until somebody meets it again."""
        self.is_away = False


database = Absence()
# A child has no thread that looks, and none that waits.
os.register_at_fork(after_in_child=database.__init__)
