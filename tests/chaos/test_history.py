"""Traffic with everything killed at random: history equals what was acknowledged, to the point."""

import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from django.db import connection, connections

from hms_gov.embedded import find_free_port, start_redis
from hms_gov.moving import join_target
from hms_gov.moving.target import migrate
from hms_gov.ties import Tied
from metrics_app import bus, queries
from metrics_app.collector import collect_all
from metrics_app.connection import get_redis
from metrics_app.exceptions import BusUnavailable
from metrics_app.models import Generation, HourRollup, MinuteRollup
from metrics_app.services.archive import archive
from tests.metrics_app.histories import DAY, HOUR, MINUTE, check
from tests.postgres import NoPostgres, start_postgres

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parent.parent.parent
# Points of the day that is replayed, and how often each part is killed meanwhile.
SIZES = [pytest.param(72_000, 1, id="short"), pytest.param(288_000, 4, id="full", marks=pytest.mark.long)]
TOPICS = [f"service{at}.latency" for at in range(5)]
MINUTES = 1_440  # of the day
BATCH = 6_000  # points


class House:
    """A Redis, a collector, an archiver and a database of this test alone, each of which may be killed."""

    def __init__(self, directory, settings, postgres, database):
        self.directory, self.settings, self.postgres, self.database = directory, settings, postgres, database
        self.port, self.processes, self.kills = find_free_port(), {}, Counter()
        self.start("redis")

    def start(self, name):
        """Starts one of them anew."""
        if name == "redis":
            process, url = start_redis(self.directory, port=self.port, password="secret")
            self.settings.METRICS_APP = {**self.settings.METRICS_APP, "REDIS_URL": url}
        else:
            words = ["collect"] if name == "collect" else ["archive", "--every", "0.1"]
            process = Tied([sys.executable, "-c", RUN, *words], env=self.environment(), cwd=ROOT)
        self.processes[name] = process

    def environment(self):
        """What a process needs to join this Redis and this database."""
        app = self.settings.METRICS_APP
        return os.environ | {
            "REDIS_URL": app["REDIS_URL"],
            "REDIS_PREFIX": app["REDIS_PREFIX"],
            "DATABASE_URL": self.database,
        }

    def list_victims(self):
        """Everything that can be killed; SQLite is a file, and dies with whoever writes it."""
        return [*self.processes, *(["postgres"] if self.postgres else [])]

    def kill(self, name):
        """Kills it as a power cut would, and starts it again."""
        self.kills[name] += 1
        if name == "postgres":
            kill_postgres(self.postgres)
        else:
            self.stop(name)
            self.start(name)

    def stop(self, name):
        """Kills it for good."""
        self.processes[name].kill()
        self.processes[name].wait()

    def end(self):
        for name in self.processes:
            self.stop(name)


def kill_postgres(server):
    """Kills the server's first process, whereupon the others end, and lets it recover."""
    server.process.kill()
    server.process.wait()
    deadline = time.monotonic() + 30
    while True:
        try:
            return server.start()
        except NoPostgres:
            # Its last children still hold the shared memory.
            assert time.monotonic() < deadline
            time.sleep(0.1)


# An archiver or collector that loses its Redis or its database comes again, as under a supervisor.
RUN = """
import os, sys, time
os.environ["DJANGO_SETTINGS_MODULE"] = "hms_gov.settings"
import django
django.setup()
from django.core.management import call_command
from django.db import connections
while True:
    try:
        call_command(*sys.argv[1:])
    except BaseException as error:
        connections.close_all()
        time.sleep(0.1)
"""


@pytest.fixture
def database():
    """``(PostgreSQL or None, address)``: one that may be killed, where the tests run on PostgreSQL."""
    if connection.vendor == "sqlite":
        yield None, f"sqlite:///{connection.settings_dict['NAME']}"
        return
    with start_postgres() as server:
        url = server.name_url()
        migrate(url)
        ours = connections["default"]
        with join_target(url) as target:
            connections["default"] = target
            try:
                yield server, url
            finally:
                connections["default"] = ours


@pytest.fixture
def house(tmp_path, settings, database):
    found = House(tmp_path, settings, *database)
    for name in ("collect", "archive"):
        found.start(name)
    yield found
    found.end()


def make_batches(now, total):
    """A day of traffic that ends now, in the order of time: ``(id, batch)``; the older part is late."""
    rng = np.random.default_rng(1)
    ts, values = np.sort(now - rng.integers(0, MINUTES * MINUTE, total)), rng.lognormal(5, 1, total)
    for at in range(0, total, BATCH):
        owner = np.arange(at, min(at + BATCH, total)) % len(TOPICS)
        part = slice(at, at + BATCH)
        batch = {topic: (ts[part][owner == n], values[part][owner == n]) for n, topic in enumerate(TOPICS)}
        yield f"day:{at}", batch


def publish_until_acknowledged(batch_id, batch):
    """Sends a batch again under its id until Redis has it."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return bus.publish(batch, batch_id=batch_id, digest=b"same")
        except BusUnavailable:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def settle(house):
    """Ends collector and archiver, and does what is left of their work."""
    for name in ("collect", "archive"):
        house.stop(name)
    connection.close()
    collect_all()
    archive(patience=float("inf"))


def join(acknowledged, topic):
    """Times and values of a topic in all batches."""
    return [np.concatenate([batch[topic][at] for batch in acknowledged]) for at in (0, 1)]


def read_minutes():
    """``{(topic, start, generation): count}`` of all archived minutes."""
    rows = MinuteRollup.objects.values_list("topic", "start", "generation", "count")
    return {row[:3]: row[3] for row in rows}


@pytest.mark.parametrize(("points", "kills"), SIZES)
def test_a_day_with_everything_killed_at_random_is_exactly_what_was_acknowledged(house, points, kills):
    now, dice = queries.redis_now(), random.Random(7)
    victims = house.list_victims() * kills
    dice.shuffle(victims)
    acknowledged = []
    for at, (batch_id, batch) in enumerate(make_batches(now, points)):
        publish_until_acknowledged(batch_id, batch)
        acknowledged.append(batch)
        if at % 3 == 2 and victims:
            house.kill(victims.pop())
            time.sleep(dice.random() * 0.7)
    assert not victims and min(house.kills.values()) == kills
    house.kill("redis")
    settle(house)
    start = (now - DAY) // HOUR * HOUR - HOUR
    for topic in TOPICS:
        ts, values = join(acknowledged, topic)
        columns = queries.series(topic, start, now + MINUTE, HOUR)
        edges = [*columns["ts"], columns["ts"][-1] + HOUR]
        assert columns["count"] == np.histogram(ts, edges)[0].tolist()
        sums = [n * (mean or 0) for n, mean in zip(columns["count"], columns["mean"], strict=True)]
        assert sums == pytest.approx(np.histogram(ts, edges, weights=values)[0].tolist())
        check(queries.span(topic, start, now + MINUTE, percentiles=True), values)
    # Hours are written with their minutes, whoever dies in between.
    hours = {
        row[:3]: row[3] for row in HourRollup.objects.values_list("topic", "start", "generation", "count")
    }
    expected = Counter()
    for (topic, minute, generation), count in read_minutes().items():
        expected[topic, minute // HOUR * HOUR, generation] += count
    assert hours == expected
    assert sum(hours.values()) == sum(len(batch[topic][0]) for batch in acknowledged for topic in TOPICS)


@pytest.mark.parametrize(("points", "kills"), SIZES)
def test_a_flush_of_redis_loses_only_what_was_not_archived_and_shrinks_no_minute(house, points, kills):
    now, batches = queries.redis_now(), list(make_batches(queries.redis_now(), points))
    half = len(batches) // 2
    for batch_id, batch in batches[:half]:
        publish_until_acknowledged(batch_id, batch)
    wait_until(lambda: sum(read_minutes().values()) > BATCH)
    house.stop("archive")
    before = read_minutes()
    get_redis().flushall()
    for batch_id, batch in batches[half:]:
        publish_until_acknowledged(batch_id, batch)
    house.start("archive")
    settle(house)
    after = read_minutes()
    assert all(after.get(key, 0) >= count for key, count in before.items())
    sent = [sum(len(batch[topic][0]) for topic in TOPICS) for _, batch in batches]
    start = (now - DAY) // HOUR * HOUR - HOUR
    found = sum(queries.span(topic, start, now + MINUTE).count for topic in TOPICS)
    # All that was archived, and all that came after the flush; of the rest at most what was sent.
    assert sum(before.values()) + sum(sent[half:]) <= found <= sum(sent)
    lost = sum(Generation.objects.exclude(lost=None).values_list("lost", flat=True))
    assert 0 <= lost <= sum(sent) - found
    assert Generation.objects.exclude(lost=None).exists()


def wait_until(condition):
    """Returns once it is true; fails after a minute."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
