"""The stage of a run: a private Redis, a data directory and real servers, all gone afterwards."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import redis

from hms_gov.embedded import find_free_port, start_redis
from hms_gov.ties import Tied

ROOT = Path(__file__).resolve().parent.parent


class Stage:
    """A private Redis and a temporary data directory; ``start`` adds servers. Ended by ``close``."""

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="hms-bench-"))
        self.server, self.redis_url = start_redis(self.directory / "redis")
        self.redis = redis.Redis.from_url(self.redis_url)
        self.processes = []

    def set_environment(self):
        """Points the project's settings, here and in child processes, at this stage."""
        os.environ.update(
            HMS_DATA_DIR=str(self.directory),
            DATABASE_URL=f"sqlite:///{self.directory / 'db.sqlite3'}",
            REDIS_URL=self.redis_url,
            CHANNEL_REDIS_URL=self.redis_url,
            CELERY_BROKER_URL=self.redis_url,
            SECRET_KEY=secrets.token_urlsafe(50),
            DJANGO_SETTINGS_MODULE="hms_gov.settings",
        )

    def clear(self):
        """Empties the Redis, so that every measurement starts from nothing."""
        # Freed before it answers: some servers free beside the next measurement, unless told so.
        self.redis.execute_command("FLUSHALL", "SYNC")

    def measure_memory(self):
        """Bytes of Redis memory in use, without the buffers of its clients and of the append-only file."""
        memory = self.redis.info("memory")
        return memory["used_memory"] - memory["mem_clients_normal"] - memory["mem_aof_buffer"]

    @contextmanager
    def relaxed_sync(self):
        """Redis' default of one sync a second, for references that promise no durability."""
        self.redis.config_set("appendfsync", "everysec")
        try:
            yield
        finally:
            self.redis.config_set("appendfsync", "always")

    def start(self, *command, name, port=None, environment=None):
        """Starts a program of this project's environment; with ``port``, returns once it listens."""
        log = self.directory / f"{name}.log"
        with log.open("wb") as output:
            process = Tied(
                [sys.executable, *command],
                cwd=ROOT,
                env=os.environ | (environment or {}),
                stdout=output,
                stderr=output,
            )
        self.processes.append(process)
        if port:
            wait_for_port(process, port, log)
        return process

    def start_server(self, kind, application, **environment):
        """Serves an ASGI application on a free port; ``kind`` is daphne or uvicorn. → (process, port)"""
        port = find_free_port()
        command = [part.format(port=port, application=application) for part in SERVERS[kind]]
        return self.start("-m", *command, name=kind, port=port, environment=environment), port

    def stop(self, process):
        """Ends one of the programs and waits for it."""
        self.processes.remove(process)
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def close(self):
        """Ends everything that was started and removes the directory."""
        for process in list(self.processes):
            self.stop(process)
        self.redis.close()
        self.server.kill()
        self.server.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


# As the demo has it: Daphne does not wait for a reader, so pings find those who do not read.
PINGS = ["--ping-interval", "5", "--ping-timeout", "10"]
SERVERS = {
    "daphne": ["daphne", "-b", "127.0.0.1", "-p", "{port}", "--no-server-name", *PINGS, "{application}"],
    "uvicorn": [
        "uvicorn",
        "{application}",
        "--host=127.0.0.1",
        "--port={port}",
        "--loop=uvloop",
        "--ws=websockets-sansio",
        "--ws-per-message-deflate=false",
        "--no-access-log",
        "--log-level=warning",
    ],
}


def wait_for_port(process, port, log, timeout=30):
    """Returns once something listens on the port; RuntimeError with the end of the log otherwise."""
    deadline = time.monotonic() + timeout
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{' '.join(process.args)} does not listen; its log ends: {log.read_text()[-2000:]}")
