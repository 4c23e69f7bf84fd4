"""Roll-ups in SQL: reading and writing many at once, by key."""

import math

from django.db import connection

from metrics_app.core import sketch as sketches
from metrics_app.core.buckets import Summary

COLUMNS = "topic, start, generation, count, sum, m2, min, max, sketch"
TYPES = ("int4", "int8", "int4", "int8", *["float8"] * 4, "bytea")
UPDATES = (
    "count = excluded.count, sum = excluded.sum, m2 = excluded.m2, min = excluded.min, max = excluded.max"
)
STATEMENT = 500  # rows of one statement
COPIED = 200  # rows from which on PostgreSQL takes them faster by COPY
WAITING = "rollups_to_write"  # a table of the session alone


def read_rollups(model, keys):
    """``{(topic, start, generation): Summary}`` of the keys that exist."""
    found = {}
    table, keys = connection.ops.quote_name(model._meta.db_table), list(keys)
    for at in range(0, len(keys), STATEMENT):
        part = keys[at : at + STATEMENT]
        values = ", ".join(["(%s, %s, %s)"] * len(part))
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH k (a, b, c) AS (VALUES {values}) SELECT {COLUMNS} FROM k JOIN {table}"
                " ON topic = k.a AND start = k.b AND generation = k.c",
                [number for row in part for number in row],
            )
            found |= {row[:3]: unpack_row(row) for row in cursor.fetchall()}
    return found


def read_spans(model, spans, step):
    """``{(topic, start, generation): Summary}`` of all rows in spans ``(topic, first start, generation)``."""
    found = {}
    table, spans = connection.ops.quote_name(model._meta.db_table), list(spans)
    for at in range(0, len(spans), STATEMENT):
        part = spans[at : at + STATEMENT]
        values = ", ".join(["(%s, %s, %s)"] * len(part))
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH k (a, b, c) AS (VALUES {values}) SELECT {COLUMNS} FROM k JOIN {table}"
                f" ON topic = k.a AND start >= k.b AND start < k.b + {step} AND generation = k.c",
                [number for row in part for number in row],
            )
            found |= {row[:3]: unpack_row(row) for row in cursor.fetchall()}
    return found


def write_rollups(model, rows):
    """Writes ``{(topic, start, generation): Summary}`` over what is there. Call inside a transaction."""
    write_rows(model, [(*key, *pack_summary(summary)) for key, summary in rows.items()])


def write_rows(model, rows):
    """The same of tuples of COLUMNS, packed already."""
    table = connection.ops.quote_name(model._meta.db_table)
    if connection.vendor == "sqlite":
        many_rows(table, rows)
    elif connection.vendor == "postgresql" and len(rows) >= COPIED:
        copy_rows(table, rows)
    else:
        insert_rows(table, rows)


def many_rows(table, rows):
    """Writes rows of COLUMNS one by one with one prepared statement: SQLite has no round trips to save."""
    places = ", ".join(["%s"] * len(TYPES))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {table} ({COLUMNS}) VALUES ({places}) {replace_smaller(table)}", rows
        )


def insert_rows(table, rows):
    """Writes rows of COLUMNS as values of statements."""
    for at in range(0, len(rows), STATEMENT):
        part = rows[at : at + STATEMENT]
        values = ", ".join(["(%s, %s, %s, %s, %s, %s, %s, %s, %s)"] * len(part))
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} ({COLUMNS}) VALUES {values} {replace_smaller(table)}",
                [value for row in part for value in row],
            )


def copy_rows(table, rows):
    """Writes rows of COLUMNS by COPY, which knows no ON CONFLICT: by way of a table beside it."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {WAITING} (LIKE {table}) ON COMMIT DELETE ROWS")
        with cursor.copy(f"COPY {WAITING} ({COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(TYPES)
            for row in rows:
                copy.write_row(row)
        cursor.execute(
            f"INSERT INTO {table} ({COLUMNS}) SELECT {COLUMNS} FROM {WAITING} {replace_smaller(table)}"
        )
        # The same transaction may write hours and days as well.
        cursor.execute(f"TRUNCATE {WAITING}")


def replace_smaller(table):
    """What becomes of a row that is there: whatever goes wrong elsewhere, an archived one never shrinks."""
    return (
        f"ON CONFLICT (topic, start, generation) DO UPDATE SET {UPDATES}, sketch = excluded.sketch"
        f" WHERE excluded.count >= {table}.count"
    )


def pack_summary(summary):
    """The columns of a Summary; what has left the floats for NaN is null, SQLite knows no NaN."""
    sketch = sketches.Sketch.of(summary.values) if summary.sketch is None else summary.sketch
    total, m2 = (None if math.isnan(number) else number for number in (summary.sum, summary.m2))
    return int(summary.count), total, m2, summary.min, summary.max, sketch.pack()


def unpack_row(row):
    """The Summary of a row, with its sketch."""
    _, _, _, count, total, m2, low, high, packed = row
    total, m2 = (math.nan if number is None else number for number in (total, m2))
    return Summary(count, total, m2, low, high, None, sketches.unpack(bytes(packed)))
