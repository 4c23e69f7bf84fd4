"""The periodic tasks of a queue, called by the process that serves it: none of them goes over the broker.

A message each second is written to the disk of Redis six times before it is done, which on an idle site is
nearly all that is written, and costs two processes more than most drains find to do. So the workers of
``manage.py run`` need no beat: each goes by the same timetable (``CELERY_BEAT_SCHEDULER``, with what the
admin changes in it) for its own queue. That is for the drains of this project, which find their work
in Redis and SQL; periodic tasks of others are sent to their workers as ever.
"""

import datetime
import heapq
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from celery.utils.imports import symbol_by_name
from django.db import close_old_connections, connections
from django.utils import timezone

logger = logging.getLogger(__name__)

OURS = ("metrics_app.", "pipelines_app.", "hms_gov.")
QUEUES = ("watch", "slow")  # those whose workers call what is theirs
LOOK_EVERY = 5  # seconds between two looks whether somebody has changed the timetable
PAUSE = 1.0  # seconds until it goes on after an error
KEEP = 600  # seconds that a connection to the database is kept
ELSEWHERE = ("exchange", "routing_key", "countdown", "eta")  # options that say more than a queue


class OwnQueue:
    """Over a scheduler of beat: one that calls ``run(task, entry)`` for the tasks of its queue.

    ``sends``: whether it also sends what belongs to no queue that is served so; one process of a
    site does.
    """

    producer = None  # a task that is sent takes a connection of the pool; none is kept for it

    def __init__(self, *args, queue, sends, run, **options):
        self.queue, self.sends, self.run, self.next_look = queue, sends, run, 0.0
        super().__init__(*args, **options)

    def schedule_changed(self):
        """Whether the rows are others than those it read; asked for at most each ``LOOK_EVERY`` s."""
        if time.monotonic() < self.next_look:
            return False
        self.next_look = time.monotonic() + LOOK_EVERY
        return super().schedule_changed()

    def populate_heap(self, *args, **options):
        """What comes next, of what is this one's."""
        super().populate_heap(*args, **options)
        self._heap = [event for event in self._heap if self.is_mine(event[2])]
        heapq.heapify(self._heap)

    def is_mine(self, entry):
        """Whether this process calls or sends it."""
        queue = self.find_queue(entry)
        return queue == self.queue or (self.sends and queue is None)

    def find_queue(self, entry):
        """The queue of a task that is called where that is served; None of one that is sent."""
        is_plain = not any(entry.options.get(name) is not None for name in ELSEWHERE)
        if not (is_plain and entry.task.startswith(OURS) and entry.task in self.app.tasks):
            return None
        queue = entry.options.get("queue")
        if queue is None:
            queue = self.app.amqp.router.route({}, entry.task)["queue"].name
        return queue if queue in QUEUES else None

    def apply_entry(self, entry, producer=None):
        """Calls it, or sends it."""
        if self.find_queue(entry) != self.queue:
            super().apply_entry(entry, producer=producer)
            return
        self.run(self.app.tasks[entry.task], entry)
        # When each was last called is kept, as of those that are sent.
        if self.should_sync():
            self._do_sync()


class Calls:
    """Calls of tasks in this process: at once, or in so many threads, in which none waits twice."""

    def __init__(self, threads=0):
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="timetable") if threads else None
        self.waiting, self.lock = set(), threading.Lock()

    def run(self, task, entry):
        """Calls a task; with threads as soon as one is free, unless that is after it expires."""
        if self.pool is None:
            call(task, entry)
            return
        with self.lock:
            if entry.name in self.waiting:
                return
            self.waiting.add(entry.name)
        self.pool.submit(self.run_in_time, task, entry, find_deadline(entry))

    def run_in_time(self, task, entry, deadline):
        """In a thread of the pool."""
        with self.lock:
            self.waiting.discard(entry.name)
        if time.monotonic() < deadline:
            call(task, entry)

    def stop(self):
        """Returns once what was begun is done; what waits comes again with the next start."""
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)


def find_deadline(entry):
    """The monotonic seconds after which a task need not be begun any more."""
    expires = entry.options.get("expires")
    if isinstance(expires, datetime.datetime):
        expires = (expires - timezone.now()).total_seconds()
    return float("inf") if expires is None else time.monotonic() + expires


def call(task, entry):
    """Calls a task; what goes wrong in it is told, and it is called again when it is due again."""
    try:
        task(*entry.args, **entry.kwargs)
    except Exception:
        logger.exception("The task %s failed", entry.task)
    finally:
        close_old_connections()


def make_scheduler(app, *, queue, run, sends):
    """The scheduler that the settings name, for one queue."""
    timetable = type("OwnTimetable", (OwnQueue, symbol_by_name(app.conf.beat_scheduler)), {})
    # Of one that keeps it in a file each process has its own.
    file = f"{app.conf.beat_schedule_filename}-{queue}"
    return timetable(app=app, schedule_filename=file, queue=queue, run=run, sends=sends)


class Timetable(threading.Thread):
    """Goes by the timetable of a queue until it is told to stop."""

    def __init__(self, app, *, queue, threads=0, sends=False):
        super().__init__(name="timetable", daemon=True)
        self.app, self.queue, self.sends = app, queue, sends
        self.calls, self.stopped = Calls(threads), threading.Event()

    def run(self):
        """In the thread."""
        keep_connections()
        scheduler, pause = None, 0.0
        while not self.stopped.wait(pause):
            try:
                scheduler = scheduler or self.make()
                pause = scheduler.tick()
            except Exception:
                logger.exception("The timetable is gone on with in %g s", PAUSE)
                pause = PAUSE
        if scheduler is not None:
            scheduler.close()

    def make(self):
        """Its scheduler."""
        return make_scheduler(self.app, queue=self.queue, run=self.calls.run, sends=self.sends)

    def stop(self):
        """Returns once what was begun is done."""
        self.stopped.set()
        self.join()
        self.calls.stop()


def keep_connections():
    """Keeps connections to the database between two tasks, where the settings say nothing of it."""
    for settings in connections.settings.values():
        if settings["CONN_MAX_AGE"] == 0:
            settings["CONN_MAX_AGE"] = KEEP
