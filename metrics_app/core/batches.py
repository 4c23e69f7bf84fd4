"""A batch: topics mapped to ``(ts, values)``, two NumPy arrays of equal length.

``ts`` is ``int64`` milliseconds since the epoch (UTC), ``values`` is ``float64``.
"""

import numpy as np

from metrics_app.core.points import check_topic


def group_points(topics, ts, values):
    """The batch of columns; ``topics`` is one topic or a list. Keeps the order within a topic; BadInput."""
    values = np.array(values, dtype=np.float64)
    if isinstance(topics, str):
        return {check_topic(topics): (ts, values)}
    numbers = {}
    codes = np.array([numbers.setdefault(topic, len(numbers)) for topic in topics])
    for topic in numbers:
        check_topic(topic)
    if len(numbers) == 1:
        return {topics[0]: (ts, values)}
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes))
    ts, values = ts[order], values[order]
    starts = [0, *ends[:-1]]
    return {
        topic: (ts[start:end], values[start:end])
        for topic, start, end in zip(numbers, starts, ends, strict=True)
    }
