"""Many windows at once, for those who judge them: rings in bulk, NumPy over all of them."""

from typing import NamedTuple

import numpy as np

from metrics_app.connection import get_redis, guard, key
from metrics_app.core import details
from metrics_app.core.aggregates import CHANGES, SHAPED, TRENDS, compare, compute
from metrics_app.core.buckets import HOT, MINUTE, Summary, floor, merge
from metrics_app.core.generations import Generations
from metrics_app.core.packing import SLOT, SLOTS
from metrics_app.core.trends import cover, find_pace
from metrics_app.lua import read_script
from metrics_app.queries.buckets import read_buckets
from metrics_app.queries.corrections import load_voids
from metrics_app.queries.history import has_others, list_parts, read_past
from metrics_app.queries.logs import clock, shard_for
from metrics_app.queries.reading import Want, find_edges, read_many

DETAILS = read_script("details")
CHUNK = 500  # topics per read: 1.7 MB of rings
EXTREMES = {"min", "max"}
EMPTY_RING = bytes(SLOTS * SLOT.itemsize)


class Observation(NamedTuple):
    """What a window holds: the aggregate's value (None: empty) and the number of points."""

    value: float | None
    n: int


def ask(topic, rule, slot):
    """The request for what a rule sees at a slot (ms)."""
    return topic, slot - rule.window * 1000, slot, rule.aggregate, rule.aggregate_value


def observe(requests):
    """One Observation per ``(topic, start_ms, end_ms, aggregate[, value])``, in the same order.

    ``value`` is where shares divide, or what a trend leads to. Windows within the hot hour cost
    one ring per topic, and two details where they cut a minute; what asks for a distribution and
    longer windows read the details of every minute, changes also the history, and a trend reads
    its topic by itself.
    """
    trends = [index for index, request in enumerate(requests) if request[3] in TRENDS]
    if trends:
        return observe_apart(requests, set(trends))
    changes = [index for index, request in enumerate(requests) if request[3] in CHANGES]
    found = observe_plain(requests if not changes else [make_plain(request) for request in requests])
    if changes:
        observe_changes(requests, changes, found)
    return found


def observe_apart(requests, trends):
    """``observe`` where some of the requests are for trends."""
    rest = iter(observe([request for index, request in enumerate(requests) if index not in trends]))
    return [
        observe_trend(*request) if index in trends else next(rest) for index, request in enumerate(requests)
    ]


def observe_trend(topic, start, end, aggregate, value=None):
    """The seconds until the line through a window's whole minutes meets ``value``, and their points."""
    pace, n = read_pace(topic, start, end, aggregate, value)
    return Observation(None, 0) if pace is None else Observation(pace.about, n)


def read_pace(topic, start, end, aggregate, value):
    """``(Pace or None, points)`` at ``end`` (ms) from the whole minutes since ``start``."""
    edges = range(cover(start, end)[0], cover(start, end)[1] + 1, MINUTE)
    if len(edges) < 2:
        return None, 0
    summaries, _ = read_buckets(topic, list(edges), step=MINUTE)
    filled = [(at, part.count, part.mean) for at, part in zip(edges, summaries, strict=False) if part.count]
    minutes, counts, means = zip(*filled, strict=True) if filled else ((), (), ())
    return find_pace(minutes, counts, means, end, aggregate, value), sum(counts)


def make_plain(request, ago=0):
    """The request for the aggregate whose change is asked for; any other as it is."""
    topic, start, end, aggregate, *value = request
    if aggregate not in CHANGES:
        return request
    return topic, start - ago, end - ago, CHANGES[aggregate].base, *value


def observe_changes(requests, indices, found):
    """Sets those windows in ``found``, so far as they are now, against the same ones before."""
    earlier = observe_plain([make_plain(requests[i], CHANGES[requests[i][3]].ago) for i in indices])
    for index, before in zip(indices, earlier, strict=True):
        pair = ((np.array([seen.value], float), np.array([seen.n])) for seen in (found[index], before))
        values, n = compare(requests[index][3], *pair)
        value = values.item()
        found[index] = Observation(None if value != value else value, n.item())


def observe_plain(requests):
    """``observe`` for whatever needs one window."""
    found = [None] * len(requests)
    topics, single = {}, []
    # Asked once, not ten thousand times.
    hot_from, voids = clock() - HOT, load_voids()
    for index, (topic, start, _, aggregate, *_) in enumerate(requests):
        if aggregate in SHAPED or start < hot_from or topic in voids:
            single.append(index)
        else:
            topics.setdefault(topic, []).append(index)
    by_shard = {}
    for topic, indices in topics.items():
        by_shard.setdefault(shard_for(topic), []).append((topic, indices))
    for shard, rows in by_shard.items():
        for at in range(0, len(rows), CHUNK):
            observe_rings(shard, rows[at : at + CHUNK], requests, found)
    observe_details(requests, single, found)
    return found


def observe_details(requests, indices, found):
    """The exact way, topic by topic, a chunk of topics per round trip."""
    for at in range(0, len(indices), CHUNK):
        part = indices[at : at + CHUNK]
        wants = [Want(*requests[i][:3], requests[i][3] in SHAPED) for i in part]
        readings = read_many(wants)
        for index, reading, past in zip(part, readings, read_past(readings), strict=True):
            found[index] = judge(requests[index], merge(list_parts(reading, past)))


def judge(request, summary):
    """The Observation of the Summary of what was asked for."""
    _, start, end, aggregate, *value = request
    return Observation(compute(aggregate, summary, (end - start) / 1000, *value), summary.count)


def observe_rings(shard, rows, requests, found):
    """Windows of a shard's ``[(topic, request indices), …]``: one read, one pass over all slots."""
    topics = [topic for topic, _ in rows]
    order = [index for _, indices in rows for index in indices]
    owner = [at for at, (_, indices) in enumerate(rows) for _ in indices]
    spans = [requests[index][1:3] for index in order]
    cuts = [
        (at, minute)
        for at, (start, end) in zip(owner, spans, strict=True)
        if start % MINUTE or end % MINUTE
        for minute in find_edges(start, end)
    ]
    sealed, generations, rings, packed = fetch_rings(shard, topics, sorted(set(cuts)))
    # After a loss the rings are not all there is: for an hour the slower way is the right one.
    if generations.is_young(min(start for start, _ in spans)) and has_others(shard, generations):
        observe_details(requests, order, found)
        return
    extremes = any(requests[index][3] in EXTREMES for index in order)
    whole = sum_slots(rings.reshape(len(topics), SLOTS), owner, spans, sealed, extremes)
    for index, at, summary in zip(order, owner, whole, strict=True):
        start, end = requests[index][1:3]
        if start % MINUTE or end % MINUTE:
            summary = merge([summary, *cut_edges(packed, at, start, end, sealed)])
        found[index] = judge(requests[index], summary)


def fetch_rings(shard, topics, cuts):
    """``(sealed, Generations, slots of all rings, {(topic's number, minute): bytes})`` as of one moment."""
    pipe = get_redis().pipeline(transaction=True)
    pipe.hget(key(shard, "meta"), "sealed")
    pipe.get(key(shard, "gens"))
    pipe.mget([key(shard, f"ring:{topic}") for topic in topics])
    if cuts:
        pairs = [text for at, minute in cuts for text in (topics[at], minute)]
        pipe.eval(DETAILS, 1, key(shard, "meta"), key(shard, ""), *pairs)
    with guard():
        sealed, generations, rings, *packed = pipe.execute()
    # A ring ends with the last slot that was ever written.
    data = b"".join([ring.ljust(len(EMPTY_RING), b"\0") if ring else EMPTY_RING for ring in rings])
    found = dict(zip(cuts, *packed, strict=True)) if cuts else {}
    return int(sealed or 0), Generations((generations or b"").decode()), np.frombuffer(data, SLOT), found


def cut_edges(packed, at, start, end, sealed):
    """The Summaries of the cut minutes of a window of topic number ``at``."""
    for minute in find_edges(start, end):
        if minute >= sealed and packed[at, minute]:
            low, high = max(start - minute, 0), min(end - minute, MINUTE)
            yield details.unpack(packed[at, minute]).cut(low, high, False)


def sum_slots(slots, owner, spans, sealed, extremes):
    """A Summary of the whole minutes within each span; ``owner`` is its row of ``slots``.

    Their m2 is left at 0: no aggregate asks for it; min and max are read for ``extremes`` only.
    """
    spans = np.array(spans)
    starts = np.maximum(-floor(-spans[:, :1], MINUTE), sealed)
    ends = floor(spans[:, 1:], MINUTE)
    if len(owner) != len(slots):
        slots = slots[owner]
    minutes = slots["minute"]
    wanted = (minutes >= starts) & (minutes < ends)
    count = np.where(wanted, slots["count"], 0).sum(axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.where(wanted, slots["sum"], 0.0).sum(axis=1)
    # A slot that was never written is minute 0, outside every window.
    low, high = np.full(len(spans), np.inf), np.full(len(spans), -np.inf)
    if extremes:
        low = np.where(wanted, slots["min"], np.inf).min(axis=1)
        high = np.where(wanted, slots["max"], -np.inf).max(axis=1)
    rows = zip(count.tolist(), total.tolist(), low.tolist(), high.tolist(), strict=True)
    return [Summary(n, sum_, 0.0, least, most) for n, sum_, least, most in rows]
