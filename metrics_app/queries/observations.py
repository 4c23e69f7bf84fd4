"""Many windows at once, for those who judge them: rings in bulk, NumPy over all of them."""

from typing import NamedTuple

import numpy as np

from metrics_app.connection import get_redis, guard, key
from metrics_app.core.aggregates import AGGREGATES, QUANTILES
from metrics_app.core.buckets import HOUR, MINUTE, Summary, merge
from metrics_app.core.packing import SLOT, SLOTS
from metrics_app.queries.logs import shard_for
from metrics_app.queries.reading import Want, read_many

CHUNK = 2_000  # rings per MGET: 6.7 MB
EMPTY_RING = bytes(SLOTS * SLOT.itemsize)


class Observation(NamedTuple):
    """What a window holds: the aggregate's value (None: empty) and the number of points."""

    value: float | None
    n: int


def observe(requests):
    """One Observation per ``(topic, start_ms, end_ms, aggregate)``, in the same order.

    Windows of whole minutes within the hot hour cost one MGET per shard; edges within
    a minute, percentiles and longer windows read the details as well.
    """
    found = [None] * len(requests)
    bulk, single = {}, []
    for index, (topic, start, end, aggregate) in enumerate(requests):
        if aggregate in QUANTILES or start % MINUTE or end % MINUTE or end - start > HOUR:
            single.append(index)
        else:
            bulk.setdefault(shard_for(topic), []).append(index)
    for shard, indices in bulk.items():
        for at in range(0, len(indices), CHUNK):
            part = indices[at : at + CHUNK]
            observe_rings(shard, [requests[i] for i in part], part, found)
    observe_details(requests, single, found)
    return found


def observe_details(requests, indices, found):
    """The exact way, topic by topic, a chunk of topics per round trip."""
    wants = [Want(*requests[i][:3], requests[i][3] in QUANTILES) for i in indices]
    for at in range(0, len(wants), CHUNK):
        for index, reading in zip(indices[at:], read_many(wants[at : at + CHUNK]), strict=False):
            _, start, end, aggregate = requests[index]
            found[index] = judge(aggregate, merge(reading.parts()), start, end)


def judge(aggregate, summary, start, end):
    """The Observation of a Summary."""
    return Observation(AGGREGATES[aggregate](summary, (end - start) / 1000), summary.count)


def observe_rings(shard, requests, indices, found):
    """Whole minutes of one shard: one read, one pass over (requests × 70) slots."""
    topics = sorted({topic for topic, *_ in requests})
    with guard():
        pipe = get_redis().pipeline(transaction=True)
        pipe.hget(key(shard, "meta"), "sealed")
        pipe.mget([key(shard, f"ring:{topic}") for topic in topics])
        sealed, rings = pipe.execute()
    slots = np.frombuffer(b"".join((ring or b"").ljust(len(EMPTY_RING), b"\0") for ring in rings), SLOT)
    row = {topic: at for at, topic in enumerate(topics)}
    slots = slots.reshape(len(topics), SLOTS)[[row[topic] for topic, *_ in requests]]
    starts = np.array([[max(start, int(sealed or 0))] for _, start, _, _ in requests])
    ends = np.array([[end] for _, _, end, _ in requests])
    columns = sum_slots(slots, (slots["minute"] >= starts) & (slots["minute"] < ends) & (slots["count"] > 0))
    for index, column, (_, start, end, aggregate) in zip(indices, columns, requests, strict=True):
        found[index] = judge(aggregate, Summary(int(column[0]), *column[1:]), start, end)


def sum_slots(slots, wanted):
    """``[(count, sum, m2, min, max), …]`` of the wanted slots of each row; m2 is left at 0: nobody asks."""
    count = np.where(wanted, slots["count"], 0).sum(axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.where(wanted, slots["sum"], 0.0).sum(axis=1)
    low = np.where(wanted, slots["min"], np.inf).min(axis=1)
    high = np.where(wanted, slots["max"], -np.inf).max(axis=1)
    rows = (count.tolist(), total.tolist(), [0.0] * len(count), low.tolist(), high.tolist())
    return list(zip(*rows, strict=True))
