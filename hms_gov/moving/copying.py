"""Rows from one database into the other, in bounded memory."""

from django.core.management.color import no_style
from django.db import DataError, IntegrityError

from hms_gov.moving.errors import NotMovable
from hms_gov.moving.tables import list_fields, list_models

SHOWN = 10_000  # rows between two looks at the progress


def clear(target):
    """Empties the target of what `migrate` put there: kinds and permissions keep their old numbers."""
    tables = ", ".join(target.ops.quote_name(model._meta.db_table) for model in list_models())
    with target.cursor() as cursor:
        cursor.execute(f"TRUNCATE {tables}")


def copy_table(source, target, model, on_rows):
    """Copies the rows of a model as they stand; how many. NotMovable names one that does not fit.

    PostgreSQL reads times, JSON, UUIDs and truth values from the texts and numbers that stand in SQLite.
    """
    names = ", ".join(source.ops.quote_name(field.column) for field in list_fields(model))
    table, at = source.ops.quote_name(model._meta.db_table), 0
    with source.cursor() as reader, target.cursor() as writer:
        reader.execute(f"SELECT {names} FROM {table}")
        try:
            with target.wrap_database_errors, writer.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for at, row in enumerate(reader, 1):
                    copy.write_row(row)
                    if at % SHOWN == 0:
                        on_rows(SHOWN)
        except (DataError, IntegrityError) as error:
            raise NotMovable(f"{explain(error, model, at)} Mend it in SQLite and run this again.") from None
    on_rows(at % SHOWN)
    return at


def explain(error, model, at):
    """What does not fit, and where."""
    message, _, context = str(error).strip().partition("\n")
    where = context.removeprefix("CONTEXT:").strip() or f"table {model._meta.db_table}, row {at}"
    return f"PostgreSQL refuses a row: {message} ({where})."


def reset_sequences(target):
    """New rows get numbers behind those that were copied."""
    with target.cursor() as cursor:
        for statement in target.ops.sequence_reset_sql(no_style(), list_models()):
            cursor.execute(statement)
