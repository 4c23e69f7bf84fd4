"""Reads files of cases: rows with an id, when each was created and when it was closed."""

import re
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from metrics_app.core.ids import check_id
from metrics_app.core.points import EARLIEST, MAX_TOPIC, parse_iso
from metrics_app.core.rows import Broken
from metrics_app.exceptions import BadInput
from metrics_app.files.csv_files import open_table, place_column
from metrics_app.files.left_out import LeftOut
from metrics_app.files.occurrences import Occurrences

NOT_IN_A_WORD = re.compile(r"[^a-z0-9]+")
BLOCK = 1_000  # rows


class Columns(NamedTuple):
    """The names of the columns; an empty ``id`` or ``split`` is not read."""

    created: str = "created"
    closed: str = "closed"
    id: str = "id"
    split: str = ""


class Case(NamedTuple):
    """One row; times are milliseconds since the epoch, ``closed`` None while there is no answer.

    ``id`` is empty where the file has none.
    """

    line: int
    id: str
    created: int
    closed: int | None
    kind: str


DEFAULT_COLUMNS = Columns()


@dataclass
class Tally:
    """What became of the rows of a file: ``read`` are all of them.

    ``repeated`` counts those whose id came before, ``bad`` has those that are no case, ``refused``
    the answers that cannot be: their cases came all the same, and count as received.
    """

    read: int = 0
    repeated: int = 0
    bad: LeftOut = field(default_factory=LeftOut)
    refused: LeftOut = field(default_factory=LeftOut)

    @property
    def taken(self):
        """How many rows were taken: those that can be read and came for the first time."""
        return self.read - self.bad.count - self.repeated

    def describe(self):
        """The counts; of what is ``bad`` or ``refused`` also the first lines, and why.

        ``read`` are all rows of the file: ``taken``, ``repeated`` and ``bad`` ones together.
        """
        counts = {"read": self.read, "taken": self.taken, "repeated": self.repeated}
        return counts | {"bad": self.bad.describe(), "refused": self.refused.describe()}


def iterate_cases(path, columns, tally, *, latest=None, limit=None, encoding=""):
    """Yields the Cases of a CSV file and notes in a Tally what it leaves out; BadInput: it is no such file.

    ``latest`` (ms) is the last moment that may have happened; ``limit`` the
    number of rows that are read; ``encoding`` UTF-8 unless named.
    """
    with open_table(path, encoding) as table:
        wanted = [one for one, name in columns._asdict().items() if name or one in ("created", "closed")]
        places = {one: place_column(table.header, getattr(columns, one), one) for one in wanted}
        reader, occurrences = Reader(columns, places, latest), Occurrences()
        rows = islice(table.rows(reader.is_row), limit)
        while block := list(islice(rows, BLOCK)):
            tally.read += len(block)
            found = [found for found in (reader.read(*row, tally) for row in block) if found]
            yield from take_cases(drop_repeated(found, occurrences, tally) if columns.id else found, tally)


class Found(NamedTuple):
    """A Case, and why its answer is refused."""

    case: Case
    fault: str


class Reader:
    """Turns the cells of rows into cases; ``places`` are the positions of the columns."""

    def __init__(self, columns, places, latest):
        self.columns, self.places, self.latest = columns, places, latest

    def is_row(self, cells):
        """Whether a line stands for a case by itself."""
        try:
            return self.read_moment(cells, "created") is not None
        except BadInput:
            return False

    def read(self, line, cells, tally):
        """The Found of a row; None, and noted in the Tally, for what is no case."""
        try:
            if isinstance(cells, Broken):
                raise BadInput(cells.message)
            return self.parse(line, cells)
        except BadInput as error:
            tally.bad.add(line, str(error))
            return None

    def parse(self, line, cells):
        """The Found of a row; BadInput that says why it is no case."""
        name = self.read_id(cells) if self.columns.id else ""
        created = self.read_moment(cells, "created")
        if created is None:
            raise BadInput(f"{self.columns.created} is empty")
        kind = self.read_kind(cells)
        try:
            closed, fault = self.read_answer(cells, created), ""
        except BadInput as error:
            # The complaint came all the same.
            closed, fault = None, str(error)
        return Found(Case(line, name, created, closed, kind), fault)

    def get(self, cells, column):
        """The text of a column; BadInput where the row ends before it, or it holds several lines."""
        place = self.places[column]
        if place >= len(cells):
            raise BadInput(f"the row ends before its column {getattr(self.columns, column)!r}")
        cell = cells[place].strip()
        if "\n" in cell or "\r" in cell:
            raise BadInput(f"{getattr(self.columns, column)} holds several lines")
        return cell

    def read_id(self, cells):
        """The id of a row; BadInput."""
        if not (text := self.get(cells, "id")):
            raise BadInput(f"{self.columns.id} is empty")
        try:
            return check_id(text)
        except BadInput as error:
            raise BadInput(f"{self.columns.id}: {error}") from None

    def read_kind(self, cells):
        """The topic's word of the column that splits, "" without one."""
        return make_slug(self.get(cells, "split")) if self.columns.split else ""

    def read_moment(self, cells, column):
        """Milliseconds since the epoch of a column, None where there is no text, or BadInput."""
        return parse_moment(self.get(cells, column), getattr(self.columns, column), self.latest)

    def read_answer(self, cells, created):
        """When the case was closed (ms), None while it is open; BadInput where that cannot be."""
        closed = self.read_moment(cells, "closed")
        if closed is not None and closed < created:
            raise BadInput(
                f"{self.columns.closed} before {self.columns.created} "
                f"({self.get(cells, 'closed')} < {self.get(cells, 'created')})"
            )
        return closed


def drop_repeated(found, occurrences, tally):
    """Founds without those whose id came before, which are counted."""
    times = occurrences.number([one.case.id for one in found])
    tally.repeated += len(times) - times.count(0)
    return [one for one, before in zip(found, times, strict=True) if not before]


def take_cases(found, tally):
    """Yields the Cases of Founds, and counts the answers that are refused."""
    for case, fault in found:
        if fault:
            tally.refused.add(case.line, fault)
        yield case


def parse_moment(text, column, latest):
    """Milliseconds since the epoch, None where there is no text, or BadInput."""
    if not text:
        return None
    try:
        moment = parse_iso(text)
    except BadInput as error:
        raise BadInput(f"{column}: {error}") from None
    if moment < EARLIEST:
        raise BadInput(f"{column}: {text} is before 2000-01-01")
    if latest is not None and moment > latest:
        raise BadInput(f"{column}: {text} is in the future")
    return moment


def make_slug(text):
    """A topic's word for any text: ``Street Light Outages`` → ``street_light_outages``."""
    return NOT_IN_A_WORD.sub("_", text.lower()).strip("_") or "unknown"


def join_topic(topic, kind):
    """``topic.kind``, cut to the length a topic may have; BadInput where nothing of the kind fits."""
    joined = f"{topic}.{kind}"[:MAX_TOPIC].rstrip("._")
    if len(joined) <= len(topic):
        raise BadInput(f"topic {topic!r} leaves no room for its kinds", field="topic")
    return joined
