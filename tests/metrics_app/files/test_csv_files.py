"""Text is read as it was meant, or refused by line: two names never become one."""

import csv
import io
import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from metrics_app.core.rows import Broken
from metrics_app.exceptions import BadInput
from metrics_app.files import csv_files
from metrics_app.files.csv_files import Table, open_csv
from tests.examples import examples

TEXT = "id,name\r\n1,plain\r\n2,Müller\r\n"


def read(path, encoding=""):
    """The whole text."""
    with open_csv(path, encoding) as file:
        return file.read()


def test_a_file_that_is_not_utf_8_is_refused_by_its_line(tmp_path):
    path = tmp_path / "points.csv"
    path.write_bytes(TEXT.encode("latin-1"))
    expected = "line 3 is not UTF-8: save the file as UTF-8, or name its --encoding"
    with pytest.raises(BadInput, match=expected):
        read(path)


def test_a_line_far_behind_others_is_named(tmp_path):
    path = tmp_path / "points.csv"
    path.write_bytes(b"a,\xef\xbf\xbd\n" * 50_000 + b"\xfc\n")
    with pytest.raises(BadInput, match="line 50001 is not UTF-8"):
        read(path)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "UTF-8", "utf-8-sig"])
def test_a_named_encoding_is_read(tmp_path, encoding):
    path = tmp_path / "points.csv"
    path.write_bytes(TEXT.encode(encoding))
    assert read(path, encoding) == TEXT


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_recognised_by_its_mark(tmp_path, encoding):
    path = tmp_path / "points.csv"
    path.write_bytes(("" if encoding == "utf-16" else "\ufeff").encode("utf-16-be") + TEXT.encode(encoding))
    with pytest.raises(BadInput, match=r"line 1 is not UTF-8 but UTF-16: .*--encoding \(such as utf-16\)"):
        read(path)


def test_bytes_that_a_named_encoding_does_not_know_are_refused(tmp_path):
    path = tmp_path / "points.csv"
    path.write_bytes(TEXT.encode("latin-1"))
    with pytest.raises(BadInput, match="line 3 is not ascii"):
        read(path, "ascii")


@pytest.mark.parametrize("encoding", ["klingon", "base64", "a\0b"])
def test_what_is_no_encoding_is_refused(tmp_path, encoding):
    path = tmp_path / "points.csv"
    path.write_text(TEXT)
    with pytest.raises(BadInput, match="no encoding of text: expected such as utf-8, cp1252"):
        read(path, encoding)


texts = st.text('ab ,"\n\r;é', max_size=8)
tables = st.lists(st.tuples(texts, texts), min_size=1, max_size=8)


def write(notes):
    """A table whose rows have a number, a time and two notes, each row as CSV writes it."""
    rows = [["n", "at", "one", "two"], *([str(n), "2026-01-01", *pair] for n, pair in enumerate(notes))]
    found = []
    for row in rows:
        text = io.StringIO()
        csv.writer(text).writerow(row)
        found.append(text.getvalue())
    return found


def parse(text):
    """``[(line, cells)]`` of the rows of a text."""
    table = Table(io.StringIO(text, newline=""))
    return list(table.rows(lambda cells: re.fullmatch(r"[0-9-]+", "".join(cells[1:2])) is not None))


@settings(max_examples=examples(200))
@given(tables)
def test_whatever_a_writer_quotes_is_read_as_it_was(notes):
    rows = [cells for _, cells in parse("".join(write(notes)))]
    assert rows == [[str(n), "2026-01-01", *pair] for n, pair in enumerate(notes)]


@settings(max_examples=examples(200))
@given(tables, st.data())
def test_an_unclosed_quote_costs_its_own_row_and_no_other(notes, data):
    at = data.draw(st.integers(0, len(notes) - 1))
    lines = write(notes)
    lines[at + 1] = f'{at},2026-01-01,plain,"never closed\r\n'
    found = parse("".join(lines))
    whole = [cells for _, cells in found if not isinstance(cells, Broken)]
    [(line, broken)] = [row for row in found if isinstance(row[1], Broken)]
    assert whole == [[str(n), "2026-01-01", *pair] for n, pair in enumerate(notes) if n != at]
    assert line == "".join(lines[: at + 1]).replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    assert "is not closed before the next row" in broken.message


@settings(max_examples=examples(200))
@given(st.text('ab,"\n', max_size=60))
def test_no_text_makes_it_fail_or_lose_a_line(text):
    assume(text.strip())
    try:
        rows = parse(text)
    except BadInput:
        return
    lines = [line for line, _ in rows]
    assert lines == sorted(set(lines)) and all(1 < line <= text.count("\n") + 1 for line in lines)


def test_a_line_without_end_takes_no_memory_and_is_one_bad_row(monkeypatch):
    monkeypatch.setattr(csv_files, "LONGEST", 50)
    found = parse("n,at\n1,2\n2," + "x" * 1_000 + '\n3,"2\n' + "y" * 200 + "\n4,2\n")
    assert [(line, isinstance(cells, Broken)) for line, cells in found] == [
        (2, False),
        (3, True),
        (4, True),
        (5, True),
        (6, False),
    ]


def test_a_header_whose_quote_never_closes_is_refused():
    with pytest.raises(BadInput, match="line 1 is no header: a quote opens in it"):
        parse('n,"at\n1,2\n')
