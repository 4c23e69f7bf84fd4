"""Rows as CSV, JSON lines or Parquet, piece by piece.

A writer's ``begin()``, ``write(columns)`` for each piece and ``finish()`` are the bytes of
one file. Text cells are topics and times, which no spreadsheet takes for a formula.
"""

import csv
import io

import msgspec

from metrics_app.exceptions import BadInput

try:
    # The optional extra `parquet`: 45 MB that most installations can do without.
    import pyarrow
    import pyarrow.parquet as parquet
except ImportError:
    pyarrow = parquet = None

TEXTS, TIMES = {"topic", "local_start", "local_end"}, {"ts", "end"}


class CsvWriter:
    """RFC 4180 with a header; an empty cell where there is no value."""

    content_type = "text/csv; charset=utf-8"

    def __init__(self, names):
        self.names = names

    def begin(self):
        """The header."""
        return self.encode([self.names])

    def write(self, columns):
        """A line per row."""
        columns = columns | {"revised": ["true" if one else "false" for one in columns["revised"]]}
        return self.encode(zip(*(columns[name] for name in self.names), strict=True))

    def encode(self, rows):
        """Rows as bytes."""
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        return text.getvalue().encode()

    def finish(self):
        """Nothing more."""
        return b""


class JsonLinesWriter:
    """A JSON object per line."""

    content_type = "application/x-ndjson"

    def __init__(self, names):
        self.names = names

    def begin(self):
        """No header."""
        return b""

    def write(self, columns):
        """A line per row."""
        rows = zip(*(columns[name] for name in self.names), strict=True)
        return msgspec.json.Encoder().encode_lines([dict(zip(self.names, row, strict=True)) for row in rows])

    def finish(self):
        """Nothing more."""
        return b""


class ParquetWriter:
    """Parquet with times as UTC timestamps; a row group per piece."""

    content_type = "application/vnd.apache.parquet"

    def __init__(self, names):
        if parquet is None:
            raise BadInput(
                "Parquet needs pyarrow on the server: pip install 'hms-gov-metrics[parquet]', "
                "or take csv or jsonl",
                field="format",
            )
        self.schema = pyarrow.schema([(name, find_type(name)) for name in names])
        self.sink = Sink()
        self.writer = parquet.ParquetWriter(self.sink, self.schema, compression="zstd")

    def begin(self):
        """The magic number."""
        return self.sink.take()

    def write(self, columns):
        """A row group."""
        self.writer.write_table(pyarrow.table(columns, schema=self.schema))
        return self.sink.take()

    def finish(self):
        """The footer."""
        self.writer.close()
        return self.sink.take()


class Sink(io.RawIOBase):
    """A file that is only written, and emptied on the way."""

    def __init__(self):
        self.parts, self.size = [], 0

    def writable(self):
        """It is."""
        return True

    def write(self, data):
        """Keeps a copy until it is taken."""
        self.parts.append(bytes(data))
        self.size += len(data)
        return len(data)

    def tell(self):
        """All bytes that were ever written."""
        return self.size

    def take(self):
        """What was written since the last time."""
        data, self.parts = b"".join(self.parts), []
        return data


def find_type(name):
    """The Arrow type of a column."""
    if name in TIMES:
        return pyarrow.timestamp("ms", "UTC")
    known = {"count": pyarrow.int64, "revised": pyarrow.bool_} | dict.fromkeys(TEXTS, pyarrow.string)
    return known.get(name, pyarrow.float64)()


FORMATS = {"csv": CsvWriter, "jsonl": JsonLinesWriter, "parquet": ParquetWriter}
NAMES = {"csv": "CSV", "jsonl": "JSON lines", "parquet": "Parquet"}


def list_formats():
    """The names of the formats that can be written here."""
    return [name for name in FORMATS if name != "parquet" or parquet is not None]


def make_writer(name, names):
    """The writer of a format for columns of these names; BadInput."""
    if name not in FORMATS:
        raise BadInput(f"{name[:50]!r} is no format: expected {', '.join(FORMATS)}", field="format")
    return FORMATS[name](names)
