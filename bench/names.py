"""What it costs to refuse a name that stands twice in an object of points.

Bodies of points are decoded by their types, where the last of two names counts in silence; ours counts
the colons besides. The references are the same decoding without that look, and the usual way to refuse
such a name: ``json.loads`` with a hook for each object. In one process, without a door, and by the
time of the processor: nothing here waits.
"""

import json
import time
from unittest import mock

import numpy as np

from bench.feed import BATCH, make_columns
from bench.ingest import encode_columns, encode_list
from bench.runner import compare
from metrics_app.core.batches import group_points
from metrics_app.core.members import take_members
from metrics_app.wire import json as wire

TOPIC = "bench.names"
# name: (the points of a body, how they are written, how many bodies make a measurement)
SHAPES = {
    "list of 10 000 points": (BATCH, encode_list, 5),
    "columns of 10 000 points": (BATCH, encode_columns, 20),
    "one point": (1, lambda *parts: encode_list(*parts)[0], 2_000),
}


def run(stage, *, quick):
    """Two rows for each shape: ours beside either reference."""
    rounds = 3 if quick else 15
    return [row for name in SHAPES for row in run_shape(name, rounds, 10 if quick else 1)]


def run_shape(name, rounds, part):
    """The rows of one shape of body, of a ``part``-th of its bodies."""
    points, encode, times = SHAPES[name]
    ts, values = make_columns(points, span=60, seed=1)
    body, now = json.dumps(encode(ts, values, [TOPIC])).encode(), int(ts.max())
    check_same(body, now)
    times = max(1, times // part)

    def measure(decode, look=wire.check_names):
        return lambda: measure_one(decode, look, body, now, times)

    references = {
        "the last of two names counts": measure(wire.decode, look=ignore),
        "json.loads with a hook": measure(decode_hooked),
    }
    return [
        compare(
            case=name, unit="ms" if points > 1 else "µs", ours=measure(wire.decode), reference=reference,
            rounds=rounds, reference_name=words, more_is_better=False,
        )
        for words, reference in references.items()
    ]  # fmt: skip


def ignore(*parts):
    """In the place of the look at names."""


def measure_one(decode, look, body, now, times):
    """Time of decoding one body: ms, of a single point µs."""
    with mock.patch.object(wire, "check_names", look):
        start = time.process_time()
        for _ in range(times):
            decode(body, now=now)
        return (time.process_time() - start) / times * (1e6 if len(body) < 1_000 else 1e3)


def decode_hooked(body, *, now):
    """The same batch by way of ``json.loads``, which asks a hook about each object."""
    found = json.loads(body, object_pairs_hook=take_members)
    if isinstance(found, dict) and "values" in found:
        topics, ts, values = found["topic"], found["ts"], found["values"]
    else:
        points = found if isinstance(found, list) else [found]
        topics = [point["topic"] for point in points]
        ts, values = ([point[name] for point in points] for name in ("ts", "value"))
    return group_points(topics, np.array(ts, dtype=np.int64), np.array(values, dtype=float)), len(values)


def check_same(body, now):
    """RuntimeError where the hook's way answers something else than ours."""
    (expected, count), (found, other) = wire.decode(body, now=now), decode_hooked(body, now=now)
    if count != other or not all(map(np.array_equal, expected[TOPIC], found[TOPIC])):
        raise RuntimeError("json.loads with a hook reads other points than ours")
