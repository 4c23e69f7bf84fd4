"""What was recorded of a topic: the one place that knows whether "no points" means that none came.

Recorded is what the site took in live, from the topic's first point on, while it worked. Where it did not, or
the topic was not there yet, it is what points tell that came later, from a file or a late sender: between two
of them, unless a whole day lies between. Spans whose points were lost or voided are not recorded at all.
"""

import numpy as np

from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.recorded import is_enough, measure_share, measure_shares
from metrics_app.core.spans import subtract
from metrics_app.queries.corrections import list_voids
from metrics_app.queries.lives import find_recorded, list_lives
from metrics_app.queries.losses import list_losses_of


def list_recorded(topic, start, end):
    """``[(start, end), …]`` in ms of what was recorded of a topic in [start, end), sorted. BusUnavailable."""
    return list_recorded_of([(topic, start, end)])[0]


def list_recorded_of(stretches):
    """As ``list_recorded`` of each ``(topic, start, end)``; as few questions for many as for one."""
    if not stretches:
        return []
    lives = list_lives(stretches)
    find_recorded([life for life in lives if not life.is_whole])
    low, high = min(life.start for life in lives), max(life.end for life in lives)
    lost = list_losses_of(dict.fromkeys(life.topic for life in lives), low, high)
    missing = {topic: [(one.start, max(one.end, one.start + 1)) for one in lost[topic]] for topic in lost}
    return [subtract(life.recorded, [*missing[life.topic], *list_voids(life.topic)]) for life in lives]


def is_recorded(topic, start, end):
    """Whether so much of [start, end) ms was recorded that "no points" means none came."""
    return is_enough(measure_share(list_recorded(topic, start, end), start, end))


def list_known(topic, ends, window, spans=None):
    """For each window [end − ``window``, end) of ascending ``ends`` (ms) whether it was recorded.

    ``spans``: what was recorded of the topic meanwhile, where that was read already.
    """
    return [is_enough(share) for share in list_window_shares(topic, ends, window, spans)]


def list_window_shares(topic, ends, window, spans=None):
    """The share (0 to 1) of the same windows that was recorded."""
    if not ends:
        return []
    spans = list_recorded(topic, ends[0] - window, ends[-1]) if spans is None else spans
    return [round(share, 4) for share in measure_shares(spans, np.array(ends) - window, ends).tolist()]


def take_values(seen, stretches):
    """The value of each Observation of ``(topic, start, end)``; None of an empty window nobody counted in."""
    asked = [one for one, own in zip(stretches, seen, strict=True) if not own.n and own.value is not None]
    spans = dict(zip(asked, list_recorded_of(asked), strict=True))
    unknown = {one for one in asked if not is_enough(measure_share(spans[one], *one[1:]))}
    return [None if one in unknown else own.value for one, own in zip(stretches, seen, strict=True)]


def take_value(seen, topic, start, end):
    """The value of the Observation of [start, end) ms; None of an empty window in which nobody counted."""
    return take_values([seen], [(topic, start, end)])[0]


def list_shares(topic, edges):
    """The share (0 to 1) of each bucket between ascending ``edges`` (ms) in which points were recorded."""
    if len(edges) < 2:
        return []
    spans = list_recorded(topic, edges[0], edges[-1])
    return [round(share, 4) for share in measure_shares(spans, edges[:-1], edges[1:]).tolist()]


def list_shares_of(stretches):
    """The share (0 to 1) of each ``(topic, start, end)`` in ms in which points were recorded."""
    found = zip(stretches, list_recorded_of(stretches), strict=True)
    return [round(measure_share(spans, *one[1:]), 4) for one, spans in found]


def drop_unknown(topic, ends, window, values, aggregate, spans=None):
    """The values with None for each empty window [end − ``window``, end) ms in which nobody counted.

    ``spans`` as in ``list_known``.
    """
    empty = get_aggregate(aggregate).empty
    if empty is None or empty not in values:
        return values
    known = list_known(topic, ends, window, spans)
    return [None if value == empty and not one else value for value, one in zip(values, known, strict=True)]
