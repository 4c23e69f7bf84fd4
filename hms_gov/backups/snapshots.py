"""What the snapshots of both databases have in common."""

from contextlib import contextmanager
from datetime import UTC, datetime

from hms_gov.moving.tables import MIGRATIONS


class Snapshot:
    """A connection that holds back the archiver, and one that sees one moment until ``close``."""

    begin_holding = hold = begin_reading = pin = ""  # SQL of each kind of database

    def __init__(self, connection):
        self.holder, self.reader = connection.copy(), connection.copy()

    @contextmanager
    def hold_history(self):
        """Nobody writes history, and none that was written is uncommitted."""
        try:
            run(self.holder, self.begin_holding, self.hold)
            yield
        finally:
            self.holder.close()

    def begin(self):
        """The moment as of which ``reader`` sees everything: what was committed before it is there."""
        moment = datetime.now(UTC)
        run(self.reader, self.begin_reading, self.pin)
        return moment

    def read_migrations(self):
        """``["app.name", …]`` of all that were applied."""
        return read_migrations(self.reader)

    def close(self):
        """Lets the moment go."""
        self.holder.close()
        self.reader.close()


def run(connection, *statements):
    """Runs statements one after the other."""
    with connection.cursor() as cursor:
        for statement in filter(None, statements):
            cursor.execute(statement)


def read_migrations(connection):
    """``["app.name", …]`` of all that were applied; none where the database is new."""
    with connection.cursor() as cursor:
        if MIGRATIONS not in connection.introspection.table_names(cursor):
            return []
        cursor.execute(f"SELECT app, name FROM {connection.ops.quote_name(MIGRATIONS)}")
        return sorted(f"{app}.{name}" for app, name in cursor.fetchall())
