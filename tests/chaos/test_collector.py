"""The promise that matters most: killed, doubled, repeated — nothing lost, nothing counted twice."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hms_gov.ties import Tied
from metrics_app import bus, queries
from metrics_app.collector import collect_all
from metrics_app.connection import get_redis, key
from metrics_app.core.chunks import unpack_chunk

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

ROOT = Path(__file__).resolve().parent.parent.parent
POINTS, BATCH = 200_000, 500
TOPICS = [f"service{at}.latency" for at in range(10)]


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """What a collector process needs besides Redis: a migrated database of its own."""
    found = {**os.environ, "HMS_DATA_DIR": str(tmp_path_factory.mktemp("chaos"))}
    found.pop("DATABASE_URL", None)
    run = [sys.executable, ROOT / "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(run, env=found, check=True, cwd=ROOT)
    return found


@pytest.fixture
def start(environment, settings):
    """Starts ``manage.py collect`` processes; all of them are gone after the test."""
    app = settings.METRICS_APP
    env = environment | {"REDIS_URL": app["REDIS_URL"], "REDIS_PREFIX": app["REDIS_PREFIX"]}
    processes = []

    def start_one():
        command = [sys.executable, ROOT / "manage.py", "collect"]
        process = Tied(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert "Collecting" in process.stdout.readline()
        return process

    yield start_one
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def make_batches(now):
    """All points as batches with ids; a batch touches every topic."""
    rng, share = np.random.default_rng(1), BATCH // len(TOPICS)
    for at in range(POINTS // BATCH):
        yield (
            f"chaos:{at}",
            {topic: (now - rng.integers(0, 60_000, share), rng.random(share)) for topic in TOPICS},
        )


def publish_with_retries(batches, each):
    """Publishes all batches, every third one twice and some of them late; ``each`` runs now and then."""
    again = []
    for at, (batch_id, batch) in enumerate(batches):
        bus.publish(batch, batch_id=batch_id, digest=b"same")
        if at % 3 == 0:
            again.append((batch_id, batch))
        if at % 80 == 79:
            each()
    random.Random(1).shuffle(again)
    for batch_id, batch in again:
        bus.publish(batch, batch_id=batch_id, digest=b"same")


def read_offsets(topic):
    """Every offset in a topic's log, in order."""
    entries = get_redis().xrange(key(queries.shard_for(topic), f"log:{topic}"))
    chunks = [unpack_chunk(fields[b"d"]) for _, fields in entries]
    return [first + at for first, ts, _ in chunks for at in range(len(ts))]


def check_exact(now):
    """Counts, heads and logs of every topic, to the point."""
    share = POINTS // len(TOPICS)
    for topic in TOPICS:
        assert queries.get_head(topic).total == share
        assert queries.stats(topic, 600, now=now)["count"] == share
        assert read_offsets(topic) == list(range(1, share + 1))


def wait_until(condition, seconds=20):
    """Polls what another process brings about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the other process did not get there"
        time.sleep(0.02)


def count_points():
    return sum(head.total for head in queries.list_topics().values())


def test_killing_the_collector_again_and_again_neither_loses_nor_doubles_a_point(start):
    now, running, kills = queries.redis_now(), [start()], []

    def kill_one():
        seen = count_points()
        wait_until(lambda: count_points() > seen, 5)
        running[0].kill()
        running[0].wait()
        kills.append(count_points())
        running[0] = start()

    publish_with_retries(make_batches(now), kill_one)
    running[0].kill()
    running[0].wait()
    collect_all()
    # On a slow machine the last ones may fall after the last point.
    assert len(kills) == 5 and sum(kill < POINTS for kill in kills) >= 3, "it was not killed at work"
    check_exact(now)


def test_two_collectors_on_the_same_shards_count_every_point_once(start):
    now, processes = queries.redis_now(), [start(), start()]

    def snatch():
        """Without a lease both go for every shard: the fence alone decides."""
        for shard in range(8):
            get_redis().delete(key(shard, "lease"))

    publish_with_retries(make_batches(now), snatch)
    wait_until(lambda: count_points() >= POINTS)
    assert [process.poll() for process in processes] == [None, None]
    check_exact(now)


def test_it_ends_cleanly_when_told_to_and_leaves_its_lease(start):
    process = start()
    wait_until(lambda: get_redis().exists(key(0, "lease")))
    process.terminate()
    assert process.wait(timeout=5) == 0
    assert not get_redis().exists(key(0, "lease"))
