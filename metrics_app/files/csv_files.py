"""CSV files, read strictly: a name that is read wrongly is another name, and no row swallows the next."""

import codecs
import csv
from collections import deque
from contextlib import contextmanager
from pathlib import Path

from metrics_app.core.rows import Broken
from metrics_app.core.text.counts import count_words
from metrics_app.exceptions import BadInput

UTF_16 = codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE
# No text that was decoded rightly holds this one.
MARK = "\udfff"
codecs.register_error("metrics_app.mark", lambda error: (MARK, error.end))
LONGEST = 1 << 20  # characters of a line


@contextmanager
def open_table(path, encoding=""):
    """The Table of a CSV file (default: UTF-8); BadInput names the first line not in its encoding."""
    with open_csv(path, encoding) as file:
        yield Table(file)


class Table:
    """The ``header`` of a CSV file, and its rows; BadInput for a header that cannot be read."""

    def __init__(self, file):
        self.lines = Lines(file)
        line, self.header = next(self.read(), (1, []))
        if isinstance(self.header, Broken):
            raise BadInput(f"line {line} is no header: {self.header.message}")

    def rows(self, is_row=lambda cells: False):
        """Yields ``(line, cells)``; Broken in place of the cells of what is no row under this header.

        A cell may hold several lines. ``is_row(cells)`` says whether one of them looks like a row
        of its own: the quote before it was never closed then. Behind a row that is broken the
        next line is read as a row again. A row that ends early has fewer cells.
        """
        width = len(self.header)
        for line, cells in self.read(lambda cells, lines: holds_others(cells, lines, width, is_row)):
            if isinstance(cells, Broken):
                yield line, cells
            elif any(cells[width:]):
                under = count_words(width, "column")
                message = f"{len(cells)} cells under {under}: put what holds a comma in quotes"
                yield line, Broken(",".join(cells), message)
            else:
                yield line, cells[:width]

    def read(self, holds_others=lambda cells, lines: False):
        """``rows`` of any width, the header among them."""
        reader, lines = csv.reader(self.lines, strict=True), self.lines
        while True:
            lines.begin()
            try:
                cells = next(reader)
                if len(lines.taken) > 1 and holds_others(cells, lines.taken):
                    raise csv.Error("it holds another row")
            except StopIteration:
                return
            except csv.Error as error:
                yield lines.number, Broken(lines.taken[0].strip(), tell_quotes(lines.taken, error))
                lines.give_back()
                reader = csv.reader(lines, strict=True)
                continue
            if cells:
                yield lines.number, cells


def holds_others(cells, lines, width, is_row):
    """Whether what was read as one row of some ``lines`` is more than one: a quote before was not closed."""
    return len(cells) != width or any(looks_like_row(line, width, is_row) for line in lines[1:])


def looks_like_row(line, width, is_row):
    """Whether a line is a row by itself, or the beginning of one whose last cell goes on in the next."""
    try:
        cells = next(csv.reader([line], strict=True), [])
        # An odd quote is the end of a cell that began before.
        return len(cells) == width and not line.count('"') % 2 and is_row(cells)
    except csv.Error as error:
        return "end of data" in str(error) and is_row(next(csv.reader([line])))


class Cut(str):
    """The beginning of a line that is too long."""


class Lines:
    """The lines of a file, of which those behind the first of a row can be read again.

    ``taken`` are the lines of the row at hand, ``number`` is that of its first one. A line longer
    than ``LONGEST`` is not kept: what has no end takes no memory.
    """

    def __init__(self, file):
        self.file, self.number, self.taken, self.again = file, 1, [], deque()

    def __iter__(self):
        return self

    def __next__(self):
        line = self.again.popleft() if self.again else self.file.readline(LONGEST)
        if not line:
            raise StopIteration
        if type(line) is str and len(line) == LONGEST and line[-1] not in "\r\n":
            self.drop_rest()
            line = Cut(line[:100])
        self.taken.append(line)
        if type(line) is Cut:
            raise csv.Error(f"a line of over {LONGEST:,} characters")
        return line

    def begin(self):
        """Begins a row."""
        self.number += len(self.taken)
        self.taken.clear()

    def give_back(self):
        """Lets all but the first line of the row be read again."""
        self.again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]

    def drop_rest(self):
        """Reads on to the end of a line that is too long, and keeps nothing of it."""
        while (part := self.file.readline(LONGEST)) and part[-1] not in "\r\n":
            pass


def tell_quotes(lines, error):
    """What is wrong with the quotes of a row that takes some lines, where the reader stumbled."""
    if "characters" in str(error) or (len(lines) == 1 and "limit" in str(error)):
        return f"it holds {str(error).replace('field larger than field limit', 'a cell over the limit')}"
    if len(lines) > 1 or "end of data" in str(error):
        return "a quote opens in it and is not closed before the next row"
    return "its quotes do not fit together: each that opens is closed, and one within a text is doubled"


def place_column(names, name, option, more=""):
    """The position of a column in a header; BadInput where it is missing or stands twice.

    ``option`` is what names it in a command, ``more`` what else one could do.
    """
    if names.count(name) > 1:
        raise BadInput(
            f"{count_words(names.count(name), 'column')} are called {name!r}: rename all but one",
            field=option,
        )
    if name not in names:
        raise BadInput(
            f"there is no column {name!r}, only {', '.join(map(repr, names)) or 'an empty file'}: "
            f"name the right one with --{option}-column{more}",
            field=option,
        )
    return names.index(name)


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
    number = 1
    with Path(path).open(newline="", encoding=codec, errors="metrics_app.mark") as file:
        while part := file.readline(LONGEST):
            if MARK in part:
                return number
            number += part[-1] in "\r\n"
    return 1


def tell_fault(fault, such):
    """What is wrong, and what to do."""
    return f"{fault}: save the file as UTF-8, or name its --encoding (such as {such})"
