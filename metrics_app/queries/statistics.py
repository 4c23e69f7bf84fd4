"""Statistics of a window of one topic, at a cost that does not grow with its points."""

import math

from metrics_app.core.aggregate_functions import mean, stddev
from metrics_app.core.aggregates import compute, list_names
from metrics_app.core.buckets import merge
from metrics_app.exceptions import BadInput
from metrics_app.queries.history import CORRECTED, list_parts, read_past
from metrics_app.queries.kept import find_last
from metrics_app.queries.logs import clock, get_head
from metrics_app.queries.reading import Want, read_one


def window_of(window, now=None):
    """``(start, end)`` in ms of the last ``window`` seconds, up to the next whole second."""
    if not 0 < window < math.inf:
        raise BadInput(f"{window!r} is no window: expected seconds, more than 0", field="window")
    end = ((clock() if now is None else int(now)) // 1000 + 1) * 1000
    return end - round(window * 1000), end


def span(topic, start, end, *, percentiles=False, view=CORRECTED):
    """The Summary of [start, end) ms; its quantiles answer only with ``percentiles``.

    ``view``: "corrected", or "published" as it was before late points and people's corrections.
    """
    reading = read_one(Want(topic, start, end, percentiles))
    return merge(list_parts(reading, *read_past([reading]), view))


def list_figures(summary, seconds):
    """The statistics of a Summary of a span of ``seconds``, by name: all that tiles may show, and stddev."""
    found = dict.fromkeys(("count", "sum", "mean", "min", "max", "stddev"))  # these first
    found |= {name: compute(name, summary, seconds) for name in list_names("on_tiles")}
    return found | {"count": summary.count, "stddev": stddev(summary)}


def find_last_point(topic):
    """When (ms) the newest point of a topic came, or None; of files alone when its roll-up begins."""
    head = get_head(topic)
    return head.last_ts if head else find_last(topic)


def mean_last(topic, window, *, now=None):
    """The mean of the last ``window`` seconds, or None when there is no point."""
    return mean(span(topic, *window_of(window, now)), window)


def stats(topic, window, *, now=None, view=CORRECTED):
    """All statistics of the last ``window`` seconds, under the names of the API.

    A window that reaches behind the hot hour starts on a whole minute, and ``start`` says which.
    """
    computed_at = clock() if now is None else int(now)
    reading = read_one(Want(topic, *window_of(window, computed_at), True))
    [past] = read_past([reading])
    summary = merge(list_parts(reading, past, view))
    return {
        "topic": topic,
        "window": window,
        **list_figures(summary, window),
        # Of what came by files alone Redis knows nothing: its last minute, of old ones their day.
        "last_point_at": reading.head.last_ts if reading.head else find_last(topic),
        "computed_at": computed_at,
    } | ({"start": past.whole_start(reading.want)} if reading.want.is_old() else {})
