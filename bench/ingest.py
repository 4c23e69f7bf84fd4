"""From an HTTP batch to a number in an answer: points a second.

Batches of 10,000 points are posted to a real Daphne over four connections while
a real collector runs; the clock stops when every point is counted. Three shapes
of body: a list of points of one topic, a list of 100 topics, and columns. The
references are the sorted-set design written straight from Python, which has no
door to pay for, and the same design behind the same Daphne.
"""

import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor

from bench.feed import BATCH, list_points, make_columns, start_collector
from bench.references import sorted_set
from bench.runner import Row, Sample
from metrics_app.queries import list_topics, stats
from metrics_app.services.keys import create_key

CONNECTIONS = 4
SPAN = 60  # seconds of the points' times


def encode_list(ts, values, topics):
    """A list of points, as most senders write it."""
    points = list_points(ts, values, topics)
    return [{"topic": topic, "value": value, "ts": moment} for topic, moment, value in points]


def encode_columns(ts, values, topics):
    """Columns of one topic."""
    return {"topic": topics[0], "ts": ts.tolist(), "values": values.tolist()}


SHAPES = {
    "list of one topic": (encode_list, 1),
    "list of 100 topics": (encode_list, 100),
    "columns of one topic": (encode_columns, 1),
}


def run(stage, *, quick):
    """Two rows for each shape: ours beside either reference."""
    batches, rounds = (4, 1) if quick else (40, 5)
    _, raw = create_key(name="bench", scopes=["emit"])
    ours, port = stage.start_server("daphne", "hms_gov.asgi:application")
    collector = start_collector(stage)
    settings = {"DJANGO_SETTINGS_MODULE": "bench.references.settings"}
    door, door_port = stage.start_server("daphne", "bench.references.sorted_set_door:application", **settings)
    try:
        rows = []
        for name in SHAPES:
            rows += run_shape(stage, name, (port, raw), door_port, batches=batches, rounds=rounds)
        return rows
    finally:
        for process in (ours, collector, door):
            stage.stop(process)


def run_shape(stage, name, door, reference_port, *, batches, rounds):
    """The rows of one shape of body."""
    ours, direct, behind = [], [], []
    for number in range(-1, rounds):
        topics, bodies = make_bodies(name, number, batches if number >= 0 else 2)
        ours.append(time_ours(door, topics, bodies))
        with stage.relaxed_sync():
            behind.append(time_posts(reference_port, "", bodies))
            direct.append(time_direct(stage, topics, bodies))
    # The first round pays for imports and connections, on all sides.
    references = {"sorted set, no HTTP": direct[1:], "sorted set, same Daphne": behind[1:]}
    return [
        Row(
            case=name,
            unit="points/s",
            ours=Sample(tuple(ours[1:])),
            reference=Sample(tuple(sample)),
            reference_name=reference_name,
        )
        for reference_name, sample in references.items()
    ]


def make_bodies(name, number, batches):
    """Topics that no other round has, and the encoded bodies."""
    encode, count = SHAPES[name]
    word = name.replace(" ", "_")
    topics = [f"bench.{word}.r{number + 1}.t{index}" for index in range(count)]
    ts, values = make_columns(batches * BATCH, span=SPAN, seed=number + 1)
    parts = [slice(start, start + BATCH) for start in range(0, len(ts), BATCH)]
    return topics, [json.dumps(encode(ts[part], values[part], topics)).encode() for part in parts]


def post_all(port, key, bodies):
    """Posts bodies over one connection, each answered before the next."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    for body in bodies:
        connection.request("POST", "/api/v1/points/", body, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 202:
            raise RuntimeError(f"{answer.status}: {text[:300]!r}")
    connection.close()


def post_in_parallel(port, key, bodies):
    """Posts all bodies over a few connections at once."""
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        parts = [bodies[index::CONNECTIONS] for index in range(CONNECTIONS)]
        list(pool.map(lambda part: post_all(port, key, part), parts))


def time_ours(door, topics, bodies):
    """Points a second until each is counted in the answers."""
    size = len(bodies) * BATCH
    start = time.perf_counter()
    post_in_parallel(*door, bodies)
    while sum(head.total for topic, head in list_topics().items() if topic in topics) < size:
        if time.perf_counter() - start > 120:
            raise RuntimeError("the collector does not keep up: not all points were counted after 120 s")
        time.sleep(0.005)
    duration = time.perf_counter() - start
    counted = sum(stats(topic, 3_600)["count"] for topic in topics)
    if counted != size:
        raise RuntimeError(f"stats count {counted} points of {size}")
    return size / duration


def time_posts(port, key, bodies):
    """Points a second of the reference's door: an answered point can be read."""
    start = time.perf_counter()
    post_in_parallel(port, key, bodies)
    return len(bodies) * BATCH / (time.perf_counter() - start)


def time_direct(stage, topics, bodies):
    """Points a second of the sorted set written straight from Python, on a fifth of the points."""
    size = max(BATCH, len(bodies) * BATCH // 5)
    points = list_points(*make_columns(size, span=SPAN), topics)
    stage.redis.delete(*(f"zset:{topic}" for topic in topics))
    start = time.perf_counter()
    sorted_set.add_many(stage.redis, points)
    duration = time.perf_counter() - start
    if (held := sorted_set.count(stage.redis, topics)) != size:
        raise RuntimeError(f"the sorted set holds {held} of {size} points")
    return size / duration
