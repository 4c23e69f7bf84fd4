"""PostgreSQL: each table by COPY, all of them in one transaction that sees one moment."""

from contextlib import contextmanager

from hms_gov.backups import snapshots
from hms_gov.backups.manifest import create
from hms_gov.moving.copying import clear
from hms_gov.moving.tables import count_rows, list_fields, list_models
from metrics_app.models import ShardHistory

PIECE = 1 << 20  # bytes


class Snapshot(snapshots.Snapshot):
    """As of one moment; others write on meanwhile, but for ``hold_history``."""

    begin_holding = "BEGIN"
    # Whoever writes history locks a row of it first, also one that is not there yet.
    hold = f'LOCK TABLE "{ShardHistory._meta.db_table}" IN EXCLUSIVE MODE'
    # What was committed before the first question is seen, and nothing that comes later.
    begin_reading, pin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "SELECT 1"

    @property
    def facts(self):
        """Up to which number each sequence has given out."""
        return {"sequences": read_sequences(self.reader)}

    def write(self, directory):
        """Writes each table to a file; ``{table: rows}``."""
        for model in list_models():
            with (
                create(directory / name_file(model)) as file,
                self.reader.cursor() as cursor,
                cursor.copy(f"COPY {describe_columns(self.reader, model)} TO STDOUT") as copy,
            ):
                for data in copy:
                    file.write(data)
        return {model._meta.db_table: count_rows(self.reader, model) for model in list_models()}


def name_file(model):
    """The file of a model's table."""
    return f"{model._meta.db_table}.copy"


def describe_columns(connection, model):
    """``"table" ("column", …)`` for COPY."""
    quoted = connection.ops.quote_name
    names = ", ".join(quoted(field.column) for field in list_fields(model))
    return f"{quoted(model._meta.db_table)} ({names})"


def read_sequences(connection):
    """``{table: [column, last number, whether it was given out]}``."""
    found = {}
    with connection.cursor() as cursor:
        for model in list_models():
            table = model._meta.db_table
            for row in connection.introspection.get_sequences(cursor, table):
                cursor.execute(f"SELECT last_value, is_called FROM {connection.ops.quote_name(row['name'])}")
                found[table] = [row["column"], *cursor.fetchone()]
    return found


@contextmanager
def attached(connection, directory):
    """Nothing to do: the files are read as they are."""
    yield


def load(connection, directory, database):
    """Makes every table what it was; inside a transaction."""
    clear(connection)
    with connection.cursor() as cursor:
        for model in list_models():
            with (
                (directory / name_file(model)).open("rb") as file,
                connection.wrap_database_errors,
                cursor.copy(f"COPY {describe_columns(connection, model)} FROM STDIN") as copy,
            ):
                while data := file.read(PIECE):
                    copy.write(data)
        # Numbers that were given to rows which are gone are given to no others.
        for table, (column, last, is_called) in database["sequences"].items():
            cursor.execute(
                "SELECT setval(pg_get_serial_sequence(%s, %s), %s, %s)", [table, column, last, is_called]
            )
