"""Tables of points are read alike, whether they are CSV or Parquet."""

from decimal import Decimal

import pytest

from metrics_app.core.rows import Columns
from metrics_app.exceptions import BadInput
from metrics_app.files.tables import BLOCK, digest_file, read_blocks

NOW = 1_800_000_000_000


@pytest.fixture
def write(tmp_path):
    """Writes columns as a file of a kind and gives its path."""

    def write_file(kind, **columns):
        path = tmp_path / f"points.{kind}"
        if kind == "csv":
            rows = [
                ",".join(columns),
                *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True)),
            ]
            path.write_text("\n".join(rows) + "\n")
        else:
            arrow, parquet = (pytest.importorskip(name) for name in ("pyarrow", "pyarrow.parquet"))
            parquet.write_table(arrow.table(columns), path)
        return path

    return write_file


def read(path, skip=0, **columns):
    """The Blocks of a file."""
    return list(read_blocks(path, Columns(**columns), now=NOW, skip=skip))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_it_reads_blocks_and_goes_on_behind_those_that_are_done(write, kind):
    n = 2 * BLOCK + 7
    ts = [1_700_000_000_000 + at for at in range(n)]
    path = write(kind, topic=["er.wait"] * n, ts=ts, value=[float(at) for at in range(n)], id=list(range(n)))
    blocks = read(path)
    assert [(block.first, block.stop) for block in blocks] == [(0, BLOCK), (BLOCK, 2 * BLOCK), (2 * BLOCK, n)]
    assert [at for block in blocks for at in block.ts.tolist()] == ts
    [last] = read(path, skip=2 * BLOCK)
    assert last.first == 2 * BLOCK and last.ids == [str(at) for at in range(2 * BLOCK, n)]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_column_that_is_not_there_is_named_with_those_that_are(write, kind):
    path = write(kind, topic=["er.wait"], happened=[1], value=[1.0])
    with pytest.raises(BadInput, match="no column 'ts', only 'topic', 'happened', 'value'.*--ts-column"):
        read(path)
    assert read(path, ts="happened", id="")[0].faults[0].field == "happened"


def test_a_file_without_topics_needs_one(write):
    path = write("csv", ts=[1_700_000_000_000], value=[1])
    with pytest.raises(BadInput, match="no column 'topic'.*--topic"):
        read(path)
    assert read(path, fixed="er.wait")[0].topics == ["er.wait"]


def test_a_row_that_ends_early_is_named_by_its_line(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text('topic,ts,value,id\n"er.wait",1700000000000,5,a\n\ner.wait,1700000000000\n')
    [block] = read(path)
    assert [(fault.line, fault.field) for fault in block.faults] == [(4, "value")] and len(block.ts) == 1


def test_an_unclosed_quote_costs_its_own_row_and_no_other(tmp_path):
    path = tmp_path / "points.csv"
    rows = [f"er.wait,{1_700_000_000_000 + at},{at},fine" for at in range(6)]
    rows[2] = rows[2].replace("fine", '"never closed')
    rows[4] = rows[4].replace("fine", '"quoted, and closed"')
    path.write_text("\n".join(["topic,ts,value,note", *rows]) + "\n")
    [block] = read(path)
    assert block.values.tolist() == [0, 1, 3, 4, 5]
    [fault] = block.faults
    assert (fault.line, fault.field) == (
        4,
        "row",
    ) and "a quote opens in it and is not closed" in fault.message
    assert (block.first, block.stop) == (0, 6)


def test_a_column_of_ids_that_was_named_must_be_there(write):
    path = write("csv", topic=["er.wait"], ts=[1_700_000_000_000], value=[1])
    assert len(read(path)[0].ts) == 1
    with pytest.raises(BadInput, match="no column 'id', only 'topic', .*--id-column"):
        read(path, id_is_named=True)


AT = 1_700_000_000_000
ROWS = {"topic": ["er.wait"] * 3, "ts": [AT] * 3, "value": [1, 1, 2]}
SAME = {
    "the columns in another order": {name: ROWS[name] for name in ("value", "topic", "ts")},
    "the rows in another order": ROWS | {"value": [2, 1, 1]},
    "another column": {"note": list("abc")} | ROWS,
    "numbers as floats": ROWS | {"value": [1.0, 1.0, 2.0]},
}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_without_ids_a_point_is_known_by_topic_time_and_value_and_how_often_they_came(write, kind):
    def names(kind=kind, **columns):
        [block] = read(write(kind, **columns))
        return dict(zip(block.ids, block.values.tolist(), strict=True))

    first = names(**ROWS)
    assert list(first.values()) == [1, 1, 2] and len(first) == 3
    assert {told: names(**columns) == first for told, columns in SAME.items()} == dict.fromkeys(SAME, True)
    # Whatever the format, and how it writes a time.
    assert names("csv", **ROWS | {"ts": ["2023-11-14T23:13:20+01:00"] * 3}) == first == names("csv", **ROWS)
    # New rows are new: of equal ones those that are more than there were.
    assert len(names(**ROWS | {"value": [1, 1, 1]}).keys() - first.keys()) == 1
    assert not names(**ROWS | {"ts": [AT + 1] * 3}).keys() & first.keys()


def test_without_ids_a_bad_row_takes_no_place_among_the_others(write):
    rows = {"topic": ["er.wait"] * 3, "value": [1] * 3}
    good, bad = (read(write("csv", **rows, ts=[AT, middle, AT]))[0].ids for middle in (AT, "soon"))
    assert bad == good[:2]


def test_going_on_without_ids_counts_what_was_done(write):
    n = BLOCK + 5
    path = write("csv", topic=["er.wait"] * n, ts=[1_700_000_000_000] * n, value=[1] * n)
    [first, last] = read(path)
    [again] = read(path, skip=BLOCK)
    assert again.ids == last.ids and not set(last.ids) & set(first.ids)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_ids_are_the_same_as_floats_and_as_whole_numbers(write, kind):
    columns = {"topic": ["er.wait"] * 2, "ts": [AT] * 2, "value": [1.0] * 2}
    assert read(write(kind, **columns, id=[17.0, 2.5]))[0].ids == ["17", "2.5"]
    assert read(write(kind, **columns, id=[17, 18]))[0].ids == ["17", "18"]


def test_whole_numbers_that_parquet_keeps_as_floats_are_what_they_stand_for(write):
    columns = {"topic": ["er.wait"] * 2, "ts": [1_700_000_000_000.0] * 2, "value": [1.0] * 2}
    [block] = read(write("parquet", **columns, id=[17, 18]))
    assert block.ids == ["17", "18"] and block.ts.tolist() == [1_700_000_000_000] * 2
    # Beyond 2^53 two whole numbers are one float; one that is none would be the id of all its rows.
    [block] = read(write("parquet", **columns, id=[2.0**60, float("nan")]))
    assert [fault.field for fault in block.faults] == ["id", "id"]
    columns["ts"] = [1_700_000_000_000.5, 1_700_000_000_000.0]
    assert [fault.field for fault in read(write("parquet", **columns, id=[1, 2]))[0].faults] == ["ts"]


def test_times_of_parquet_are_instants_or_refused(tmp_path):
    arrow, parquet = (pytest.importorskip(name) for name in ("pyarrow", "pyarrow.parquet"))
    path = tmp_path / "points.parquet"
    for zone in ("Europe/Berlin", None):
        times = arrow.array([1_700_000_000_000_000], arrow.timestamp("us", zone))
        parquet.write_table(arrow.table({"topic": ["er.wait"], "ts": times, "value": [1.5]}), path)
        if zone:
            assert read(path)[0].ts.tolist() == [1_700_000_000_000]
        else:
            with pytest.raises(BadInput, match="no zone"):
                read(path)


def test_a_file_that_only_begins_like_parquet_is_refused(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "points"
    path.write_bytes(b"PAR1 and nothing more")
    with pytest.raises(BadInput, match="not a Parquet file"):
        read(path)


def test_a_file_is_known_by_its_content_and_how_it_is_read(write):
    path = write("csv", topic=["er.wait"], ts=[1], value=[1])
    first = digest_file(path, Columns())
    assert digest_file(path, Columns()) == first != digest_file(path, Columns(id=""))
    assert digest_file(path, Columns(id_is_named=True)) == first
    path.write_text(path.read_text() + "er.wait,2,1\n")
    assert digest_file(path, Columns()) != first


def test_a_row_with_more_cells_than_columns_is_bad_and_not_cut(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text(
        "topic,ts,value\ner.wait,1700000000000,1,5\ner.wait,1700000000000,2\ner.wait,1700000000000,3,\n"
    )
    [block] = read(path, id="")
    [fault] = block.faults
    assert (fault.line, fault.field) == (2, "row") and "4 cells under 3 columns" in fault.message
    assert "er.wait,1700000000000,1,5" in fault.value
    assert block.values.tolist() == [2, 3]  # an empty cell behind the last one is nothing that is lost
    [block] = read(path, id="", value="", fixed="er.wait")
    assert [fault.line for fault in block.faults] == [2]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_column_that_stands_twice_is_refused(tmp_path, kind):
    path = tmp_path / f"points.{kind}"
    if kind == "csv":
        path.write_text("topic,ts,value,value\ner.wait,1700000000000,1,5\n")
    else:
        arrow, parquet = (pytest.importorskip(name) for name in ("pyarrow", "pyarrow.parquet"))
        columns = [["er.wait"], [1_700_000_000_000], [1.0], [5.0]]
        table = arrow.Table.from_arrays(
            [arrow.array(cells) for cells in columns], ["topic", "ts", "value", "value"]
        )
        parquet.write_table(table, path)
    with pytest.raises(BadInput, match="2 columns are called 'value': rename all but one"):
        read(path)
    if kind == "csv":
        assert read(path, id="", value="")[0].ts.tolist() == [1_700_000_000_000]


def test_an_encoding_is_part_of_how_a_file_is_read(tmp_path):
    path = tmp_path / "points.csv"
    path.write_bytes(
        "topic,ts,value,id\ner.wait,1700000000000,1,Müller\ner.wait,1700000000000,1,Möller\n".encode("cp1252")
    )
    with pytest.raises(BadInput, match="line 2 is not UTF-8"):
        read(path)
    [block] = read_blocks(path, Columns(), now=NOW, encoding="cp1252")
    assert block.ids == ["Müller", "Möller"]
    assert digest_file(path, Columns(), encoding="cp1252") != digest_file(path, Columns())


def test_decimals_of_parquet_are_numbers(tmp_path):
    arrow, parquet = (pytest.importorskip(name) for name in ("pyarrow", "pyarrow.parquet"))
    path = tmp_path / "points.parquet"
    cells = {
        "topic": ["er.wait"] * 2,
        "ts": arrow.array([Decimal(1_700_000_000_000)] * 2, arrow.decimal128(20, 0)),
        "value": arrow.array([Decimal("1.50"), None], arrow.decimal128(10, 2)),
    }
    parquet.write_table(arrow.table(cells), path)
    [block] = read(path)
    assert (block.ts.tolist(), block.values.tolist()) == ([1_700_000_000_000], [1.5])
    assert [(fault.line, fault.field) for fault in block.faults] == [(2, "value")]
