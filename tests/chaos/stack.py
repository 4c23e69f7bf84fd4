"""A whole site of real processes, of which each part can be killed, frozen and started again."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import requests

from hms_gov.embedded import find_free_port, start_redis
from hms_gov.ties import Tied
from tests.postgres import Postgres

ROOT = Path(__file__).resolve().parent.parent.parent
SERVERS = ("uvicorn", "daphne")
PARTS = ("database", "redis", "collector", "beat", "watch", "slow", *SERVERS)
CELERY = [sys.executable, "-m", "celery", "-A", "hms_gov"]
WORKER = ["--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
SEED = """
import json
from django.contrib.auth.models import User
from metrics_app.models import Kpi, Threshold
from metrics_app.services.keys import create_key
from metrics_app.services.rules.thresholds import save_threshold
from tests.chaos.load import LIMIT, NOISE, PROBE, WAVE, WINDOW
for topic in (WAVE, PROBE, *NOISE):
    Kpi.objects.create(topic=topic, name=topic, window=WINDOW)
rule = {{"aggregate": "mean", "window": WINDOW, "operator": "gt", "limit": LIMIT, "interval": 1}}
save_threshold(Threshold(kpi=Kpi.objects.get(topic=WAVE), **rule), by=None)
User.objects.create_superuser("root", password="{password}")
print("KEYS", json.dumps({{scope: create_key(name=scope, scopes=[scope])[1] for scope in ("emit", "read")}}))
"""


class Site:
    """PostgreSQL, Redis, collector, beat, both workers and both servers, in one directory."""

    def __init__(self, directory):
        self.directory, self.processes, self.password = Path(directory), {}, secrets.token_urlsafe(12)
        (self.directory / "pg").mkdir()
        # Root's PostgreSQL runs as nobody, who must reach its directory.
        self.directory.chmod(0o755)
        self.postgres = Postgres(self.directory / "pg")
        self.redis = {"port": find_free_port(), "password": secrets.token_hex(16)}
        self.ports = {name: find_free_port() for name in SERVERS}
        self.environment, self.keys = {}, {}

    def __enter__(self):
        self.start("database")
        self.start("redis")
        self.environment = self.make_environment()
        self.manage("migrate", "--verbosity", "0")
        told = self.manage("shell", "-v", "0", "-c", SEED.format(password=self.password))
        self.keys = json.loads(told.split("KEYS ")[1])
        for part in PARTS[2:]:
            self.start(part)
        return self

    def __exit__(self, *error):
        for part in reversed(PARTS):
            if part in self.processes:
                self.kill(part)

    def make_environment(self):
        """What the processes are told: as a deployment says it."""
        return os.environ | {
            "DJANGO_SETTINGS_MODULE": "hms_gov.settings",
            "HMS_DATA_DIR": str(self.directory),
            "SECRET_KEY": secrets.token_urlsafe(50),
            "DATABASE_URL": self.postgres.name_url(),
            **dict.fromkeys(("REDIS_URL", "CHANNEL_REDIS_URL", "CELERY_BROKER_URL"), self.redis_url),
            "PIPELINE_FIGURES": "1",
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "ignore:No directory at:UserWarning",
        }

    def manage(self, *arguments):
        """Runs a management command to its end; what it printed."""
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        done = subprocess.run(
            command, env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def find_command(self, part):
        """How docs/operations.md has it started."""
        port = str(self.ports.get(part))
        return {
            "collector": [sys.executable, str(ROOT / "manage.py"), "collect"],
            "beat": [*CELERY, "beat", "--pidfile=", "--loglevel", "WARNING"],
            "watch": [*CELERY, "worker", "-Q", "watch", "-n", "watch@chaos", "-P", "solo", *WORKER],
            "slow": [*CELERY, "worker", "-Q", "slow", "-n", "slow@chaos", "-P", "threads", *WORKER],
            "uvicorn": [
                sys.executable, "-m", "uvicorn", "hms_gov.asgi:application", "--port", port,
                "--lifespan", "off", "--ws", "websockets-sansio", "--ws-per-message-deflate", "false",
                "--log-level", "warning",
            ],
            "daphne": [
                sys.executable, "-m", "daphne", "-p", port, "-v", "0",
                "--ping-interval", "5", "--ping-timeout", "10", "hms_gov.asgi:application",
            ],
        }[part]  # fmt: skip

    def start(self, part):
        """Starts a part; a server of data is waited for, all others come when they come."""
        if part == "database":
            self.postgres.start()
            self.processes[part] = self.postgres.process
        elif part == "redis":
            self.processes[part], self.redis_url = start_redis(self.directory / "redis", **self.redis)
        else:
            with self.find_log(part).open("ab") as log:
                self.processes[part] = Tied(
                    self.find_command(part), env=self.environment, cwd=ROOT, stdout=log, stderr=log
                )

    def wait_until_up(self, part, logged):
        """Until a process that was started works; ``logged``: bytes of its log before that.

        Python loads the site for some seconds, and for more on a busy machine; then a server
        answers, and any other part writes its first line.
        """
        deadline = time.monotonic() + 120
        while not self.is_up(part, logged):
            assert time.monotonic() < deadline, f"{part} does not come up"
            time.sleep(0.05)

    def is_up(self, part, logged):
        """Whether it answers, or has written something since it was started."""
        if part in SERVERS:
            try:
                return requests.get(f"{self.name_url(part)}/healthz", timeout=2).status_code == 200
            except requests.RequestException:
                return False
        return part not in PARTS[2:] or self.find_log(part).stat().st_size > logged

    def signal(self, part, number):
        """Sends a signal to a part with all of its children."""
        os.killpg(self.processes[part].pid, number)

    def kill(self, part):
        """As the kernel ends a part: nothing is said, nothing is written."""
        self.signal(part, signal.SIGKILL)
        self.processes.pop(part).wait()
        # PostgreSQL's children have sessions of their own and see within a moment that it is gone.
        time.sleep(1 if part == "database" else 0)

    def find_log(self, part):
        """Where a process writes."""
        return self.directory / f"{part}.log"

    def measure_logs(self):
        """``{part: bytes}`` of what each process has written so far."""
        logs = {part: self.find_log(part) for part in PARTS[2:]}
        return {part: log.stat().st_size for part, log in logs.items()}

    def read_logs(self, since):
        """``{part: [line, …]}`` written since ``measure_logs``."""
        return {
            part: self.find_log(part).read_bytes()[size:].decode(errors="replace").splitlines()
            for part, size in since.items()
        }

    def name_url(self, server):
        """``http://127.0.0.1:port`` of a server."""
        return f"http://127.0.0.1:{self.ports[server]}"
