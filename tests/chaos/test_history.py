"""Traffic with everything killed at random: history equals what was acknowledged, to the point."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from django.db import connection

from hms_gov.embedded import find_free_port, start_redis
from metrics_app import bus, queries
from metrics_app.collector import collect_all
from metrics_app.exceptions import BusUnavailable
from metrics_app.models import MinuteRollup
from metrics_app.services.archive import archive
from tests.metrics_app.histories import DAY, HOUR, MINUTE

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parent.parent.parent
RATE = 200  # points per second of the day that is replayed …
THINNED = 60  # … of which one second in so many is sent: the day has 288,000 points, not 17 million
TOPICS = [f"service{at}.latency" for at in range(5)]
MINUTES = 1_440  # of the day
BATCH = 6_000  # points


class House:
    """A Redis, a collector and an archiver of this test alone, each of which may be killed at any time."""

    def __init__(self, directory, settings):
        self.directory, self.settings = directory, settings
        self.port, self.processes = find_free_port(), {}
        self.start("redis")

    def start(self, name):
        """Starts one of the three anew."""
        if name == "redis":
            process, url = start_redis(self.directory, port=self.port, password="secret")
            self.settings.METRICS_APP = {**self.settings.METRICS_APP, "REDIS_URL": url}
        else:
            words = ["collect"] if name == "collect" else ["archive", "--every", "0.1"]
            process = subprocess.Popen([sys.executable, "-c", RUN, *words], env=self.environment(), cwd=ROOT)
        self.processes[name] = process

    def environment(self):
        """What a process needs to join this Redis and the test's own database."""
        app, database = self.settings.METRICS_APP, connection.settings_dict
        return os.environ | {
            "REDIS_URL": app["REDIS_URL"],
            "REDIS_PREFIX": app["REDIS_PREFIX"],
            "DATABASE_URL": address_of(database),
        }

    def kill(self, name):
        """Kills it as a power cut would, and starts it again."""
        self.processes[name].kill()
        self.processes[name].wait()
        self.start(name)

    def end(self):
        for process in self.processes.values():
            process.kill()
            process.wait()


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


def address_of(database):
    """The DATABASE_URL of a connection's settings."""
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    host = str(database["HOST"]).replace("/", "%2F")
    return (
        f"postgresql://{database['USER']}:{database['PASSWORD']}@{host}:{database['PORT']}/{database['NAME']}"
    )


@pytest.fixture
def house(tmp_path, settings):
    found = House(tmp_path, settings)
    for name in ("collect", "archive"):
        found.start(name)
    yield found
    found.end()


def make_batches(now):
    """A day of traffic that ends now, in the order of time: ``(id, batch)``; the older part is late."""
    rng = np.random.default_rng(1)
    total = RATE * 60 * MINUTES // THINNED
    ts = np.sort(now - rng.integers(0, MINUTES * MINUTE, total))
    for at in range(0, total, BATCH):
        part, share = ts[at : at + BATCH], len(ts[at : at + BATCH]) // len(TOPICS)
        rows = {topic: part[n * share : (n + 1) * share] for n, topic in enumerate(TOPICS)}
        yield f"day:{at}", {topic: (times, np.full(len(times), 2.0)) for topic, times in rows.items()}


def publish_until_acknowledged(batch_id, batch):
    """Sends a batch again under its id until Redis has it."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return bus.publish(batch, batch_id=batch_id, digest=b"same")
        except BusUnavailable:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_day_with_everything_killed_at_random_is_exactly_what_was_acknowledged(house):
    now, dice = queries.redis_now(), random.Random(7)
    acknowledged = []
    for at, (batch_id, batch) in enumerate(make_batches(now)):
        publish_until_acknowledged(batch_id, batch)
        acknowledged.append(batch)
        if at % 4 == 3:
            house.kill(dice.choice(["redis", "collect", "archive", "archive"]))
            time.sleep(dice.random() * 0.7)
    house.kill("redis")
    for name in ("collect", "archive"):
        house.processes[name].kill()
        house.processes[name].wait()
    collect_all()
    archive(patience=float("inf"))
    for topic in TOPICS:
        ts = np.concatenate([batch[topic][0] for batch in acknowledged])
        start = (now - DAY) // HOUR * HOUR - HOUR
        columns = queries.series(topic, start, now + MINUTE, HOUR)
        expected = np.histogram(ts, [*columns["ts"], columns["ts"][-1] + HOUR])[0].tolist()
        assert columns["count"] == expected
        found = queries.span(topic, start, now + MINUTE)
        assert (found.count, found.sum) == (len(ts), 2.0 * len(ts))
    assert MinuteRollup.objects.count() >= MINUTES
