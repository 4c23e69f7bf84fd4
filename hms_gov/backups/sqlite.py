"""SQLite: the file as it was, copied by SQLite itself, and read back table by table in one transaction."""

import sqlite3
from contextlib import closing, contextmanager
from urllib.parse import quote

from hms_gov.backups import snapshots
from hms_gov.backups.manifest import create
from hms_gov.moving.tables import count_rows, list_fields, list_models

NAME = "database.sqlite3"
PIECE = 1_000  # pages of one step
KEPT = "kept"  # the name of the attached file


class Snapshot(snapshots.Snapshot):
    """As of one moment; others write on meanwhile, but for ``hold_history``."""

    # The write lock of the whole file, without a write.
    begin_holding = "BEGIN IMMEDIATE"
    begin_reading, pin = "BEGIN DEFERRED", "SELECT count(*) FROM sqlite_master"

    @property
    def facts(self):
        """Nothing: the file has it."""
        return {}

    def write(self, directory):
        """Copies the file; ``{table: rows}``."""
        path = directory / NAME
        create(path).close()
        with closing(sqlite3.connect(path)) as target:
            self.reader.connection.backup(target, pages=PIECE, sleep=0)
            # Else whoever opened it would leave two more files beside it.
            target.execute("PRAGMA journal_mode=DELETE")
        return {model._meta.db_table: count_rows(self.reader, model) for model in list_models()}


@contextmanager
def attached(connection, directory):
    """The backup's file beside the database, to be read only."""
    address = f"file:{quote(str((directory / NAME).resolve()))}?mode=ro&immutable=1"
    with connection.cursor() as cursor:
        cursor.execute(f"ATTACH DATABASE %s AS {KEPT}", [address])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DETACH DATABASE {KEPT}")


def load(connection, directory, database):
    """Makes every table what it was; inside a transaction, and ``attached``."""
    quoted = connection.ops.quote_name
    with connection.cursor() as cursor:
        for model in list_models():
            table = quoted(model._meta.db_table)
            names = ", ".join(quoted(field.column) for field in list_fields(model))
            cursor.execute(f"DELETE FROM main.{table}")
            cursor.execute(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM {KEPT}.{table}")
        # Numbers that were given to rows which are gone are given to no others.
        cursor.execute("DELETE FROM main.sqlite_sequence")
        cursor.execute(f"INSERT INTO main.sqlite_sequence SELECT * FROM {KEPT}.sqlite_sequence")
