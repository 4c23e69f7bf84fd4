"""Reads files of cases: rows with an id, when each was created and when it was closed."""

import csv
import re
from dataclasses import dataclass, field
from typing import NamedTuple

from metrics_app.core.points import EARLIEST, MAX_TOPIC, parse_iso
from metrics_app.exceptions import BadInput
from metrics_app.files.csv_files import open_csv

NOT_IN_A_WORD = re.compile(r"[^a-z0-9]+")


class Columns(NamedTuple):
    """The names of the columns; an empty ``id`` or ``split`` is not read."""

    created: str = "created"
    closed: str = "closed"
    id: str = "id"
    split: str = ""


class Case(NamedTuple):
    """One row; times are milliseconds since the epoch, ``closed`` None while it is open."""

    line: int
    id: str
    created: int
    closed: int | None
    kind: str


DEFAULT_COLUMNS = Columns()


@dataclass
class Cases:
    """What a file holds: its usable rows, and what was left out.

    ``impossible`` lists ``(line, reason)``; ``repeated`` counts rows whose id came before.
    """

    rows: list[Case] = field(default_factory=list)
    repeated: int = 0
    impossible: list[tuple[int, str]] = field(default_factory=list)


def read_cases(path, columns=DEFAULT_COLUMNS, *, latest=None, limit=None, encoding=""):
    """The Cases of a CSV file; BadInput when it is not such a file.

    ``latest`` (ms) is the last moment that may have happened; ``limit`` the
    number of rows that are read; ``encoding`` UTF-8 unless named.
    """
    cases, seen = Cases(), set()
    with open_csv(path, encoding) as file:
        reader = csv.DictReader(file)
        try:
            check_columns(reader.fieldnames or [], columns)
            for row in reader:
                if limit is not None and len(seen) + len(cases.impossible) + cases.repeated >= limit:
                    break
                add_row(cases, seen, row, reader.line_num, columns, latest)
        except csv.Error as error:
            raise BadInput(f"line {reader.line_num} is not CSV: {error}") from None
    return cases


def check_columns(names, columns):
    """Nothing, or BadInput that names a column that is missing, with those that are there, or is doubled."""
    for option, name in columns._asdict().items():
        if name and names.count(name) > 1:
            raise BadInput(f"{names.count(name)} columns are called {name!r}: rename all but one")
        if name and name not in names:
            raise BadInput(
                f"there is no column {name!r}, only {', '.join(map(repr, names)) or 'an empty file'}: "
                f"name the right one with --{option}-column"
            )


def add_row(cases, seen, row, line, columns, latest):
    """Adds a row to ``cases``, or counts why it is left out."""
    name = (row[columns.id] or "").strip() if columns.id else str(line)
    if name in seen and not any(row.get(None, ())):
        cases.repeated += 1
        return
    try:
        case = parse_row(row, line, name, columns, latest)
    except BadInput as error:
        cases.impossible.append((line, str(error)))
        return
    seen.add(name)
    cases.rows.append(case)


def parse_row(row, line, name, columns, latest):
    """The Case of a row, or BadInput that says why it cannot have happened."""
    if any(row.get(None, ())):
        raise BadInput("it has more cells than the header: put what holds a comma in quotes")
    if not name:
        raise BadInput(f"{columns.id} is empty")
    created = parse_moment(row[columns.created], columns.created, latest)
    if created is None:
        raise BadInput(f"{columns.created} is empty")
    closed = parse_moment(row[columns.closed], columns.closed, latest)
    if closed is not None and closed < created:
        raise BadInput(f"closed before created ({row[columns.closed]} < {row[columns.created]})")
    kind = make_slug(row[columns.split] or "") if columns.split else ""
    return Case(line, name, created, closed, kind)


def parse_moment(text, column, latest):
    """Milliseconds since the epoch, None where there is no text, or BadInput."""
    text = (text or "").strip()
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
