"""A slice: consecutive points of one topic's log, from the collector to the last reader.

The collector adds one, the log is read as one, a feed passes one on to every socket. What
a socket is sent of it is made once and shared: whoever sends one of these messages never
changes it.
"""

from functools import cached_property

import numpy as np

from metrics_app.core import frames


class Slice:
    """Points of the offsets ``first_offset`` to ``top`` of a log; ``ts`` int64 ms, ``values`` float64.

    Perhaps none: ``next`` is then where the next one will be. Not ``raw``: WebSockets get
    them as rows of a second.
    """

    def __init__(self, topic, epoch, first_offset, ts, values, raw=True):
        self.topic, self.epoch, self.first_offset = topic, epoch, first_offset
        self.ts, self.values, self.raw = ts, values, raw
        self.next = first_offset + len(ts)

    @property
    def top(self):
        """The offset of the last point."""
        return self.next - 1

    def skip(self, points):
        """The Slice without its first points."""
        return Slice(
            self.topic, self.epoch, self.first_offset + points, self.ts[points:], self.values[points:]
        )

    def split(self, size, raw=True):
        """Slices of at most ``size`` points, in order."""
        for start in range(0, len(self.ts), size):
            end, first = start + size, self.first_offset + start
            yield Slice(self.topic, self.epoch, first, self.ts[start:end], self.values[start:end], raw)

    @cached_property
    def frame(self):
        """``(message, bytes)`` for a WebSocket."""
        encode = frames.encode_points if self.raw else frames.encode_summary
        return frames.make_frame(encode(self.topic, self.epoch, self.first_offset, self.ts, self.values))

    @cached_property
    def events(self):
        """``(message, bytes)`` for an event stream of this topic alone."""
        return frames.make_chunk(frames.encode_events(self.epoch, self.first_offset, self.ts, self.values))


def join_slices(slices):
    """One Slice of several that follow each other, at least one."""
    ts, values = (np.concatenate(column) for column in zip(*((x.ts, x.values) for x in slices), strict=True))
    return Slice(slices[0].topic, slices[0].epoch, slices[0].first_offset, ts, values)
