"""Rows of tables: points, or faults with line, field and value."""

import numpy as np
import pytest

from metrics_app.core.rows import Checker, Columns

NOW = 1_800_000_000_000
ROW = ("er.wait", "1700000000000", "26.5", "a1")


def check(*rows, columns=None):
    """The Block of rows of cells, the first of which is line 2."""
    lines = [(line, *cells) for line, cells in enumerate(rows, 2)]
    return Checker(columns or Columns(), NOW, 5).check_block(0, lines)


def test_good_rows_become_columns():
    block = check(ROW, ("er.doors", "2024-03-01T00:00:00+01:00", "1e3", " a2 "))
    assert block.topics == ["er.wait", "er.doors"] and block.topic.tolist() == [0, 1]
    assert block.ts.tolist() == [1_700_000_000_000, 1_709_247_600_000]
    assert block.values.tolist() == [26.5, 1000] and block.ids == ["a1", "a2"] and block.faults == []


@pytest.mark.parametrize(
    ("place", "cell", "field", "message"),
    [
        (0, "er wait", "topic", "is not a topic"),
        (0, "", "topic", "is not a topic"),
        (1, "1700000000", "ts", "looks like seconds"),
        (1, "1700000000.5", "ts", "is not a time"),
        (1, "2024-03-01T00:00:00", "ts", "no UTC offset"),
        (1, "9900000000000", "ts", "in the future"),
        (1, "-5", "ts", "before 2000"),
        (1, "", "ts", "is not a time"),
        (2, "nan", "value", "not a finite number"),
        (2, "1e999", "value", "not a finite number"),
        (2, "1_000", "value", "is not a number"),
        (2, "12,5", "value", "is not a number"),
        (2, "", "value", "is not a number"),
        (3, " ", "id", "is no id"),
        (3, "x" * 201, "id", "is no id"),
    ],
)
def test_a_bad_row_is_named_by_line_field_and_value_and_the_others_stay(place, cell, field, message):
    bad = tuple(cell if at == place else known for at, known in enumerate(ROW))
    block = check(ROW, bad, ROW)
    assert len(block.ts) == len(block.ids) == 2
    [fault] = block.faults
    assert (fault.line, fault.field) == (3, field) and message in fault.message
    assert cell[:10] in fault.value


def test_the_fault_says_the_column_as_the_file_calls_it():
    columns = Columns(ts="happened", fixed="er.wait")
    [fault] = check((None, "yesterday", "1", "a"), columns=columns).faults
    assert fault.field == "happened"


def test_without_a_column_the_topic_is_fixed_the_value_one_and_there_are_no_ids():
    columns = Columns(value="", id="", fixed="er.wait")
    block = check(*[(None, str(NOW - n), None, None) for n in range(3)], columns=columns)
    assert block.topics == ["er.wait"] and block.values.tolist() == [1, 1, 1] and block.ids == []


def test_typed_cells_are_taken_as_they_are():
    block = check(("er.wait", 1_700_000_000_000, 2, 17), ("er.wait", 1_700_000_000_001, 2.5, 18))
    assert block.ts.dtype == np.int64 and block.values.tolist() == [2, 2.5] and block.ids == ["17", "18"]
    [fault] = check(("er.wait", 1_700_000_000_000, True, 17)).faults
    assert fault.field == "value"
