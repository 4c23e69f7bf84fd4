"""Closes a SQLite database for writing, for every process, also for those that have it open.

A trigger on each table names a table that does not exist, so that each write fails as on a
broken database (OperationalError) and says why. RAISE would be an IntegrityError, which code
takes for a row that is there already.
"""

from django.db import transaction

from hms_gov.moving.tables import MIGRATIONS, list_models

PREFIX = "moved_away_"
REASON = "all of this was moved to PostgreSQL; set DATABASE_URL and start again"


def close(source):
    """Refuses every write from the end of the transaction on."""
    quote = source.ops.quote_name
    with source.cursor() as cursor:
        for table in [*(model._meta.db_table for model in list_models()), MIGRATIONS]:
            for event in ("insert", "update", "delete"):
                cursor.execute(
                    f"CREATE TRIGGER IF NOT EXISTS {quote(f'{PREFIX}{event}_{table}')} BEFORE {event}"
                    f" ON {quote(table)} BEGIN SELECT 1 FROM {quote(REASON)}; END"
                )


def reopen(source):
    """Takes writes again."""
    with transaction.atomic(using=source.alias), source.cursor() as cursor:
        for name in list_triggers(source):
            cursor.execute(f"DROP TRIGGER {source.ops.quote_name(name)}")


def is_closed(source):
    """Whether writes are refused."""
    return bool(list_triggers(source))


def list_triggers(source):
    """The names of the triggers that refuse writes."""
    with source.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, %s) = %s",
            [len(PREFIX), PREFIX],
        )
        return [row[0] for row in cursor.fetchall()]
