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

# Its collectors have a SQLite of their own, wherever the tests run: what they hold is in Redis.
pytestmark = [pytest.mark.slow, pytest.mark.django_db, pytest.mark.any_database]

ROOT = Path(__file__).resolve().parent.parent.parent
BATCH = 500
# (points, how often something happens meanwhile)
SIZES = [pytest.param(24_000, 2, id="short"), pytest.param(200_000, 5, id="full", marks=pytest.mark.long)]
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


def make_batches(now, points):
    """All points as batches with ids; a batch touches every topic."""
    rng, share = np.random.default_rng(1), BATCH // len(TOPICS)
    for at in range(points // BATCH):
        yield (
            f"chaos:{at}",
            {topic: (now - rng.integers(0, 60_000, share), rng.random(share)) for topic in TOPICS},
        )


def publish_with_retries(now, points, times, each):
    """Publishes all points, every third batch twice and some late; ``each(published)`` runs so many times."""
    again, every = [], points // BATCH // times
    for at, (batch_id, batch) in enumerate(make_batches(now, points)):
        bus.publish(batch, batch_id=batch_id, digest=b"same")
        if at % 3 == 0:
            again.append((batch_id, batch))
        if at % every == every - 1:
            each((at + 1) * BATCH)
    random.Random(1).shuffle(again)
    for batch_id, batch in again:
        bus.publish(batch, batch_id=batch_id, digest=b"same")


def read_offsets(topic):
    """Every offset in a topic's log, in order."""
    entries = get_redis().xrange(key(queries.shard_for(topic), f"log:{topic}"))
    chunks = [unpack_chunk(fields[b"d"]) for _, fields in entries]
    return [first + at for first, ts, _ in chunks for at in range(len(ts))]


def check_exact(now, points):
    """Counts, heads and logs of every topic, to the point."""
    share = points // len(TOPICS)
    for topic in TOPICS:
        assert queries.get_head(topic).total == share
        assert queries.stats(topic, 600, now=now)["count"] == share
        assert read_offsets(topic) == list(range(1, share + 1))


def wait_until(condition, seconds=90):
    """Polls what another process brings about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the other process did not get there"
        time.sleep(0.02)


def count_points():
    return sum(head.total for head in queries.list_topics().values())


@pytest.mark.parametrize(("points", "times"), SIZES)
def test_killing_the_collector_again_and_again_neither_loses_nor_doubles_a_point(start, points, times):
    now, running, kills = queries.redis_now(), [start()], []

    def kill_one(published):
        seen = count_points()
        wait_until(lambda: seen < count_points() or count_points() == published)
        running[0].kill()
        running[0].wait()
        kills.append(count_points())
        running[0] = start()

    publish_with_retries(now, points, times, kill_one)
    running[0].kill()
    running[0].wait()
    collect_all()
    # On a slow machine the last ones may fall after the last point.
    assert len(kills) == times and sum(kill < points for kill in kills) > times / 2, (
        "it was not killed at work"
    )
    check_exact(now, points)


@pytest.mark.parametrize(("points", "times"), SIZES)
def test_two_collectors_on_the_same_shards_count_every_point_once(start, points, times):
    now, processes = queries.redis_now(), [start(), start()]

    def snatch(published):
        """Without a lease both go for every shard: the fence alone decides."""
        for shard in range(8):
            get_redis().delete(key(shard, "lease"))

    publish_with_retries(now, points, times, snatch)
    wait_until(lambda: count_points() >= points)
    assert [process.poll() for process in processes] == [None, None]
    check_exact(now, points)


def test_it_ends_cleanly_when_told_to_and_leaves_its_lease(start):
    process = start()
    wait_until(lambda: get_redis().exists(key(0, "lease")))
    process.terminate()
    assert process.wait(timeout=60) == 0
    assert not get_redis().exists(key(0, "lease"))
