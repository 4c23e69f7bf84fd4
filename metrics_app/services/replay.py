"""Sends cases as points, in the order they happened, each exactly once."""

import hashlib
import itertools
import time
import uuid
from array import array
from typing import NamedTuple

import numpy as np

from metrics_app import conf
from metrics_app.connection import get_redis, guard, patiently
from metrics_app.exceptions import BusUnavailable
from metrics_app.files.cases import join_topic
from metrics_app.files.occurrences import Occurrences
from metrics_app.services.record import record_batch

BATCH = 5_000
# Seconds between two attempts at a batch; its id keeps it from counting twice.
RETRIES = (0.2, 0.5, 1, 2, 4, 8, 15)
# With a pace, the points of one tick leave together.
TICKS_PER_SECOND = 10


class Events(NamedTuple):
    """Columns of equal length, sorted by ``ts`` (ms): what happened, to which case, where it goes.

    ``topic`` counts in ``topics``; ``case`` in ``ids``.
    """

    ts: np.ndarray
    values: np.ndarray
    topic: np.ndarray
    case: np.ndarray
    topics: list[str]
    ids: list[str]

    def take(self, chosen):
        """The events at these places."""
        return self._replace(
            ts=self.ts[chosen], values=self.values[chosen], topic=self.topic[chosen], case=self.case[chosen]
        )


class Columns:
    """Events as they come in, in compact columns: what a file holds is sorted in memory."""

    def __init__(self):
        self.columns = [array(code) for code in "qdqq"]

    def add(self, *event):
        """``(ts, value, topic, case)`` more."""
        for column, cell in zip(self.columns, event, strict=True):
            column.append(cell)


def build_events(rows, *, received, latency, split=False):
    """The Events of cases: 1 to ``received`` at created, seconds to ``latency`` at closed.

    With ``split`` the same points also go to the topics' kinds (``received.<kind>``). Of cases without
    ids each point has its own, as in an import.
    """
    # In this order: a case closed in the instant it was created is received first.
    steps, topics, ids = [Columns() for _ in range(4)], {}, []
    for row in rows:
        ids.append(row.id)
        events = [(0, received, row.created, 1.0, len(ids) - 1)]
        if row.closed is not None:
            events.append((1, latency, row.closed, (row.closed - row.created) / 1000, len(ids) - 1))
        if split:
            events += [(step + 2, join_topic(topic, row.kind), *event) for step, topic, *event in events]
        for step, topic, ts, value, case in events:
            steps[step].add(ts, value, topics.setdefault(topic, len(topics)), case)
    ts, values, topic, case = (
        np.concatenate([np.frombuffer(step.columns[at], kind) for step in steps])
        for at, kind in enumerate((np.int64, np.float64, np.int64, np.int64))
    )
    order = np.argsort(ts, kind="stable")
    events = Events(ts, values, topic, case, list(topics), ids).take(order)
    return events if all(ids) else name_events(events)


def name_events(events):
    """The Events with an id for each, by which they are known where their cases have none."""
    occurrences, ids = Occurrences(), []
    for start in range(0, len(events.ts), BATCH):
        part = events.take(slice(start, start + BATCH))
        topics = map(events.topics.__getitem__, part.topic.tolist())
        ids += occurrences.name_points(zip(topics, part.ts.tolist(), part.values.tolist(), strict=True))
    return events._replace(case=np.arange(len(ids)), ids=ids)


@patiently()
def drop_known(events):
    """The events that no earlier run has sent to their topic with their own times."""
    if not len(events.ts):
        return events
    fresh = np.ones(len(events.ts), dtype=bool)
    for place, topic in enumerate(events.topics):
        at = np.flatnonzero(events.topic == place)
        for part in np.array_split(at, len(at) // BATCH + 1):
            if len(part):
                ids = [events.ids[case] for case in events.case[part]]
                with guard():
                    fresh[part] = np.array(get_redis().smismember(known_key(topic), ids)) == 0
    return events.take(np.flatnonzero(fresh))


def remember(events):
    """Notes that the events were sent, for ``drop_known`` of later runs."""
    pipe = get_redis().pipeline(transaction=False)
    for place in np.unique(events.topic):
        ids = [events.ids[case] for case in events.case[events.topic == place]]
        pipe.sadd(known_key(events.topics[place]), *ids)
    with guard():
        pipe.execute()


def known_key(topic):
    """The Redis set of the ids that were sent to a topic with their own times."""
    return f"{conf.get('REDIS_PREFIX')}:replayed:{topic}"


def plan_batches(ts, speed):
    """Yields ``(start, stop, due)``: which events leave together, seconds after the first.

    ``speed`` is how many times the real pace, or None for as fast as it goes.
    """
    size = min(BATCH, conf.get("MAX_POINTS"))
    if speed is None:
        edges = np.arange(0, len(ts), size)
        due = np.zeros(len(ts))
    else:
        due = (ts - ts[:1]) / 1000 / speed
        edges = np.flatnonzero(np.diff(np.floor(due * TICKS_PER_SECOND), prepend=-1))
        edges = np.unique(np.concatenate([edges, np.arange(0, len(ts), size)]))
    for start, stop in itertools.pairwise([*edges.tolist(), len(ts)]):
        yield start, stop, float(due[start])


@patiently()
def send_events(events, *, original=False, speed=None, on_progress=lambda sent: None, pause=time.sleep):
    """Sends every event through the bus; BusUnavailable when Redis stays away.

    Stamped as it is sent or, with ``original``, as it happened. ``on_progress``
    hears how many have been sent.
    """
    run, begun = uuid.uuid4().hex, time.monotonic()
    for start, stop, due in plan_batches(events.ts, speed):
        if (wait := begun + due - time.monotonic()) > 0:
            pause(wait)
        part = events.take(slice(start, stop))
        ts = part.ts if original else np.full(stop - start, time.time_ns() // 1_000_000)
        # The same events make the same id, so that a run that was cut off between
        # sending and remembering repeats its batch harmlessly.
        name = f"replay:{digest_events(part) if original else f'{run}:{start}'}"
        send_batch(group_by_topic(part, ts), name, pause)
        if original:
            remember(part)
        on_progress(stop)


def group_by_topic(events, ts):
    """The events as a batch: topic → (ts, values)."""
    places = {place: events.topic == place for place in np.unique(events.topic)}
    return {events.topics[place]: (ts[at], events.values[at]) for place, at in places.items()}


def digest_events(events):
    """A name for these very events: hexadecimal SHA-256."""
    pairs = zip(events.topic.tolist(), events.case.tolist(), strict=True)
    names = "\n".join(f"{events.topics[topic]}\0{events.ids[case]}" for topic, case in pairs)
    return hashlib.sha256(names.encode() + events.ts.tobytes()).hexdigest()


def send_batch(batch, name, pause):
    """Records a batch, again and again under the same name while Redis is away."""
    for wait in RETRIES:
        try:
            return record_batch(batch, batch_id=name, digest=name.encode())
        except BusUnavailable:
            pause(wait)
    return record_batch(batch, batch_id=name, digest=name.encode())
