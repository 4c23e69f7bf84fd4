"""``/healthz`` and ``/readyz``: for orchestrators, open to all, without secrets."""

import logging

from django.db import DatabaseError, connection
from redis.exceptions import ResponseError
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.response import Response

from metrics_app import queries
from metrics_app.api.base import ApiView
from metrics_app.api.documented import operation
from metrics_app.connection import get_redis, guard
from metrics_app.core.faults import explain_closed
from metrics_app.exceptions import BusUnavailable
from metrics_app.models import Topic
from metrics_app.outages import outages
from metrics_app.services.archive import read_health, read_losses
from metrics_app.services.notices import read_notice_health
from metrics_app.services.readiness import read_added_parts

logger = logging.getLogger(__name__)

MAX_BEHIND = 30  # seconds; a collector that restarts is back long before


class OrchestratorView(ApiView):
    """Open to all, and read only; any parameter will do: balancers add their own."""

    authentication_classes = []
    permission_classes = [AllowAny]
    http_method_names = ["get", "head"]
    takes_any_parameter = True


class HealthSerializer(serializers.Serializer):
    """The process answers."""

    status = serializers.ChoiceField(["ok"])


class ReadinessSerializer(serializers.Serializer):
    """Each part by name."""

    status = serializers.ChoiceField(["ok", "unavailable"])
    parts = serializers.DictField(
        child=serializers.DictField(), help_text="`ok` of each, and what else there is to say."
    )


class HealthView(OrchestratorView):
    """Liveness."""

    @operation("show_health", "200 while the process answers at all", answers={200: HealthSerializer})
    def get(self, request):
        """Nothing is asked of anybody else."""
        return Response({"status": "ok"})


class ReadinessView(OrchestratorView):
    """Readiness."""

    @operation(
        "show_readiness",
        "Each part by name; 503 unless all are well",
        answers={200: ReadinessSerializer, 503: ReadinessSerializer},
    )
    def get(self, request):
        """The parts as they are now."""
        parts = {"database": check_database(), "redis": check_redis(), "collector": check_collector()}
        parts["archiver"] = check_archiver(parts["database"])
        parts["notices"] = check_notices(parts["database"])
        parts |= read_added_parts()
        outages.see_readiness(parts)
        ready = all(part["ok"] for part in parts.values())
        answer = {"status": "ok" if ready else "unavailable", "parts": parts}
        return Response(answer, status=200 if ready else 503)


def check_database():
    """Whether SQL answers and takes writes; one that was closed for them says why."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            if connection.vendor == "sqlite":
                # Planning a write is enough to meet the triggers that refuse it.
                cursor.execute(f"EXPLAIN DELETE FROM {connection.ops.quote_name(Topic._meta.db_table)}")
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
    """How much waits for the archiver; a warning before the oldest is dropped, and for a day after a loss.

    A site that is behind with its history still takes points and shows them: it stays ready.
    """
    try:
        health = read_health()
    except BusUnavailable:
        return {"ok": True, "message": "unknown while redis does not answer"}
    found = {"ok": True, "behind_seconds": round(health.behind, 3), "late_points": health.late}
    losses = read_losses() if database["ok"] else None
    if losses:
        found["lost_points"] = sum(losses.by_shard.values())
    warnings = [part.warning for part in (health, losses) if part and part.warning]
    return found | ({"warning": "; ".join(warnings)} if warnings else {})


def check_notices(database):
    """How many notices wait and how many were given up; a warning, for the site is ready all the same."""
    if not database["ok"]:
        return {"ok": True, "message": "unknown while the database does not answer"}
    health = read_notice_health()
    found = {"ok": True, "waiting": health.waiting, "failed": health.failed}
    return found | ({"warning": health.warning} if health.warning else {})
