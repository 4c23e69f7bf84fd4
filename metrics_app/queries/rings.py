"""Rings in bulk: windows of the hot hour, a read for some hundred topics and NumPy over all of them."""

import numpy as np

from metrics_app.connection import get_redis, guard, key
from metrics_app.core import details
from metrics_app.core.aggregates import compute_many, list_names
from metrics_app.core.buckets import Summary, floor, merge
from metrics_app.core.durations import MINUTE_MS
from metrics_app.core.generations import Generations
from metrics_app.core.packing import SLOT, SLOTS
from metrics_app.lua import read_script
from metrics_app.queries.history import has_others
from metrics_app.queries.reading import find_edges

DETAILS = read_script("details")
CHUNK = 500  # topics per read: 1.7 MB of rings
EMPTY_RING = bytes(SLOTS * SLOT.itemsize)


def part_rings(asked, chosen):
    """Of the ``chosen`` (indices) those of one shard and at most ``CHUNK`` topics, part by part.

    Yields ``(shard, topics, owner, indices)``; ``owner`` is each one's row in ``topics``.
    """
    shards = asked.shards[chosen]
    for shard in np.unique(shards).tolist():
        of_shard = chosen[shards == shard]
        numbers = {}
        owner = [numbers.setdefault(asked.topics[at], len(numbers)) for at in of_shard.tolist()]
        owner, topics = np.array(owner), list(numbers)
        for at in range(0, len(topics), CHUNK):
            within = (owner >= at) & (owner < at + CHUNK)
            yield shard, topics[at : at + CHUNK], owner[within] - at, of_shard[within]


def observe_rings(shard, topics, owner, asked):
    """``(values, n)`` of windows of one shard from one read; None where rings are not all there is."""
    # A minute cut by one of its edges takes its detail as well.
    cut = np.flatnonzero((asked.starts % MINUTE_MS != 0) | (asked.ends % MINUTE_MS != 0))
    cuts = {
        (at, minute)
        for at, *span in zip(
            owner[cut].tolist(), asked.starts[cut].tolist(), asked.ends[cut].tolist(), strict=True
        )
        for minute in find_edges(*span)
    }
    sealed, generations, rings, packed = fetch_rings(shard, topics, sorted(cuts))
    # After a loss the rings are not all there is: for an hour the slower way is the right one.
    if generations.is_young(asked.starts.min().item()) and has_others(shard, generations):
        return None
    extremes = not set(asked.aggregates).isdisjoint(list_names("reads_extremes"))
    summaries = sum_slots(rings.reshape(len(topics), SLOTS), owner, asked, sealed, extremes)
    for at, number in zip(cut.tolist(), owner[cut].tolist(), strict=True):
        add_edges(summaries, at, cut_edges(packed, number, asked.starts[at], asked.ends[at], sealed))
    return compute_each(asked, summaries), summaries.count


def compute_each(asked, summaries):
    """The value of each window; NaN: none."""
    windows, names = (asked.ends - asked.starts) / 1000, set(asked.aggregates)
    if len(names) == 1:
        return compute_many(*names, summaries, windows)
    values, aggregates = np.empty(len(windows)), np.array(asked.aggregates)
    for name in names:
        chosen = aggregates == name
        values[chosen] = compute_many(name, Summary(*(c[chosen] for c in summaries[:5])), windows[chosen])
    return values


def fetch_rings(shard, topics, cuts):
    """``(sealed, Generations, slots of all rings, {(topic's number, minute): bytes})`` as of one moment."""
    pipe = get_redis().pipeline(transaction=True)
    pipe.hget(key(shard, "meta"), "sealed")
    pipe.get(key(shard, "gens"))
    prefix = key(shard, "ring:")
    pipe.mget([prefix + topic for topic in topics])
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
    for minute in find_edges(int(start), int(end)):
        if minute >= sealed and packed[at, minute]:
            low, high = max(start - minute, 0), min(end - minute, MINUTE_MS)
            yield details.unpack(packed[at, minute]).cut(low, high, False)


def add_edges(summaries, at, edges):
    """Adds the Summaries of cut minutes to the window number ``at``."""
    whole = merge([Summary(*(column[at].item() for column in summaries[:5])), *edges])
    for column, number in zip(summaries[:5], whole, strict=False):
        column[at] = number


def sum_slots(slots, owner, asked, sealed, extremes):
    """A Summary of arrays of the whole minutes within each window; ``owner`` is its row of ``slots``.

    Their m2 is left at 0: what reads it is not answered by rings. Min and max are read for ``extremes``.
    """
    starts = np.maximum(-floor(-asked.starts, MINUTE_MS), sealed)[:, None]
    ends = floor(asked.ends, MINUTE_MS)[:, None]
    if len(owner) != len(slots):
        slots = slots[owner]
    minutes = slots["minute"]
    wanted = (minutes >= starts) & (minutes < ends)
    count = np.where(wanted, slots["count"], 0).sum(axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.where(wanted, slots["sum"], 0.0).sum(axis=1)
    # A slot that was never written is minute 0, outside every window.
    low, high = np.full(len(owner), np.inf), np.full(len(owner), -np.inf)
    if extremes:
        low = np.where(wanted, slots["min"], np.inf).min(axis=1)
        high = np.where(wanted, slots["max"], -np.inf).max(axis=1)
    return Summary(count, total, np.zeros(len(owner)), low, high)
