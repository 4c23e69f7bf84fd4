"""What the demo consists of: its data directory, its processes, when it is ready."""

import fcntl
import json
import os
import signal
import socket
import stat
import sys
import time
from pathlib import Path

import redis
from django.conf import settings

from hms_gov.files import write_private
from hms_gov.past import MINUTES_DAYS
from hms_gov.processes import Process, RedisProcess, Supervisor

HOST = "127.0.0.1"
PATIENCE = 120  # seconds until everything must answer


class DemoError(Exception):
    """Why the demo cannot run, in one line for the terminal."""


class Stopped(Exception):
    """It was told to stop before it was ready."""


def take_lock(directory):
    """The open lock file of a data directory; DemoError where another demo holds it.

    The kernel lets go of it with the process, however that ends.
    """
    file = (directory / "demo.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        who = file.read().strip() or "another process"
        raise DemoError(
            f"A demo already runs in {directory} ({who}): stop it, or choose another --data-dir."
        ) from None
    return file


def keep_private(directory):
    """Makes a data directory for its owner only, whoever made it before.

    Not one that all may write to, such as /tmp: that belongs to others too.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not directory.stat().st_mode & stat.S_ISVTX:
        directory.chmod(0o700)


def reserve_port(port):
    """A listening socket; the web server takes it over, so that nobody else can in between."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise DemoError(f"Port {port} cannot be used ({error}): choose another with --port.") from None
    listener.listen(1024)
    return listener


class Demo:
    """One demo in one data directory; ``say`` and ``warn`` take lines for people."""

    def __init__(self, *, port, directory, traffic, say, warn):
        self.directory, self.traffic, self.say = Path(directory).resolve(), traffic, say
        keep_private(self.directory)
        self.lock = take_lock(self.directory)
        self.listener = reserve_port(port)
        self.url = f"http://{HOST}:{self.listener.getsockname()[1]}"
        self.lock.truncate(0)
        self.lock.write(f"process {os.getpid()}, {self.url}")
        self.lock.flush()
        # There while the demo can be used, and only then.
        self.ready = self.directory / "demo.json"
        self.ready.unlink(missing_ok=True)
        self.supervisor, self.environment = Supervisor(warn), {}

    def run(self):
        """Starts everything, says so, and watches until told to stop."""
        self.supervisor.listen()
        try:
            self.start()
            while not self.supervisor.stopping:
                self.supervisor.turn()
                time.sleep(0.2)
            self.say("Stopping …")
        except Stopped:
            pass
        finally:
            self.ready.unlink(missing_ok=True)
            self.supervisor.stop()

    def start(self):
        """Redis, database, assets, seed, processes; then the file that says it is ready."""
        credentials = self.directory / "credentials.json"
        redis_url = self.find_redis()
        past = ["--past"] if self.traffic else []
        self.run_step("Preparing", "prepare_demo", "--credentials", str(credentials), *past)
        for process in self.list_processes():
            self.supervisor.start(process)
        self.run_step("Starting", "wait_until_ready", self.url, "--timeout", str(PATIENCE))
        facts = {"url": self.url, **json.loads(credentials.read_text()), "redis_url": redis_url}
        write_private(self.ready, json.dumps(facts, indent=2) + "\n")
        self.greet(facts)

    def find_redis(self):
        """The Redis of REDIS_URL, or a private one; other commands find it by its file."""
        url = os.environ.get("REDIS_URL") or self.start_private_redis()
        try:
            with redis.Redis.from_url(url, socket_connect_timeout=3) as client:
                client.ping()
        except (redis.RedisError, ValueError) as error:
            raise DemoError(
                f"The Redis of REDIS_URL does not answer: {error}. Start it, or unset it."
            ) from None
        write_private(self.directory / "redis.url", url)
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "hms_gov.settings",
            "HMS_DATA_DIR": str(self.directory),
            "REDIS_URL": url,
            "SITE_URL": os.environ.get("SITE_URL") or self.url,
            # Without traffic there are no points at all.
            "PIPELINE_FIGURES": "1" if self.traffic else "0",
            "DEBUG": "0",
            "COMPLAINTS_DEMO": "1",
            "PYTHONUNBUFFERED": "1",
            # The static files are found in the apps; that none are collected is no fault here.
            "PYTHONWARNINGS": "ignore:No directory at:UserWarning",
        }
        if self.traffic:
            # With the minutes of all its days the past would take several times as long, and as much room.
            self.environment.setdefault("MINUTES_DAYS", str(MINUTES_DAYS))
        return url

    def start_private_redis(self):
        """Starts a server with its data in the data directory; returns its address."""
        process = RedisProcess(self.directory / "redis")
        self.supervisor.start(process)
        return process.url

    def run_step(self, what, *arguments):
        """Runs a management command to its end; DemoError with the end of its log when it fails."""
        step = self.make_process(arguments[0], *manage(*arguments))
        step.start()
        while step.is_alive():
            self.supervisor.turn()
            time.sleep(0.02)
            if self.supervisor.stopping:
                step.signal(signal.SIGKILL)
                raise Stopped
        if step.popen.returncode:
            raise DemoError(f"{what} failed; {step.log} ends:\n{step.tail()}")

    def make_process(self, name, *command, **options):
        """A Process of this demo, logged under its name."""
        log = self.directory / "logs" / f"{name}.log"
        place = settings.BASE_DIR
        return Process(name, command, log=log, environment=self.environment, directory=place, **options)

    def list_processes(self):
        """Everything that runs besides Redis."""
        server = self.listener.fileno()
        # One slow webhook must not hold up the next: two threads there, none for the watch.
        yield self.make_process("web", *uvicorn(server), pass_fds=(server,))
        yield self.make_process("collect", *manage("collect"))
        yield self.make_process("watch", *celery("worker", "-n", "watch@%h", "-Q", "watch", *ALONE))
        yield self.make_process("slow", *celery("worker", "-n", "slow@%h", "-Q", "slow", *THREADS))
        yield self.make_process("beat", *celery("beat", "--pidfile="))
        if self.traffic:
            yield self.make_process("traffic", *manage("simulate_traffic"))

    def greet(self, credentials):
        """Says where it runs and how to get in."""
        admin, approver = credentials["admin"], credentials["approver"]
        self.say(
            f"""
HMS-GOV metrics runs at {self.url}

  {admin["username"]:<10}{admin["password"]:<20}sets limits, sees everything
  {approver["username"]:<10}{approver["password"]:<20}decides what the inbox proposes

  File a complaint: {self.url}/demo/complaints/
  Keys for programs: {self.directory / "demo.json"} · logs: {self.directory / "logs"}

Ctrl-C stops it."""
        )


ALONE = ("--pool", "solo", "--without-gossip", "--without-mingle")
THREADS = ("--pool", "threads", "--concurrency", "2", "--without-gossip", "--without-mingle")


def manage(*arguments):
    """The command line of a management command."""
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]


def celery(*arguments):
    """The command line of a part of Celery."""
    return [sys.executable, "-m", "celery", "-A", "hms_gov", *arguments, "--loglevel", "WARNING"]


def uvicorn(fileno):
    """The command line of the web server on an open socket, as docs/operations.md has it for production."""
    return [
        sys.executable, "-m", "uvicorn", "hms_gov.asgi:application", "--fd", str(fileno),
        "--lifespan", "off", "--log-level", "warning",
        "--ws", "websockets-sansio", "--ws-per-message-deflate", "false",
    ]  # fmt: skip
