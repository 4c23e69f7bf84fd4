"""Points for tests, and the plain answer to compare with."""

import numpy as np

from metrics_app import bus


def publish(topic, ts, values=None, **options):
    """Puts points of one topic on the bus; values default to 1."""
    ts = np.atleast_1d(np.asarray(ts, np.int64))
    values = np.ones(len(ts)) if values is None else np.broadcast_to(np.asarray(values, float), ts.shape)
    bus.publish({topic: (ts, values)}, **options)


def select(ts, values, start, end):
    """The values with start ≤ ts < end."""
    ts, values = np.asarray(ts), np.asarray(values, float)
    return values[(ts >= start) & (ts < end)]
