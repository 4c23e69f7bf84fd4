"""CSV files as text, decoded strictly: a name that is read wrongly is another name."""

import codecs
from contextlib import contextmanager
from pathlib import Path

from metrics_app.exceptions import BadInput

UTF_16 = codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE
# No text that was decoded rightly holds this one.
MARK = "\udfff"
codecs.register_error("metrics_app.mark", lambda error: (MARK, error.end))


@contextmanager
def open_csv(path, encoding=""):
    """The lines of a file (default: UTF-8); BadInput names the first that is not in its encoding."""
    codec = find_codec(encoding)
    if codec == "utf-8-sig" and begins_with(path, UTF_16):
        raise BadInput(tell_fault("line 1 is not UTF-8 but UTF-16", "utf-16"))
    try:
        with Path(path).open(newline="", encoding=codec) as file:
            yield file
    except UnicodeError:
        line = find_fault(path, codec)
        raise BadInput(tell_fault(f"line {line} is not {encoding or 'UTF-8'}", "cp1252")) from None


def begins_with(path, marks):
    """Whether a file begins with one of some marks."""
    with Path(path).open("rb") as file:
        return file.read(4).startswith(marks)


def find_codec(encoding):
    """The name of a codec that reads text; BadInput."""
    try:
        found = codecs.lookup(encoding or "utf-8")
        "".encode(found.name)  # refuses codecs that are not for text
    except (LookupError, ValueError):
        expected = "such as utf-8, cp1252, latin-1 or utf-16"
        raise BadInput(
            f"{encoding!r} is no encoding of text: expected {expected}", field="encoding"
        ) from None
    return "utf-8-sig" if found.name == "utf-8" else found.name


def find_fault(path, codec):
    """The number of the first line with bytes that the codec does not know."""
    with Path(path).open(newline="", encoding=codec, errors="metrics_app.mark") as file:
        return next((number for number, line in enumerate(file, 1) if MARK in line), 1)


def tell_fault(fault, such):
    """What is wrong, and what to do."""
    return f"{fault}: save the file as UTF-8, or name its --encoding (such as {such})"
