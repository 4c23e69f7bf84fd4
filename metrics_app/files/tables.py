"""Tables of points, CSV or Parquet: read block by block, every fault named by line, field and value."""

import hashlib
from itertools import islice
from operator import itemgetter
from pathlib import Path

from metrics_app.core.moments import WHOLE
from metrics_app.core.points import check_topic, parse_iso
from metrics_app.core.rows import FIELDS, Broken, Checker
from metrics_app.exceptions import BadInput
from metrics_app.files.csv_files import open_table, place_column
from metrics_app.files.occurrences import Occurrences

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
    # What was named is not part of it: files imported before are known as what they were.
    how = (*columns[:5], encoding) if encoding else columns[:5]
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
        rows = read_csv(path, columns, encoding)
    elif encoding:
        raise BadInput("it is Parquet, whose texts are UTF-8: leave --encoding out", field="encoding")
    else:
        rows = read_parquet(path, columns)
    checker, number = Checker(columns, now, max_future), 0
    occurrences = None if has_ids(path, columns, encoding) else Occurrences()
    while part := list(islice(rows, BLOCK)):
        if number >= skip or occurrences:
            block = checker.check_block(number, part)
            # Also of what is skipped: it is counted how often a point came.
            block = name_points(block, occurrences) if occurrences else block
        if number >= skip:
            yield block
        number += len(part)


def name_points(block, occurrences):
    """The Block with the ids that Occurrences give to points without any."""
    topics = map(block.topics.__getitem__, block.topic.tolist())
    points = zip(topics, block.ts.tolist(), block.values.tolist(), strict=True)
    return block._replace(ids=occurrences.name_points(points))


def has_ids(path, columns, encoding=""):
    """Whether a table has the column of ids."""
    return bool(columns.id) and columns.id in read_header(path, encoding)


def read_header(path, encoding=""):
    """The names of a table's columns."""
    if is_parquet(path):
        with open_parquet(path) as file:
            return file.schema_arrow.names
    with open_table(path, encoding) as table:
        return table.header


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
        if (not name and field != "ts") or (field == "topic" and columns.fixed):
            continue
        # An id that nobody asked for may be missing: rows are told apart by what they hold then.
        if field != "id" or columns.id_is_named or name in names:
            found[field] = place_column(names, name, field, ", or say --topic" if field == "topic" else "")
    return found


def read_csv(path, columns, encoding=""):
    """Yields ``(line, topic, ts, value, id)`` of each row of a CSV file, as text; None where it has none.

    A row that cannot be read is Broken in each.
    """
    with open_table(path, encoding) as table:
        places, width = find_columns(table.header, columns), len(table.header)
        choose = itemgetter(*(places.get(field, width) for field in FIELDS))
        for line, cells in table.rows(lambda cells: is_time(cells[places["ts"] :][:1])):
            yield line, *choose_cells(cells, choose, width)


def choose_cells(cells, choose, width):
    """Those of FIELDS; Broken in each where the row is. A row that ends early has empty ones."""
    if isinstance(cells, Broken):
        return [cells] * len(FIELDS)
    ended = () if len(cells) == width else [""] * (width - len(cells))
    return choose([*cells, *ended, None])


def is_time(cells):
    """Whether there is a text, and it is a time: what stands in a row of its own."""
    try:
        return any(WHOLE.match(cell.strip()) or parse_iso(cell.strip()) for cell in cells)
    except BadInput:
        return False


def open_parquet(path):
    """A Parquet file; BadInput where it is none, or nothing can read it."""
    if parquet is None:
        raise BadInput("Parquet needs pyarrow: pip install 'hms-gov-metrics[parquet]'")
    try:
        return parquet.ParquetFile(path)
    except pyarrow.ArrowException as error:
        raise BadInput(f"it is not a Parquet file that can be read: {error}") from None


def read_parquet(path, columns):
    """Yields ``(row from 1, topic, ts, value, id)`` of each row of a Parquet file."""
    with open_parquet(path) as file:
        names, number = file.schema_arrow.names, 0
        places = find_columns(names, columns)
        wanted = {field: names[place] for field, place in places.items()}
        try:
            for batch in file.iter_batches(columns=list(dict.fromkeys(wanted.values()))):
                none = [None] * batch.num_rows
                cells = [
                    list_cells(batch.column(wanted[field])) if field in wanted else none for field in FIELDS
                ]
                for row in zip(*cells, strict=True):
                    number += 1
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
