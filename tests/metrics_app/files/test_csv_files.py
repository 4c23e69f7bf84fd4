"""Text is read as it was meant, or refused by line: two names never become one."""

import pytest

from metrics_app.exceptions import BadInput
from metrics_app.files.csv_files import open_csv

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
