"""`manage.py run`: one supervisor, each part of which may die, and which takes up a new version."""

import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests
from django.db import connection

from hms_gov.ties import Tied
from metrics_app.keyring import hash_key
from metrics_app.models import ApiKey
from tests.demos import ROOT, find_child, is_running, list_children, make_environment, wait_for

pytestmark = [
    pytest.mark.slow,
    # So that there is a database to copy.
    pytest.mark.django_db,
    pytest.mark.any_database,
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="the site here has a SQLite of its own"),
]
PARTS = ("collect", "watch", "slow", "web")
COMMAND = [sys.executable, str(ROOT / "manage.py"), "run", "--port", "0"]
TOPIC = "run.sent"


class Site:
    """A running `manage.py run` in a directory whose database is there."""

    def __init__(self, directory, keys):
        self.keys, self.output = keys, directory / "output"
        # Modules found there come before all others: how a test breaks the installed version.
        self.patches = directory / "patches"
        self.patches.mkdir()
        environment = make_environment(HMS_DATA_DIR=str(directory), PYTHONPATH=str(self.patches))
        command = [sys.executable, str(ROOT / "manage.py"), "run", "--port", "0"]
        with self.output.open("w") as output:
            self.popen = Tied(
                command,
                env=environment,
                cwd=directory,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )
        wait_for(self.find_url, timeout=120, what=f"the start ({self.output})")
        self.url = self.find_url()

    def find_url(self):
        """Where it says that it runs."""
        assert self.popen.poll() is None, self.read()
        said = [line for line in self.read().splitlines() if "runs at " in line]
        return said[0].split("runs at ")[1] if said else ""

    def read(self):
        """What all of it has written."""
        return self.output.read_text()

    def find_parts(self):
        """``{name: process id}`` of those that run."""
        return {name: find_child(self.popen.pid, name) for name in PARTS}

    def post(self, session, name, count):
        """Points under an idempotency key."""
        headers = {"Authorization": f"Bearer {self.keys['emit']}", "Idempotency-Key": name}
        points = [{"topic": TOPIC, "value": 1}] * count
        return session.post(f"{self.url}/api/v1/points/", json=points, headers=headers, timeout=60)

    def count(self):
        """How many points were counted within the hour."""
        headers = {"Authorization": f"Bearer {self.keys['read']}"}
        address = f"{self.url}/api/v1/kpis/{TOPIC}/stats/"
        answer = requests.get(address, headers=headers, params={"window": 3600}, timeout=60)
        return answer.json()["count"] if answer.status_code == 200 else 0

    def measure_file(self):
        """Bytes of what its Redis has written."""
        directory = self.output.parent / "redis" / "appendonlydir"
        return sum(path.stat().st_size for path in directory.iterdir())

    def find_age(self):
        """Seconds since somebody judged; None where that cannot be asked."""
        answer = requests.get(f"{self.url}/readyz", timeout=60).json()
        return answer["parts"]["evaluator"].get("age_seconds")


@pytest.fixture(scope="module")
def site(django_db_setup, django_db_blocker, tmp_path_factory):
    directory = tmp_path_factory.mktemp("run") / "data"
    directory.mkdir()
    keys = {scope: f"hms_{secrets.token_urlsafe(32)}" for scope in ("emit", "read")}
    rows = [ApiKey(name=scope, hash=hash_key(key), scopes=[scope]) for scope, key in keys.items()]
    with django_db_blocker.unblock(), sqlite3.connect(directory / "db.sqlite3") as copy:
        # That of the tests is migrated.
        ApiKey.objects.bulk_create(rows)
        connection.connection.backup(copy)
        ApiKey.objects.filter(name__in=keys).delete()
    running = Site(directory, keys)
    yield running
    running.popen.kill()
    running.popen.wait()


class Senders:
    """Threads that send without a pause, each until it is told to stop: one keeps its connection."""

    def __init__(self, site):
        self.site, self.stopped = site, threading.Event()
        self.acknowledged, self.faults, self.lock = 0, [], threading.Lock()
        self.threads = [threading.Thread(target=self.send, args=(keeps,)) for keeps in (True, False)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def send(self, keeps):
        """One batch after the other; each that is not taken at once is a fault."""
        session = requests.Session()
        while not self.stopped.is_set():
            try:
                status = self.site.post(session, secrets.token_hex(8), 5).status_code
            except requests.RequestException as error:
                status = repr(error)
            with self.lock:
                if status == 202:
                    self.acknowledged += 5
                else:
                    self.faults.append(status)
            if not keeps:
                session = requests.Session()


def test_it_says_whose_each_line_is_and_where_it_runs(site):
    assert site.url.startswith("http://127.0.0.1:")
    wait_for(lambda: "collect  | Collecting shards 0" in site.read())
    assert "run      | HMS-GOV metrics runs at" in site.read()
    assert requests.get(f"{site.url}/healthz", timeout=60).status_code == 200


def test_its_parts_share_what_they_have_loaded(site):
    for name, pid in site.find_parts().items():
        path = Path(f"/proc/{pid}/smaps_rollup")
        if not path.exists():
            pytest.skip("this system does not tell what is shared")
        rows = (line.split() for line in path.read_text().splitlines())
        figure = {row[0]: int(row[1]) for row in rows if row[-1] == "kB"}
        assert figure["Pss:"] < figure["Rss:"] / 2, (name, figure)


def test_while_nothing_is_sent_redis_writes_next_to_nothing(site):
    wait_for(lambda: (site.find_age() or 99) < 3, what="somebody who judges")
    before, begun = site.measure_file(), time.monotonic()
    age = site.find_age()
    wait_for(lambda: time.monotonic() - begun > 5 and site.find_age() != age)
    # With a message for each task and a mark for each shard it was 11 kB a second.
    assert (site.measure_file() - before) / (time.monotonic() - begun) < 2_000


def test_each_part_that_is_killed_works_again_and_no_point_is_lost_or_counted_twice(site):
    counted = site.count()
    for name, pid in site.find_parts().items():
        os.kill(pid, signal.SIGKILL)
        send_until_it_is_taken(site)
        wait_for_another(site, name, pid)
        assert f"run      | {name} ended (code -9) and starts again" in site.read()
    expect_count(site, counted + 7 * len(PARTS))
    wait_for(lambda: (site.find_age() or 99) < 3, what="somebody who judges")


def send_until_it_is_taken(site):
    """A batch, under one key, as every sender does."""
    session, key = requests.Session(), secrets.token_hex(8)
    wait_for(lambda: try_to_send(site, session, key), what="an answer")


def wait_for_another(site, name, pid):
    """Until a part is there that is not that one."""
    wait_for(lambda: find_child(site.popen.pid, name) not in (None, pid), what=f"{name} again")


def expect_count(site, count):
    """Exactly so many points are counted in the end."""
    wait_for(lambda: site.count() >= count, what="the last point")
    assert site.count() == count


def try_to_send(site, session, key):
    """Whether a batch was taken."""
    try:
        answer = site.post(session, key, 7)
        assert answer.status_code == 202 or answer.status_code >= 500, answer.text
        return answer.status_code == 202
    except requests.RequestException:
        return False


def test_hup_replaces_every_part_and_refuses_no_request(site):
    before, counted, pid = site.find_parts(), site.count(), site.popen.pid
    with Senders(site) as senders:
        wait_for(lambda: senders.acknowledged > 20)
        site.popen.send_signal(signal.SIGHUP)
        wait_for(
            lambda: (
                all(now not in (None, before[name]) for name, now in site.find_parts().items())
                and not any(map(is_running, before.values()))
            ),
            timeout=120,
            what="the new parts",
        )
        taken = senders.acknowledged
        wait_for(lambda: senders.acknowledged > taken + 20)
    assert senders.faults == []
    assert site.popen.pid == pid and site.popen.poll() is None
    expect_count(site, counted + senders.acknowledged)


def test_a_version_that_cannot_be_loaded_is_told_and_changes_nothing(site):
    before = site.find_parts()
    broken = site.patches / "sitecustomize.py"
    broken.write_text("import sys; sys.modules['uvicorn'] = None\n")
    try:
        site.popen.send_signal(signal.SIGHUP)
        wait_for(lambda: "cannot be loaded, all goes on as it was" in site.read(), timeout=120)
    finally:
        broken.unlink()
    assert "uvicorn" in site.read().split("all goes on as it was")[1]
    assert site.find_parts() == before


def test_a_second_one_in_the_same_directory_is_refused_in_one_line(site):
    environment = make_environment(HMS_DATA_DIR=str(site.output.parent))
    done = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert (
        f"A site already runs in {site.output.parent} (process {site.popen.pid}, {site.url})" in done.stderr
    )


def test_term_ends_all_of_it_in_order(site):
    children = list_children(site.popen.pid)
    assert len(children) >= len(PARTS)
    site.popen.terminate()
    assert site.popen.wait(timeout=60) == 0
    wait_for(lambda: not any(map(is_running, children)), what="the end of its parts")
