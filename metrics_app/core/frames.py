"""Frames: points as the text that WebSockets and event streams carry.

Points come as two arrays of equal length, ``ts`` int64 ms and ``values`` float64,
with the offset of the first one; a row is ``[ts, count, mean, min, max]``.
"""

import msgspec
import numpy as np

from metrics_app.core.buckets import hold, hold_columns
from metrics_app.core.positions import format_position

encode_json = msgspec.json.encode


def encode_points(topic, epoch, first_offset, ts, values):
    """The ``points`` frame of a WebSocket; its position is that of the last point."""
    return encode_text(
        {
            "type": "points",
            "topic": topic,
            "position": format_position(epoch, first_offset + len(ts) - 1),
            "points": pair_points(ts, values),
        }
    )


def encode_summary(topic, epoch, first_offset, ts, values):
    """The ``summary`` frame that stands in place of the points ``from`` to ``position``."""
    return encode_text(
        {
            "type": "summary",
            "topic": topic,
            "from": format_position(epoch, first_offset),
            "position": format_position(epoch, first_offset + len(ts) - 1),
            "rows": summarise_seconds(ts, values),
        }
    )


def encode_text(message):
    """Compact JSON as text; a number that is not finite becomes null."""
    return encode_json(message).decode()


def make_frame(text):
    """``(ASGI message, bytes)`` of a WebSocket frame."""
    return {"type": "websocket.send", "text": text}, len(text)


def make_chunk(body):
    """``(ASGI message, bytes)`` of a piece of a response that goes on."""
    return {"type": "http.response.body", "body": body, "more_body": True}, len(body)


def pair_points(ts, values):
    """``[(ts, value), …]`` in Python's own numbers."""
    return list(zip(ts.tolist(), values.tolist(), strict=True))


def summarise_seconds(ts, values):
    """One row per second that has points, in order of time; ``ts`` is the second's start."""
    order = np.argsort(ts, kind="stable")
    seconds, values = ts[order] // 1000 * 1000, values[order]
    starts = np.flatnonzero(np.diff(seconds, prepend=seconds[0] - 1))
    counts = np.diff(starts, append=len(seconds))
    # Each value over its count first: the sum of the values themselves may overflow.
    means = np.add.reduceat(values / np.repeat(counts, counts), starts)
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    columns = seconds[starts], counts, hold_columns(means, low, high), low, high
    lists = [column.tolist() for column in columns]
    return [list(row) for row in zip(*lists, strict=True)]


def encode_events(epoch, first_offset, ts, values):
    """One server-sent event per point, each with its position as id."""
    points = enumerate(zip(ts.tolist(), values.tolist(), strict=True), first_offset)
    return "".join(
        f'id: {epoch}:{offset}\ndata: {{"ts": {at}, "value": {value!r}}}\n\n'
        for offset, (at, value) in points
    ).encode()


def encode_topic_events(topic, ids, ts, values):
    """One event per point of one topic among several; ``ids`` are the opaque positions."""
    points = zip(ids, ts.tolist(), values.tolist(), strict=True)
    return "".join(
        f'id: {id}\ndata: {{"topic": "{topic}", "ts": {at}, "value": {value!r}}}\n\n'
        for id, at, value in points
    ).encode()


def encode_conflated(id, batches, topic=None):
    """One event for all points of some batches: the newest time, the mean as ``value``, count, min, max."""
    ts = np.concatenate([batch.ts for batch in batches])
    values = np.concatenate([batch.values for batch in batches])
    data = {
        "ts": int(ts.max()),
        "value": hold(float((values / len(values)).sum()), float(values.min()), float(values.max())),
        "count": len(values),
        "min": float(values.min()),
        "max": float(values.max()),
    }
    return encode_event(data | ({"topic": topic} if topic else {}), id=id)


def encode_event(data, *, event=None, id=None, retry=None):
    """One server-sent event; ``data`` is anything JSON can say, ``retry`` in ms.

    Each has data: without, some clients forget its ``id``, and others hand it to readers of JSON.
    """
    head = {"retry": retry, "id": id, "event": event}
    lines = [f"{name}: {value}" for name, value in head.items() if value is not None]
    return "\n".join([*lines, f"data: {encode_text(data)}\n\n"]).encode()
