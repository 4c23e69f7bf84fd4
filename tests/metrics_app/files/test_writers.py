"""Rows as CSV, JSON lines and Parquet: every piece adds to one file."""

import csv
import io
import json

import pytest

from metrics_app.exceptions import BadInput
from metrics_app.files import writers
from metrics_app.files.writers import FORMATS, list_formats, make_writer
from metrics_app.queries.exports import list_columns

ROW = {
    **{"topic": "er.wait", "ts": 1_700_000_000_000, "end": 1_700_000_060_000},
    **{"local_start": "2023-11-14T23:13:20+01:00", "local_end": "2023-11-14T23:14:20+01:00"},
    **{"count": 2, "sum": -0.1, "mean": -0.05, "min": -1e300, "max": 5e-324, "stddev": 0.3},
    **dict.fromkeys(("p50", "p90", "p95", "p99"), None),
    "revised": True,
    "recorded": 1.0,
}


def write(kind, pieces):
    """The bytes of a file of pieces, each so many times the row."""
    writer = make_writer(kind, list_columns())
    parts = [writer.begin()]
    parts += [writer.write({name: [ROW[name]] * times for name in list_columns()}) for times in pieces]
    return b"".join([*parts, writer.finish()])


def test_csv_keeps_every_digit_and_leaves_what_is_missing_empty():
    rows = list(csv.DictReader(io.StringIO(write("csv", [2, 0, 1]).decode(), newline="")))
    assert len(rows) == 3 and rows[0] == rows[2]
    assert [float(rows[0][name]) for name in ("sum", "min", "max")] == [-0.1, -1e300, 5e-324]
    assert (rows[0]["p50"], rows[0]["revised"], rows[0]["local_end"]) == ("", "true", ROW["local_end"])


def test_json_lines_are_one_object_each():
    lines = write("jsonl", [2, 0, 1]).splitlines()
    assert [json.loads(line) for line in lines] == [ROW] * 3


def test_parquet_has_typed_columns_and_instants():
    parquet = pytest.importorskip("pyarrow.parquet")
    file = parquet.ParquetFile(io.BytesIO(write("parquet", [2, 3])))
    assert file.num_row_groups == 2 and file.metadata.num_rows == 5
    types = {field.name: str(field.type) for field in file.schema_arrow}
    assert (types["ts"], types["count"], types["mean"]) == ("timestamp[ms, tz=UTC]", "int64", "double")
    row = file.read().to_pylist()[0]
    assert row["ts"].timestamp() * 1000 == ROW["ts"] and row["p50"] is None and row["sum"] == -0.1


def test_a_format_nobody_knows_is_refused_with_those_that_are_known():
    with pytest.raises(BadInput, match="'xlsx' is no format: expected csv, jsonl, parquet"):
        make_writer("xlsx", list_columns())


def test_without_pyarrow_parquet_is_not_offered(monkeypatch):
    pytest.importorskip("pyarrow")
    assert list_formats() == list(FORMATS)
    monkeypatch.setattr(writers, "parquet", None)
    assert list_formats() == ["csv", "jsonl"]
