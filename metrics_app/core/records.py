"""The evaluation record: what many thresholds saw at one slot, in one packed row.

Columns instead of rows, then zlib: 10,000 judgements take about 100 KB.
"""

import zlib
from typing import NamedTuple

import numpy as np

# Codes are places: what is new comes last, so that older records stay what they were.
CLASSES = ("breach", "band", "clear", "thin", "empty", "error", "incomparable")
STATES = ("ok", "pending", "firing", "recovering")
CLASS_CODE = {name: code for code, name in enumerate(CLASSES)}
STATE_CODE = {name: code for code, name in enumerate(STATES)}
COLUMNS = ("<i8", "<u4", "u1", "<f8", "<i8", "u1")
FORMAT = b"\x01"


class Record(NamedTuple):
    """One judgement; ``value`` is None where there was none, ``n`` -1 where the query failed."""

    threshold: int
    version: int
    slot_class: str
    value: float | None
    n: int
    state: str  # after the slot


def pack_records(records):
    """Bytes of a list of ``Record``s."""
    ids, versions, classes, values, counts, states = zip(*records, strict=True)
    classes, states = [CLASS_CODE[name] for name in classes], [STATE_CODE[name] for name in states]
    # None becomes NaN: a judged value is always finite.
    return pack_columns(ids, versions, classes, values, counts, states)


def pack_columns(*columns):
    """Bytes of the columns of ``Record``s, with the codes of classes and states; one for all is enough."""
    length = len(columns[0])
    arrays = [np.array(column, kind) for column, kind in zip(columns, COLUMNS, strict=True)]
    packed = b"".join(np.broadcast_to(array, length).tobytes() for array in arrays)
    return FORMAT + zlib.compress(packed, level=1)


def unpack_records(packed):
    """The ``Record``s of ``pack_records``; ValueError for anything else."""
    if bytes(packed[:1]) != FORMAT:
        raise ValueError(f"unknown format {bytes(packed[:1])!r} of an evaluation record")
    raw = zlib.decompress(packed[1:])
    length = len(raw) // sum(np.dtype(column).itemsize for column in COLUMNS)
    columns, start = [], 0
    for column in COLUMNS:
        columns.append(np.frombuffer(raw, column, length, start).tolist())
        start += length * np.dtype(column).itemsize
    return [
        Record(threshold, version, CLASSES[code], None if value != value else value, n, STATES[state])
        for threshold, version, code, value, n, state in zip(*columns, strict=True)
    ]
