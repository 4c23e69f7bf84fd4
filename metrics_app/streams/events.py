"""What subscriptions are told besides points: made once, shared by every socket."""

from functools import cached_property

from metrics_app.core import frames


class Notice:
    """An event that is not a point: a threshold's state, a pipeline."""

    def __init__(self, event):
        self.event = event

    @cached_property
    def frame(self):
        """``(message, bytes)`` for a WebSocket."""
        return frames.make_frame(frames.encode_text(self.event))

    @cached_property
    def events(self):
        """``(message, bytes)`` for an event stream; without an id, since it is no position."""
        return frames.make_chunk(frames.encode_event(self.event, event=self.event["type"]))
