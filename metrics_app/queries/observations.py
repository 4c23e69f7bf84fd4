"""Many windows at once, for those who judge them: each by the cheapest way that answers it."""

import numpy as np

from metrics_app.core.aggregates import compare, compute, get_aggregate, list_names
from metrics_app.core.buckets import HOT, merge
from metrics_app.core.durations import MINUTE_MS
from metrics_app.core.earlier import find_earlier
from metrics_app.core.trends import cover, find_forecast
from metrics_app.exceptions import NotKept
from metrics_app.queries.asking import Asked, Observation, list_observations, stack_observations
from metrics_app.queries.buckets import read_buckets
from metrics_app.queries.corrections import load_voids
from metrics_app.queries.history import list_parts, read_past
from metrics_app.queries.logs import clock
from metrics_app.queries.reading import Want, read_many
from metrics_app.queries.rings import observe_rings, part_rings

CHUNK = 500  # topics per round trip, where details are read


def observe(requests):
    """One Observation per ``(topic, start_ms, end_ms, aggregate[, value[, zone]])``, in the same order.

    ``value`` is where shares divide, or what a trend leads to, ``zone`` by whose clock a change compares.
    """
    return list_observations(*observe_many(Asked.of(requests)))


def observe_many(asked):
    """``(values, n)`` of ``Asked`` windows: arrays, NaN where there is no value.

    Windows within the hot hour cost one ring per topic, and two details where they cut a
    minute; what asks for a distribution and longer windows read the details of every minute,
    changes also the history, and a trend reads its topic by itself.
    """
    trends = asked.find(list_names("is_trend"))
    if not len(trends):
        return observe_changes(asked)
    values, n = np.empty(len(asked.topics)), np.empty(len(asked.topics), "int64")
    rest = np.delete(np.arange(len(n)), trends)
    seen = [observe_trend(*request) for request in asked.take(trends).requests()]
    values[trends], n[trends] = stack_observations(seen)
    values[rest], n[rest] = observe_changes(asked.take(rest))
    return values, n


def observe_trend(topic, start, end, aggregate, value=None, zone=""):
    """The seconds until the line through a window's whole minutes meets ``value``, and their points.

    Where they make no line: None, and all points of the window.
    """
    forecast, n = read_forecast(topic, start, end, aggregate, value)
    if forecast is not None:
        return Observation(forecast.about, n)
    _, held = observe_plain(Asked.of([(topic, start, end, "count")]))
    return Observation(None, held.item())


def read_forecast(topic, start, end, aggregate, value):
    """``(Pace or None, points)`` at ``end`` (ms) from the whole minutes since ``start``."""
    edges = range(cover(start, end)[0], cover(start, end)[1] + 1, MINUTE_MS)
    if len(edges) < 2:
        return None, 0
    try:
        summaries, _ = read_buckets(topic, list(edges), step=MINUTE_MS)
    except NotKept:
        # A line through hours would lead elsewhere: where minutes are gone there is no pace.
        return None, 0
    filled = [(at, part.count, part.mean) for at, part in zip(edges, summaries, strict=False) if part.count]
    minutes, counts, means = zip(*filled, strict=True) if filled else ((), (), ())
    return find_forecast(minutes, counts, means, end, aggregate, value), sum(counts)


def observe_changes(asked):
    """``observe_many`` without trends: of changes the windows now, set against the same ones before."""
    changes = asked.find(list_names("is_change"))
    if not len(changes):
        return observe_plain(asked)
    values, n = observe_plain(make_plain(asked, earlier=False))
    pairs = asked.take(changes)
    before = observe_plain(make_plain(pairs, earlier=True))
    for name in set(pairs.aggregates):
        of_name = pairs.find({name})
        at = changes[of_name]
        values[at], n[at] = compare(name, (values[at], n[at]), [column[of_name] for column in before])
    return values, n


def make_plain(asked, earlier):
    """The windows whose change is asked for, as they are now or ``earlier``; any other as it is."""
    names = [get_aggregate(name).base or name for name in asked.aggregates]
    if not earlier:
        return asked._replace(aggregates=names)
    ends = find_ends_before(asked)
    return asked._replace(aggregates=names, starts=asked.starts - asked.ends + ends, ends=ends)


def find_ends_before(asked):
    """Where (ms) the windows before end whose change is asked for; those of others where they do."""
    ago, ends = np.array([get_aggregate(name).ago for name in asked.aggregates]), asked.ends - 0
    zones = np.array(asked.zones)
    for back, zone in sorted(set(zip(ago.tolist(), asked.zones, strict=True))):
        chosen = (ago == back) & (zones == zone)
        ends[chosen] = find_earlier(asked.ends[chosen], back, zone)
    return ends


def observe_plain(asked):
    """``observe_many`` for whatever needs one window."""
    values, n = np.empty(len(asked.topics)), np.empty(len(asked.topics), "int64")
    exact = find_exact(asked)
    left = [exact]
    for shard, topics, owner, chosen in part_rings(asked, np.delete(np.arange(len(n)), exact)):
        seen = observe_rings(shard, topics, owner, asked.take(chosen))
        if seen is None:
            left.append(chosen)
        else:
            values[chosen], n[chosen] = seen
    for chosen in left:
        observations = observe_details(asked.take(chosen).requests())
        values[chosen], n[chosen] = stack_observations(observations)
    return values, n


def find_exact(asked):
    """The indices of what rings do not answer: distributions, longer windows, voided spans."""
    # Asked once, not ten thousand times.
    exact, voids = asked.starts < clock() - HOT, load_voids()
    if voids:
        exact = exact | np.fromiter((topic in voids for topic in asked.topics), bool, len(exact))
    exact[asked.find(list_names("is_shaped"))] = True
    return np.flatnonzero(exact)


def observe_details(requests):
    """The exact way, topic by topic, a chunk of topics per round trip."""
    found, shaped = [], list_names("is_shaped")
    for at in range(0, len(requests), CHUNK):
        part = requests[at : at + CHUNK]
        readings = read_many([Want(*request[:3], request[3] in shaped) for request in part])
        found += [
            judge(request, merge(list_parts(reading, past)))
            for request, reading, past in zip(part, readings, read_past(readings), strict=True)
        ]
    return found


def judge(request, summary):
    """The Observation of the Summary of what was asked for."""
    _, start, end, aggregate, value, _ = request
    return Observation(compute(aggregate, summary, (end - start) / 1000, value), summary.count)
