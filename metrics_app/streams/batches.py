"""What travels from a feed to its subscriptions: made once, shared by every socket.

Whoever sends one of these messages never changes it.
"""

from functools import cached_property

from metrics_app.core import frames

FRAME_POINTS = 10_000  # points in one frame


class Batch:
    """Consecutive points of one topic; not ``raw``: WebSockets get them as rows of a second."""

    def __init__(self, topic, epoch, first_offset, ts, values, raw=True):
        self.topic, self.epoch, self.first_offset = topic, epoch, first_offset
        self.ts, self.values, self.raw = ts, values, raw
        self.next = first_offset + len(ts)

    @cached_property
    def frame(self):
        """``(message, bytes)`` for a WebSocket."""
        encode = frames.encode_points if self.raw else frames.encode_summary
        text = encode(self.topic, self.epoch, self.first_offset, self.ts, self.values)
        return {"type": "websocket.send", "text": text}, len(text)

    @cached_property
    def events(self):
        """``(message, bytes)`` for an event stream of this topic alone."""
        return make_chunk(frames.encode_events(self.epoch, self.first_offset, self.ts, self.values))


def split_slice(topic, part, size=FRAME_POINTS, raw=True):
    """Batches of at most ``size`` points from a slice of the log."""
    for start in range(0, len(part.ts), size):
        end = start + size
        first = part.first_offset + start
        yield Batch(topic, part.epoch, first, part.ts[start:end], part.values[start:end], raw)


class Notice:
    """An event that is not a point: a threshold's state, a pipeline."""

    def __init__(self, event):
        self.event = event

    @cached_property
    def frame(self):
        """``(message, bytes)`` for a WebSocket."""
        return make_frame(self.event)

    @cached_property
    def events(self):
        """``(message, bytes)`` for an event stream; without an id, since it is no position."""
        return make_chunk(frames.encode_event(self.event, event=self.event["type"]))


def make_frame(message):
    """``(ASGI message, bytes)`` of a WebSocket frame that says ``message`` in JSON."""
    text = frames.encode_text(message)
    return {"type": "websocket.send", "text": text}, len(text)


def make_chunk(body):
    """``(ASGI message, bytes)`` of a piece of a response that goes on."""
    return {"type": "http.response.body", "body": body, "more_body": True}, len(body)
