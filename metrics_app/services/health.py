"""How each part of the service is: for ``/readyz``, ``manage.py check_ready`` and whoever else watches it.

A part is ``{"ok": bool, …}`` with what else there is to say, and no secret in it: nor a number of points,
notices or entries, for everybody reads it, and a number over all topics tells what the hidden ones do.
"""

import logging

from django.db import DatabaseError, connection
from redis.exceptions import ResponseError

from metrics_app import queries
from metrics_app.connection import get_redis, guard
from metrics_app.core.faults import explain_closed
from metrics_app.exceptions import BusUnavailable
from metrics_app.models import Topic
from metrics_app.queries import worked
from metrics_app.services import ages
from metrics_app.services.archive import read_health, read_losses
from metrics_app.services.notices import read_notice_health
from metrics_app.services.readiness import read_added_parts

logger = logging.getLogger(__name__)

MAX_BEHIND = 30  # seconds; a collector that restarts is back long before


def read_parts():
    """``{part: {"ok": bool, …}}`` of all parts, those that the project adds with them."""
    parts = {"database": check_database(), "redis": check_redis(), "collector": check_collector()}
    since = read_ages()
    parts[ages.EVALUATOR] = ages.describe_age(ages.EVALUATOR, since)
    archiver, notices = check_archiver(parts["database"]), check_notices(parts["database"])
    parts[ages.ARCHIVER] = archiver | ages.describe_age(ages.ARCHIVER, since)
    parts[ages.NOTICES] = notices | ages.describe_age(ages.NOTICES, since)
    return parts | read_added_parts()


def read_ages():
    """``{part: seconds}`` since each last worked; None while Redis does not answer."""
    try:
        return worked.read_ages()
    except BusUnavailable:
        return None


def check_database():
    """Whether SQL answers and takes writes; one that was closed for them says why."""
    try:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                # Planning a write is enough to meet the triggers that refuse it.
                cursor.execute(f"EXPLAIN DELETE FROM {connection.ops.quote_name(Topic._meta.db_table)}")
            elif connection.vendor == "postgresql":
                cursor.execute("SHOW transaction_read_only")
                if cursor.fetchone()[0] == "on":
                    # As a standby is, or one that an operator closed.
                    return {"ok": False, "message": "takes no writes: it is read-only"}
            else:
                cursor.execute("SELECT 1")
    except DatabaseError as error:
        logger.error("The database does not answer: %s", error)
        return {"ok": False, "message": explain_closed(error) or "does not answer"}
    return {"ok": True, "engine": connection.vendor}


def check_redis():
    """Whether Redis answers, which server it is, and how soon it puts on disk what it acknowledges."""
    try:
        with guard():
            get_redis().ping()
            server, policy = read_server(), read_fsync_policy()
    except BusUnavailable as error:
        logger.error("%s", error)
        return {"ok": False, "message": "does not answer"}
    return {"ok": True, "server": server, "appendfsync": policy}


def read_server():
    """Name and version: ``Redis 8.0.2``, ``Valkey 9.1.2``, or unknown (a server that does not tell)."""
    try:
        facts = get_redis().info("server")
    except ResponseError:
        return "unknown"
    # Valkey also states the version of Redis it behaves like.
    if version := facts.get("valkey_version"):
        return f"Valkey {as_text(version)}"
    return f"Redis {as_text(facts['redis_version'])}" if "redis_version" in facts else "unknown"


def read_fsync_policy():
    """always, everysec, no, off (no append-only file) or unknown (a server that does not tell)."""
    try:
        config = get_redis().config_get("append*")
    except ResponseError:
        return "unknown"
    texts = {as_text(name): as_text(value) for name, value in config.items()}
    return texts.get("appendfsync", "unknown") if texts.get("appendonly") == "yes" else "off"


def as_text(value):
    """A reply of Redis as text, whichever way the connection decodes."""
    return value.decode() if isinstance(value, bytes) else value


def check_collector():
    """How far the worst shard's collected-through mark lies behind Redis' clock, in seconds."""
    try:
        marks, now = queries.collected_through(), queries.redis_now()
    except BusUnavailable:
        return {"ok": False, "message": "unknown while redis does not answer"}
    shard, mark = min(marks.items(), key=lambda item: item[1], default=(0, 0))
    if not mark:
        return {"ok": False, "message": "has never run", "shard": shard}
    behind = max(0.0, (now - mark) / 1000)
    return {"ok": behind <= MAX_BEHIND, "behind_seconds": round(behind, 3), "shard": shard}


def check_archiver(database):
    """How long the archiver is awaited; a warning before the oldest is dropped, and for a day after a loss.

    A site that is behind with its history still takes points and shows them: that much keeps it ready.
    """
    try:
        health = read_health()
    except BusUnavailable:
        return {"ok": True, "message": "unknown while redis does not answer"}
    found = {"ok": True, "behind_seconds": round(health.behind, 3)}
    losses = read_losses() if database["ok"] else None
    warnings = [part.warning for part in (health, losses) if part and part.warning]
    return found | ({"warning": "; ".join(warnings)} if warnings else {})


def check_notices(database):
    """Whether notices wait for long or were given up: a warning, for the site is ready all the same."""
    if not database["ok"]:
        return {"ok": True, "message": "unknown while the database does not answer"}
    health = read_notice_health()
    return {"ok": True} | ({"warning": health.warning} if health.warning else {})
