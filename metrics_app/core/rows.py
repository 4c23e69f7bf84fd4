"""Rows of a table of points: checked, or refused by line, field and value."""

from typing import NamedTuple

import numpy as np

from metrics_app.core.ids import check_id
from metrics_app.core.moments import WHOLE
from metrics_app.core.points import check_topic, check_ts, check_value
from metrics_app.core.text.literals import show
from metrics_app.exceptions import BadInput

FIELDS = ("topic", "ts", "value", "id")


class Columns(NamedTuple):
    """Names of the columns; an empty ``topic``, ``value`` or ``id`` is not read.

    ``fixed`` is the topic of every row where there is no such column; ``id_is_named``: somebody
    said which column has the ids, and it must be there.
    """

    topic: str = "topic"
    ts: str = "ts"
    value: str = "value"
    id: str = "id"
    fixed: str = ""
    id_is_named: bool = False


class Fault(NamedTuple):
    """A row that is no point: its line (of a Parquet file: its row, from 1), field, value and why."""

    line: int
    field: str
    value: str
    message: str


class Broken(NamedTuple):
    """What stands in place of a row that cannot be read: its text, and why."""

    text: str
    message: str


class Block(NamedTuple):
    """Rows ``first`` to ``stop`` of a table: the points of those that are good, in columns.

    ``topic`` counts in ``topics``; ``ids`` tell the points of a topic apart, and are empty where
    whoever made the Block brings each of them once.
    """

    first: int
    stop: int
    topics: list
    topic: np.ndarray
    ts: np.ndarray
    values: np.ndarray
    ids: list
    faults: list


class Checker:
    """Turns cells into points, or into Faults; remembers what a topic of the file looks like."""

    def __init__(self, columns, now, max_future):
        self.columns, self.now, self.max_future = columns, now, max_future
        self.known = {}

    def check_block(self, first, rows):
        """The Block of rows of cells."""
        _, topics, ts, values, ids = zip(*rows, strict=True)
        try:
            if any(type(cell) is Broken for cell in ts):
                raise ValueError
            # A whole column at once is seven times as quick; whatever it stumbles over is named row by row.
            points = [self.check_topics(topics), self.check_times(ts), check_numbers(values), check_ids(ids)]
            faults = []
        except (ValueError, TypeError, OverflowError):
            points, faults = self.check_rows(rows)
        numbers = {}
        topic = np.array([numbers.setdefault(name, len(numbers)) for name in points[0]], np.int64)
        ts, values = np.array(points[1], np.int64), np.array(points[2], np.float64)
        return Block(first, first + len(rows), list(numbers), topic, ts, values, list(points[3]), faults)

    def check_topics(self, cells):
        """The topics of cells; ValueError unless all are."""
        for cell in set(cells):
            self.check_topic(cell)
        return [self.columns.fixed] * len(cells) if self.columns.fixed else [self.known[c] for c in cells]

    def check_times(self, cells):
        """The times of cells in ms; ValueError unless all are whole numbers of milliseconds."""
        whole = "".join(cells).isdecimal() if isinstance(cells[0], str) else {int} == set(map(type, cells))
        if not whole:
            return [self.check_time(cell) for cell in cells]
        found = list(map(int, cells))
        for edge in (min(found), max(found)):
            self.check_time(edge)
        return found

    def check_rows(self, rows):
        """``([topics, times, values, ids], Faults)``, one row after the other."""
        faults = []
        checked = (self.check_row(line, cells, faults) for line, *cells in rows)
        found = [point for point in checked if point]
        topics, ts, values, ids = zip(*found, strict=True) if found else ((), (), (), ())
        return [topics, ts, values, [name for name in ids if name is not None]], faults

    def check_row(self, line, cells, faults):
        """``(topic, ts, value, id)``, or None with a Fault more."""
        if isinstance(cells[0], Broken):
            faults.append(Fault(line, "row", show(cells[0].text), cells[0].message))
            return None
        checks = (self.check_topic, self.check_time, check_number, check_id)
        found = []
        for field, cell, check in zip(FIELDS, cells, checks, strict=True):
            try:
                found.append(check(cell))
            except BadInput as error:
                name = getattr(self.columns, field) or field
                faults.append(Fault(line, name, show(cell), str(error)))
                return None
        return found

    def check_topic(self, cell):
        """The topic of a row."""
        if self.columns.fixed:
            return self.columns.fixed
        if cell not in self.known:
            self.known[cell] = check_topic(cell.strip() if isinstance(cell, str) else cell)
        return self.known[cell]

    def check_time(self, cell):
        """ms since the epoch of milliseconds or ISO 8601 with an offset."""
        if isinstance(cell, str):
            cell = cell.strip()
            cell = int(cell) if WHOLE.match(cell) else cell
        elif isinstance(cell, float) and cell.is_integer():
            cell = int(cell)
        return check_ts(cell, now=self.now, max_future=self.max_future)


def check_number(cell):
    """The value of a row as a float; 1 where the table has no such column."""
    if cell is None:
        return 1.0
    if isinstance(cell, str):
        try:
            # Python reads 1_000 too, which nobody means in a table.
            cell = float(cell) if "_" not in cell else cell
        except ValueError:
            pass
    return check_value(cell)


def check_numbers(cells):
    """The values of cells; ValueError unless all are finite numbers."""
    if isinstance(cells[0], str) and "_" not in "".join(cells):
        found = list(map(float, cells))
        if np.isfinite(found).all():
            return found
    return [check_number(cell) for cell in cells]


def check_ids(cells):
    """The ids of cells, [] where there are none; BadInput unless all are."""
    return [] if cells[0] is None else [check_id(cell) for cell in cells]
