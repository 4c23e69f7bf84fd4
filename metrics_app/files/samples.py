"""The points of one topic in a file, of cases or of points, for whoever judges them."""

from array import array
from typing import Any, NamedTuple

import numpy as np

from metrics_app.core.rows import Columns as PointColumns
from metrics_app.exceptions import BadInput
from metrics_app.files.cases import Columns as CaseColumns
from metrics_app.files.cases import Tally, iterate_cases, join_topic
from metrics_app.files.occurrences import Occurrences
from metrics_app.files.tables import is_parquet, read_blocks, read_header

FAR = 253_402_300_799_000  # ms, in the year 9999: what is judged need not have happened yet


class Samples(NamedTuple):
    """Times (ms) and values of the points of a topic, the Tally of the rows they were read from, and the
    ``topics`` (a set) that have a point in the file."""

    ts: Any
    values: Any
    tally: Tally
    topics: set


def holds_points(path, encoding=""):
    """Whether a file looks like one of points and not of cases: by the usual names of its columns."""
    if is_parquet(path):
        return True
    names = read_header(path, encoding)
    return PointColumns().ts in names and CaseColumns().created not in names


def read_points(path, topic, columns, *, encoding=""):
    """The Samples of a table of points (rows.Columns); all are of ``topic`` where no column says of which."""
    if not columns.topic:
        usual, names = PointColumns().topic, read_header(path, encoding)
        columns = columns._replace(topic=usual) if usual in names else columns._replace(fixed=topic)
    tally, occurrences, ts, values, topics = Tally(), Occurrences(), [], [], set()
    for block in read_blocks(path, columns, now=FAR, encoding=encoding):
        tally.read += block.stop - block.first
        for fault in block.faults:
            tally.bad.add(fault.line, f"{fault.field} {fault.value}: {fault.message}")
        topics.update(block.topics)
        mine = np.flatnonzero(block.topic == (block.topics.index(topic) if topic in block.topics else -1))
        # As an import has it: an id counts once.
        names = [block.ids[at] for at in mine.tolist()]
        first = mine[np.array(occurrences.number(names), int) == 0]
        tally.repeated += len(mine) - len(first)
        ts.append(block.ts[first])
        values.append(block.values[first])
    return Samples(
        np.concatenate([*ts, np.empty(0, int)]), np.concatenate([*values, np.empty(0)]), tally, topics
    )


def read_case_points(path, topic, columns, *, received, latency, **options):
    """The Samples of a topic that cases give: 1 when each came, the seconds until it was answered.

    ``columns`` and ``options`` are those of ``iterate_cases``; with a column that splits also the
    topics' kinds. BadInput for a topic that such cases do not give.
    """
    check_given(topic, received, latency, bool(columns.split))
    tally, ts, values, topics = Tally(), array("q"), array("d"), set()
    for case in iterate_cases(path, columns, tally, **options):
        for name, at in ((received, case.created), (latency, case.closed)):
            names = (name, join_topic(name, case.kind)) if columns.split else (name,)
            if at is not None:
                topics.update(names)
            if at is not None and topic in names:
                ts.append(at)
                values.append(1.0 if name == received else (case.closed - case.created) / 1000)
    return Samples(np.frombuffer(ts, np.int64), np.frombuffer(values, np.float64), tally, topics)


def check_given(topic, received, latency, is_split):
    """BadInput for a topic that cases do not give."""
    kinds = (f"{received}.", f"{latency}.") if is_split else ()
    if topic not in (received, latency) and not topic.startswith(kinds):
        raise BadInput(
            f"the cases give {received} and {latency}, not {topic}: "
            "name it with --received-topic or --latency-topic"
        )
