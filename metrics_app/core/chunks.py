"""Chunks: consecutive points of one topic, packed into 16 + 12 bytes a point.

A chunk is an entry of a topic's log. Its points have the offsets ``first_offset``,
``first_offset + 1``, … in the order of their arrival.
"""

import struct

import numpy as np

HEADER = struct.Struct("<qq")  # first offset, base (the earliest ts in the chunk, ms)
POINT_BYTES = 12
MAX_SPAN = 2**32 - 1  # ms between the earliest and the latest point of a chunk: 49 days


def pack_chunk(first_offset, ts, values):
    """The bytes of a chunk; ``ts`` int64 ms and ``values`` float64, equally long and not empty.

    ValueError when the times lie more than 49 days apart.
    """
    base = int(ts.min())
    if int(ts.max()) - base > MAX_SPAN:
        raise ValueError(f"a chunk spans at most {MAX_SPAN} ms, not {int(ts.max()) - base}")
    deltas = (ts - base).astype("<u4")
    return HEADER.pack(first_offset, base) + deltas.tobytes() + values.astype("<f8").tobytes()


def unpack_chunk(data):
    """``(first_offset, ts int64 array, values float64 array)`` of a packed chunk."""
    first_offset, base = HEADER.unpack_from(data)
    count = (len(data) - HEADER.size) // POINT_BYTES
    deltas = np.frombuffer(data, "<u4", count, HEADER.size)
    values = np.frombuffer(data, "<f8", count, HEADER.size + 4 * count)
    return first_offset, deltas.astype(np.int64) + base, values
