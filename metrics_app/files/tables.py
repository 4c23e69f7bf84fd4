"""Tables of points, CSV or Parquet: read block by block, every fault named by line, field and value."""

import csv
import hashlib
from operator import itemgetter
from pathlib import Path

from metrics_app.core.points import check_topic
from metrics_app.core.rows import FIELDS, Checker, Surplus
from metrics_app.exceptions import BadInput
from metrics_app.files.csv_files import open_csv

try:
    # The optional extra `parquet`: 45 MB that most installations can do without.
    import pyarrow
    import pyarrow.parquet as parquet
except ImportError:
    pyarrow = parquet = None

BLOCK = 1_000  # rows


def is_parquet(path):
    """Whether a file is Parquet, by its first bytes."""
    with Path(path).open("rb") as file:
        return file.read(4) == b"PAR1"


def digest_file(path, columns, on_progress=lambda done: None, *, encoding=""):
    """A name for a file's content as read with these columns: hexadecimal SHA-256."""
    how = (*columns, encoding) if encoding else tuple(columns)
    digest = hashlib.sha256(repr(how).encode())
    with Path(path).open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
            on_progress(len(part))
    return digest.hexdigest()


def read_blocks(path, columns, *, now, max_future=5, skip=0, encoding=""):
    """Yields the Blocks of a table behind its first ``skip`` rows (a multiple of ``BLOCK``).

    ``now`` in ms; ``encoding`` of a CSV file, UTF-8 unless named. BadInput when it is no such table;
    what is wrong with a row is in its Block.
    """
    check_fixed(columns)
    if not is_parquet(path):
        rows = read_csv(path, columns, skip, encoding)
    elif encoding:
        raise BadInput("it is Parquet, whose texts are UTF-8: leave --encoding out", field="encoding")
    else:
        rows = read_parquet(path, columns, skip)
    checker, number = Checker(columns, now, max_future), skip
    while True:
        part = [row for _, row in zip(range(BLOCK), rows, strict=False)]
        if not part:
            return
        yield checker.check_block(number, part)
        number += len(part)


def check_fixed(columns):
    """BadInput unless the topic comes either from a column or from the caller."""
    if columns.fixed:
        check_topic(columns.fixed)
    elif not columns.topic:
        raise BadInput("there is neither a topic nor a column of topics: give --topic", field="topic")


def find_columns(names, columns):
    """``{field: position}`` of the columns that are there; BadInput for one that is missed."""
    found = {}
    for field in FIELDS:
        name = getattr(columns, field)
        if not name or (field == "topic" and columns.fixed):
            continue
        if names.count(name) > 1:
            raise BadInput(
                f"{names.count(name)} columns are called {name!r}: rename all but one", field=field
            )
        if name in names:
            found[field] = names.index(name)
        elif field != "id":
            raise BadInput(
                f"there is no column {name!r}, only {', '.join(map(repr, names)) or 'an empty file'}: "
                f"name the right one with --{field}-column"
                + (", or say --topic" if field == "topic" else ""),
                field=field,
            )
    return found


def read_csv(path, columns, skip, encoding=""):
    """Yields ``(line, topic, ts, value, id)`` of each row of a CSV file, as text; None where it has none.

    A row with more cells than the header has is Surplus in each.
    """
    with open_csv(path, encoding) as file:
        reader = csv.reader(file)
        try:
            header = next(reader, [])
            places, width = find_columns(header, columns), len(header)
            choose = itemgetter(*(places.get(field, width) for field in FIELDS))
            for row in reader:
                if not row:
                    continue
                if skip:
                    skip -= 1
                    continue
                if any(row[width:]):
                    yield reader.line_num, *[Surplus(row, width)] * len(FIELDS)
                    continue
                if len(row) != width:
                    row = (row + [""] * width)[:width]
                row.append(None)
                yield reader.line_num, *choose(row)
        except csv.Error as error:
            raise BadInput(f"line {reader.line_num} is not CSV: {error}") from None


def read_parquet(path, columns, skip):
    """Yields ``(row from 1, topic, ts, value, id)`` of each row of a Parquet file."""
    if parquet is None:
        raise BadInput("Parquet needs pyarrow: pip install 'hms-gov-metrics[parquet]'")
    try:
        with parquet.ParquetFile(path) as file:
            places = find_columns(file.schema_arrow.names, columns)
            names = {field: file.schema_arrow.names[place] for field, place in places.items()}
            number = 0
            for batch in file.iter_batches(columns=list(names.values())):
                missing = [None] * batch.num_rows
                cells = (list_cells(batch.column(names[f])) if f in names else missing for f in FIELDS)
                for row in zip(*cells, strict=True):
                    number += 1
                    if number > skip:
                        yield number, *row
    except pyarrow.ArrowException as error:
        raise BadInput(f"it is not a Parquet file that can be read: {error}") from None


def list_cells(column):
    """The cells of an Arrow column; times with a zone in ms, decimals as numbers."""
    if pyarrow.types.is_timestamp(column.type):
        if column.type.tz is None:
            raise BadInput("its times have no zone: write them as timestamp with UTC, or as milliseconds")
        column = column.cast(pyarrow.timestamp("ms", column.type.tz), safe=False).cast(pyarrow.int64())
    if pyarrow.types.is_decimal(column.type):
        number = float if column.type.scale > 0 else int
        return ["" if cell is None else number(cell) for cell in column.to_pylist()]
    return ["" if cell is None else cell for cell in column.to_pylist()]
