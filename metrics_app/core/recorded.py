"""What was recorded: the spans of time in which "no points" means none came, and not that nobody counted.

Spans are sorted lists of (start, end) in ms. Pure; ``queries.recorded`` knows the spans of a topic.
"""

import numpy as np

from metrics_app.core.durations import DAY_MS

# Of what only its points tell: a stretch this long without any is one of which nothing is known.
QUIET = DAY_MS
# A window is known when this share of it was recorded: a restart must not make a day of one unknown.
ENOUGH = 0.95


def join_pieces(pieces):
    """The spans between points that are known in ``pieces`` [(start, end), …] that hold one, in any order.

    Pieces less than ``QUIET`` apart are of one span: whoever recorded both also recorded what lies between.
    """
    found = []
    for start, end in sorted(pieces):
        if found and start - found[-1][1] < QUIET:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def measure_shares(spans, starts, ends):
    """The share (0 to 1) of each window [start, end) in the spans, which do not overlap; an array."""
    starts, ends = np.asarray(starts, float), np.asarray(ends, float)
    if not spans:
        return np.zeros(len(starts))
    edges = np.array(spans, float)
    through = np.cumsum(edges[:, 1] - edges[:, 0])
    before = np.column_stack([through - (edges[:, 1] - edges[:, 0]), through]).ravel()
    low, high = (np.interp(at, edges.ravel(), before) for at in (starts, ends))
    return (high - low) / np.maximum(ends - starts, 1)


def measure_share(spans, start, end):
    """The share of one window [start, end) that lies in the spans."""
    return float(measure_shares(spans, [start], [end])[0])


def is_enough(share):
    """Whether of a window recorded to this share one may say how little came."""
    return share >= ENOUGH
