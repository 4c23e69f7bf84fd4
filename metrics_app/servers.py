"""The servers a process stands on: which of them an exception says is away, and how each is asked."""

import sqlite3

import kombu.exceptions
import redis
from django.conf import settings
from django.db import Error, InterfaceError, OperationalError, connection
from kombu import Connection

from metrics_app import conf
from metrics_app.connection import get_redis, guard, ping
from metrics_app.core.faults import explain_closed
from metrics_app.exceptions import BusUnavailable

PATIENCE = 5  # seconds a look may take
# SQLSTATEs of a server that takes nobody: faults of the connection, too many of them, shut down.
AWAY = ("08", "53300", "57P")
# Of one that answers and takes no writes: read-only (a standby), full, with a disk that fails, or locked by
# somebody for longer than its clients wait.
WRITELESS = ("25006", "53100", "58030", "55P03")
REFUSALS = (
    "attempt to write a readonly database",
    "database or disk is full",
    "disk I/O error",
    "database is locked",
    "database table is locked",
)
BUSY_TIMEOUT = 5.0  # seconds that SQLite waits for a lock where no setting says otherwise
DATABASE, WRITES, REDIS, LAYER, BROKER = "database", "writes", "redis", "layer", "broker"
NAMES = {
    DATABASE: "The database",
    WRITES: "The database for writing",
    REDIS: "Redis",
    LAYER: "The channel layer",
    BROKER: "The broker",
}
# Raised in the place of another error without naming it as their cause.
WRAPPERS = ("SchedulingError",)


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
    if is_database_away(error):
        return DATABASE
    if refuses_writes(error):
        return WRITES
    if isinstance(error, Error):
        return None
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
    """Whether an error is the database's, and about the connection: not about locks, tables or values."""
    if not isinstance(error, (OperationalError, InterfaceError)):
        return False
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return "unable to open database file" in str(cause)
    state = getattr(cause, "sqlstate", None)
    return state is None or state.startswith(AWAY)


def refuses_writes(error):
    """Whether an error says that the database takes no writes, whatever it is asked to write."""
    if not isinstance(error, Error):
        return False
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return bool(explain_closed(cause)) or any(words in str(cause) for words in REFUSALS)
    return getattr(cause, "sqlstate", None) in WRITELESS


def is_database_out(error):
    """Whether an error of the database is about no row and no table: it is away, or takes no writes."""
    return is_database_away(error) or refuses_writes(error)


def find_wait(error):
    """Seconds for which nothing had answered when a call failed; 0.0 where nobody knows."""
    while error is not None:
        if (waited := getattr(error, "waited", None)) is not None:
            return waited
        options = connection.settings_dict.get("OPTIONS", {})
        if getattr(error, "sqlite_errorname", "") == "SQLITE_BUSY":
            return float(options.get("timeout", BUSY_TIMEOUT))
        if type(error).__name__ == "ConnectionTimeout":  # psycopg's, which need not be installed
            return float(options.get("connect_timeout", 0))
        error = error.__cause__
    return 0.0


def find_address(kind):
    """The URL of a part that may be the same server as another; None of the database."""
    if kind == REDIS:
        return conf.get("REDIS_URL")
    return {LAYER: find_layer_url, BROKER: find_broker_url}.get(kind, lambda: None)()


def find_layer_url():
    """The URL of the channel layer's first host, or None where it has none."""
    layer = getattr(settings, "CHANNEL_LAYERS", {}).get("default", {})
    own = conf.get("REDIS_URL") if layer.get("BACKEND") == "metrics_app.layer.RedisLayer" else None
    hosts = layer.get("CONFIG", {}).get("hosts") or [own]
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


def look_at_writes():
    """As ``look_at_database``, writing a row as it stands: one that nobody else writes while a site runs."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE django_migrations SET app = app WHERE id = (SELECT MIN(id) FROM django_migrations)"
            )
    finally:
        connection.close()


def look_at_redis():
    """BusUnavailable while it does not answer."""
    with guard():
        get_redis().ping()


def look_at_layer():
    """A layer that is no Redis is taken for back: what fails in it tells of it again."""
    if url := find_layer_url():
        ping(url, connect=PATIENCE, answer=PATIENCE)


def look_at_broker():
    """A project that names its broker elsewhere: as the layer."""
    if url := find_broker_url():
        with Connection(url, connect_timeout=PATIENCE) as broker:
            broker.ensure_connection(max_retries=1, timeout=PATIENCE)


LOOKS = {
    DATABASE: look_at_database,
    WRITES: look_at_writes,
    REDIS: look_at_redis,
    LAYER: look_at_layer,
    BROKER: look_at_broker,
}
