"""The bytes that stand in Redis: ring slots, heads, sealed minutes. Little endian throughout."""

import struct
from typing import NamedTuple

import numpy as np

from metrics_app.core import sketch as sketches
from metrics_app.core.buckets import Summary
from metrics_app.core.durations import MINUTE_MS

SLOTS = 70
SLOT = np.dtype(
    [("minute", "<i8"), ("count", "<i8"), ("sum", "<f8"), ("m2", "<f8"), ("min", "<f8"), ("max", "<f8")]
)
SLOT_STRUCT = struct.Struct("<qqdddd")
HEAD = struct.Struct("<8sQqQ")


class Head(NamedTuple):
    """A topic's log: the newest point has offset ``top``, the first one has 1."""

    epoch: str
    top: int
    last_ts: int
    total: int


def pack_head(head):
    """32 bytes."""
    return HEAD.pack(head.epoch.encode(), head.top, head.last_ts, head.total)


def unpack_head(data):
    """The Head of 32 bytes, None of None."""
    if not data:
        return None
    epoch, *rest = HEAD.unpack(data)
    return Head(epoch.decode(), *rest)


def slot_of(minute):
    """The index of a minute (ms) in the ring."""
    return minute // MINUTE_MS % SLOTS


def unpack_ring(data):
    """``{minute: (count, sum, m2, min, max)}`` of a ring's bytes (or None)."""
    return {slot[0]: slot[1:] for slot in SLOT_STRUCT.iter_unpack(data or b"") if slot[1]}


def pack_held(slot, detail):
    """A sealed minute: its slot (48 bytes) and the sketch of its detail."""
    values, sketch = detail.shape()
    return slot + (sketches.Sketch.of(values) if sketch is None else sketch).pack()


def unpack_held(data):
    """The Summary of a sealed minute, with its sketch."""
    return Summary(*SLOT_STRUCT.unpack_from(data)[1:], None, sketches.unpack(data[SLOT.itemsize :]))
