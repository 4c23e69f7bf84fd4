"""Drains that are killed while they send: every notice arrives, repeats only under the same name."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path

import pytest
from django.db import connection
from standardwebhooks import Webhook

from hms_gov.ties import Tied
from metrics_app.models import Notice
from tests.metrics_app.telling import SECRET, allow, happen, make_receiver, open_breach, serve

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parent.parent.parent
DRAINS = 2
# (receivers, breaches, kills)
SIZES = [pytest.param(4, 8, 1, id="short"), pytest.param(8, 20, 3, id="full", marks=pytest.mark.long)]
PATIENCE = 180  # seconds until everything must have arrived
# As the worker does it, but a claim of the dead is free after a second. One process loads the site and
# has a fork of itself work for each line that it reads, which it answers with the fork's id.
DRAINS_OF_ONE = """
import os, signal, sys, time
os.environ["DJANGO_SETTINGS_MODULE"] = "hms_gov.settings"
import django
django.setup()
from datetime import timedelta
from metrics_app.services.notices import drain, turns
turns.CLAIM = timedelta(seconds=1)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    worker = os.fork()
    while not worker:
        drain.send_notices()
        time.sleep(0.02)
    print(worker, flush=True)
"""


def address_of(database):
    """The DATABASE_URL by which another process reaches the database of a connection."""
    known = database.settings_dict
    if database.vendor == "sqlite":
        return f"sqlite:///{known['NAME']}"
    # A socket's directory is no name of a host.
    host = known.get("OPTIONS", {}).get("host") or known["HOST"]
    user, port = f"{known['USER']}:{known['PASSWORD']}", known["PORT"] or 5432
    if str(host).startswith("/"):
        return f"postgresql://{user}@/{known['NAME']}?host={host}"
    return f"postgresql://{user}@{host}:{port}/{known['NAME']}"


class Drains:
    """Several processes; what kills them starts them anew."""

    def __init__(self, environment, most):
        self.lock, self.kills, self.most = threading.Lock(), 0, most
        command, pipes = (
            [sys.executable, "-c", DRAINS_OF_ONE],
            {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE},
        )
        self.parent = Tied(command, env=environment, cwd=ROOT, text=True, **pipes)
        self.processes = [self.start() for _ in range(DRAINS)]

    def start(self):
        """The id of one more."""
        self.parent.stdin.write("one more\n")
        self.parent.stdin.flush()
        return int(self.parent.stdout.readline())

    def kill_all(self):
        """As a power cut would, while their requests are not answered yet; no more than ``most`` times."""
        with self.lock:
            if self.kills < self.most:
                self.kills += 1
                for process in self.processes:
                    os.kill(process, signal.SIGKILL)
                self.processes = [self.start() for _ in range(DRAINS)]

    def end(self):
        """Ends them all."""
        os.killpg(self.parent.pid, signal.SIGKILL)
        self.parent.communicate()


@pytest.mark.parametrize(("receivers", "breaches", "kills"), SIZES)
def test_kills_between_sending_and_stamp_repeat_messages_and_lose_none(settings, receivers, breaches, kills):
    posts, found = 0, []
    base = int(time.time() // 60 - 40) * 60_000

    def on_post():
        nonlocal posts
        posts += 1
        if posts % 3 == 0:
            found[0].kill_all()

    with serve(204, body=b"", on_post=on_post) as server:
        allow(settings, server.url)
        for n in range(receivers):
            make_receiver(f"Pager {n}", kind="webhook", webhook="pager", addresses=[])
        app = settings.METRICS_APP
        environment = os.environ | {
            "REDIS_URL": app["REDIS_URL"],
            "NOTICE_WEBHOOKS": json.dumps(app["WEBHOOKS"]),
            "WEBHOOK_NETWORKS": "127.0.0.0/8",
            "DATABASE_URL": address_of(connection),
        }
        found.append(Drains(environment, kills))
        try:
            for n in range(breaches):
                happen(open_breach(f"topic.{n}", fired_at=base))
                time.sleep(0.1)
            deadline = time.monotonic() + PATIENCE
            while Notice.objects.filter(done_at=None).exists() and time.monotonic() < deadline:
                time.sleep(0.1)
            assert not Notice.objects.filter(done_at=None).exists(), f"not all were sent in {PATIENCE} s"
        finally:
            found[0].end()
    names = defaultdict(list)
    for got in server.posts:
        Webhook(SECRET).verify(got.body, got.headers)
        for notice in got.json["data"]["notices"]:
            names[notice["id"]].append(got.headers["webhook-id"])
    assert set(names) == set(Notice.objects.filter(outcome="sent").values_list("pk", flat=True))
    assert len(names) == receivers * breaches
    assert all(len(set(ids)) == 1 for ids in names.values()), "a repeat has the name of its first attempt"
    assert found[0].kills == kills and any(len(ids) > 1 for ids in names.values())
