"""What stands in the database: migrations, receivers, keys, KPIs."""

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from metrics_app.core.text.counts import count_words
from metrics_app.models import ApiKey, Kpi
from metrics_app.services.doctor.findings import NOTE, TODO, Finding
from metrics_app.services.notices.health import read_standings

SHOWN = 5  # names in a message
MANY = 100  # notices that wait for one receiver


def judge_migrations():
    """Whether the tables are those of this version."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not plan:
        return []
    names = tell_names([f"{migration.app_label}.{migration.name}" for migration, _ in plan])
    return [Finding(TODO, "database", f"Migrations are not applied: {names}.", "Run `manage.py migrate`.")]


def judge_receivers():
    """Receivers that take nothing, or more slowly than it comes."""
    findings = []
    for standing in read_standings():
        wait = count_words(standing.waiting, "notice waits", "notices wait")
        if standing.down:
            message = (
                f"The receiver {standing.name} has taken nothing for {standing.down / 60:.0f} min, {wait}."
            )
            todo = "The admin says why, under Receivers; mend it, then Try again there."
            findings.append(Finding(TODO, "receivers", message, todo))
        elif standing.waiting > MANY:
            message = f"The receiver {standing.name} is slow: {wait}."
            todo = "See whether it answers in time; group its notices (group wait), or ask it for less."
            findings.append(Finding(TODO, "receivers", message, todo))
    return findings


def judge_keys():
    """Keys in use whose maker's account is gone or off. A key has no end of its own: it ends when revoked."""
    keys = ApiKey.objects.filter(revoked_at=None).exclude(created_by__is_active=True)
    names = [str(key) for key in keys.filter(created_by__isnull=False).order_by("name")]
    if not names:
        return []
    message = f"API keys count on, though the account of who made them is off: {tell_names(names)}."
    todo = "Revoke in the admin those that the person knew, and give their programs new ones."
    return [Finding(NOTE, "keys", message, todo)]


def judge_kpis():
    """KPIs that nobody answers for."""
    topics = list(Kpi.objects.filter(owner=None).order_by("topic").values_list("topic", flat=True))
    if not topics:
        return []
    message = f"{count_words(len(topics), 'KPI has', 'KPIs have')} no owner: {tell_names(topics)}."
    if len(topics) == 1:
        message = f"The KPI {topics[0]} has no owner."
    return [Finding(NOTE, "kpis", message, "Choose in the admin the group that answers for it.")]


def tell_names(names):
    """``a, b and 3 more``."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
