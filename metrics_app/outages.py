"""One line in the log when a part is away, one when it is back: database, Redis, channel layer, broker.

``OutageFilter`` stands on the handlers of a project's ``LOGGING``. It knows an outage by the exception
that a message carries, as ``exc_info`` or among its arguments; the first becomes one line without a
traceback, the others are counted, and a thread asks the part each second until it answers. An error of
any other kind passes as it is, also while a part is away.
"""

import logging
import os
import sqlite3
import threading
import time

import kombu.exceptions
import redis
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from kombu import Connection

from metrics_app import conf
from metrics_app.connection import get_redis, guard
from metrics_app.core.outages import Part
from metrics_app.exceptions import BusUnavailable

logger = logging.getLogger(__name__)

PAUSE = 1.0  # seconds between two looks at a part that is away
PATIENCE = 5  # seconds a look may take
# SQLSTATEs of a server that takes nobody: faults of the connection, too many of them, shut down.
AWAY = ("08", "53300", "57P")
DATABASE, REDIS, LAYER, BROKER = "database", "redis", "layer", "broker"
NAMES = {DATABASE: "The database", REDIS: "Redis", LAYER: "The channel layer", BROKER: "The broker"}
# Raised in the place of another error without naming it as their cause.
WRAPPERS = ("SchedulingError",)
# What these say without an exception while the part is away is about nothing else.
ECHOES = {BROKER: ("celery.beat", "celery.worker.consumer", "kombu")}


class Outages:
    """The parts of this process; ``look`` asks one of them and raises while it does not answer."""

    def __init__(self, look=None, clock=time.monotonic):
        self.look, self.clock = look or look_at, clock
        self.parts, self.lock = {}, threading.RLock()

    def judge(self, record):
        """Whether a record is to be written; the first of an outage is told in its one line instead."""
        if not hasattr(record, "outage"):
            # Only once, however many handlers there are.
            kind, error = find_outage(record)
            record.outage = self.note(record, kind, error) if kind else not self.is_echo(record)
        return record.outage

    def note(self, record, kind, error):
        """Counts a failure of a part and tells of the first; False, for the record itself is held back."""
        with self.lock:
            part = self.find_part(kind)
            news = part.fail(record.name, self.clock())
        if news:
            tell_away(part, error)
        self.watch(kind)
        return False

    def find_part(self, kind):
        """The Part of a kind; kinds that share a server are one."""
        address = find_address(kind) or kind
        return self.parts.setdefault(address, Part(NAMES[REDIS if address == find_address(REDIS) else kind]))

    def is_echo(self, record):
        """Whether a record without an exception only repeats that a part is away."""
        if getattr(record, "status_code", None) == 503 and not record.exc_info:
            return self.hold(record, list(self.parts.values()))
        for kind, names in ECHOES.items():
            if record.name.startswith(names) and record.levelno <= logging.WARNING and not record.exc_info:
                return self.hold(record, [self.find_part(kind)])
        return False

    def hold(self, record, parts):
        """Counts a record with the first of some parts that is away, or was just now; False where none is."""
        for part in parts:
            if part.is_disturbed(self.clock()):
                part.held[record.name] += 1
                return True
        return False

    def watch(self, kind):
        """Starts the thread that sees a part come back, where none runs."""
        with self.lock:
            part = self.find_part(kind)
            if part.watched:
                return
            part.watched = True
        threading.Thread(target=self.follow, args=(kind,), name=f"outage of {kind}", daemon=True).start()

    def follow(self, kind):
        """Looks until the part answers; what seemed a straggler is told once the part is found away."""
        while error := self.ask(kind):
            with self.lock:
                part = self.find_part(kind)
                news = part.stay_away(self.clock())
            if news:
                tell_away(part, error)
            time.sleep(PAUSE)
        with self.lock:
            part = self.find_part(kind)
            part.watched = False
            told = part.come_back(self.clock())
        if told:
            logger.warning("%s", told, extra={"outage": True})

    def ask(self, kind):
        """The error of a look at a part, None where it answers."""
        try:
            self.look(kind)
        # A driver may be any package, and whatever it says of its server, the server does not answer.
        except Exception as error:
            return error
        return None


def tell_away(part, error):
    """Logs ``Redis is away: Error 111 …``, in one line."""
    reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    text = f"{part.name} is away: {reason}. What fails because of it is held back until it answers."
    logger.error("%s", text, extra={"outage": True})


def find_outage(record):
    """``(kind, error)`` of a record that tells of a part that is away; ``(None, None)`` of any other."""
    told = [record.exc_info[1]] if record.exc_info and record.exc_info[1] else []
    told += [each for each in record.args if isinstance(each, BaseException)] if record.args else []
    if fault := getattr(record, "fault", None):
        told.append(fault)
    for error in told:
        while error is not None:
            if kind := find_kind(error, record.name):
                return kind, error
            named = error.__cause__
            error = error.__context__ if named is None and type(error).__name__ in WRAPPERS else named
    return None, None


def find_kind(error, source):
    """Which part an exception says is away, or None; ``source`` is the logger that tells of it."""
    if isinstance(error, (OperationalError, InterfaceError)):
        return DATABASE if is_database_away(error) else None
    if isinstance(error, kombu.exceptions.OperationalError):
        return BROKER
    of_celery = source.startswith(("celery", "kombu")) and source != "celery.app.trace"
    if isinstance(error, BusUnavailable):
        return REDIS
    if isinstance(error, (redis.ConnectionError, redis.TimeoutError)):
        if of_celery:
            return BROKER
        return LAYER if source.startswith("channels_redis") else REDIS
    return BROKER if of_celery and isinstance(error, OSError) else None


def is_database_away(error):
    """Whether a database error is about the connection: not about locks, tables or values."""
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return "unable to open database file" in str(cause)
    state = getattr(cause, "sqlstate", None)
    return state is None or state.startswith(AWAY)


def find_address(kind):
    """The URL of a part that may be the same server as another; None of the database."""
    if kind == REDIS:
        return conf.get("REDIS_URL")
    return {LAYER: find_layer_url, BROKER: find_broker_url}.get(kind, lambda: None)()


def find_layer_url():
    """The URL of the channel layer's first host, or None where it has none."""
    hosts = getattr(settings, "CHANNEL_LAYERS", {}).get("default", {}).get("CONFIG", {}).get("hosts") or [
        None
    ]
    return hosts[0] if isinstance(hosts[0], str) else None


def find_broker_url():
    """Celery's broker as the project's settings name it, or None."""
    return getattr(settings, "CELERY_BROKER_URL", None)


def look_at(kind):
    """Asks a part; whatever its driver raises while it does not answer."""
    LOOKS[kind]()


def look_at_database():
    """In a connection of this thread alone, given back at once."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


def look_at_redis():
    """BusUnavailable while it does not answer."""
    with guard():
        get_redis().ping()


def look_at_layer():
    """A layer that is no Redis is taken for back: what fails in it tells of it again."""
    if url := find_layer_url():
        with redis.Redis.from_url(url, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE) as client:
            client.ping()


def look_at_broker():
    """A project that names its broker elsewhere: as the layer."""
    if url := find_broker_url():
        with Connection(url, connect_timeout=PATIENCE) as broker:
            broker.ensure_connection(max_retries=1, timeout=PATIENCE)


LOOKS = {
    DATABASE: look_at_database,
    REDIS: look_at_redis,
    LAYER: look_at_layer,
    BROKER: look_at_broker,
}


class OutageFilter(logging.Filter):
    """Holds back what a part that is away makes others say."""

    def filter(self, record):
        """Whether the record is written."""
        return outages.judge(record)


def hush(logger):
    """Puts the filter on the handlers of a logger that was not configured by ``LOGGING``."""
    for handler in logger.handlers:
        if not any(isinstance(each, OutageFilter) for each in handler.filters):
            handler.addFilter(OutageFilter())


outages = Outages()
# The child of a fork has no thread that watches, and a lock that another thread held would stay locked.
os.register_at_fork(after_in_child=outages.__init__)
