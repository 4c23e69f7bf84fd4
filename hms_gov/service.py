"""All that a site runs on one machine, under one supervisor: what `manage.py run` does.

The supervisor loads everything once and forks its parts, so that they share it, and holds the socket
that web servers inherit: there is always one that takes requests. A new version is loaded by beginning
anew in the same process (``handover``), whose parts then take the places of the former ones.
"""

import fcntl
import os
import socket
import stat
import subprocess
import sys
import tempfile
import time
from functools import partial
from importlib import import_module
from pathlib import Path

from django.conf import settings

from hms_gov import handover
from hms_gov.children import Child, freeze
from hms_gov.files import write_private
from hms_gov.processes import FRONT, Part, RedisProcess, Supervisor
from hms_gov.ties import Tied

PATIENCE = 120  # seconds until a part must work
LOOK = 0.02  # seconds between two looks at what is waited for
LOCK = "run.lock"  # in the data directory


class CannotRun(Exception):
    """Why it cannot run, in one line for the terminal."""


class Stopped(Exception):
    """It was told to stop before it was ready."""


def take_lock(directory, what):
    """The open lock file of a data directory; CannotRun where another one holds it.

    The kernel lets go of it with the process, however that ends.
    """
    file = (directory / LOCK).open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        who = file.read().strip() or "another process"
        raise CannotRun(
            f"A {what} already runs in {directory} ({who}): stop it, or choose another directory."
        ) from None
    return file


def keep_private(directory):
    """Makes a data directory for its owner only, whoever made it before.

    Not one that all may write to, such as /tmp: that belongs to others too.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not directory.stat().st_mode & stat.S_ISVTX:
        directory.chmod(0o700)


def listen(host, port):
    """A listening socket, which web servers take over; CannotRun where the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise CannotRun(f"Port {port} cannot be used ({error}): choose another with --port.") from None
    listener.listen(1024)
    return listener


def tell_systemd(word):
    """Tells the service manager that started this process how it is, where one wants to know."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.connect("\0" + address[1:] if address.startswith("@") else address)
            manager.sendall(word)


class Service:
    """A site in one data directory; ``say`` and ``warn`` take lines for people.

    ``web``: how many web servers; ``threads``: how many tasks the slow worker does at once.
    """

    what = "site"
    logs = None  # a directory; without one all is written to our own output

    def __init__(self, *, host, port, directory, say, warn, web=1, threads=2):
        self.directory, self.say, self.warn = Path(directory).resolve(), say, warn
        self.web, self.threads = web, threads
        keep_private(self.directory)
        self.state = handover.take_over() or {}
        self.supervisor = Supervisor(warn, reload=self.find_reload())
        self.former = {name: Child(pid) for name, pid in self.state.get("parts", {}).items()}
        self.redis = None
        self.hold(host, port)
        name, port = self.listener.getsockname()[:2]
        self.url = f"http://{f'[{name}]' if ':' in name else name}:{port}"
        self.lock.truncate(0)
        self.lock.write(f"process {os.getpid()}, {self.url}")
        self.lock.flush()

    def find_reload(self):
        """What HUP asks for."""
        return self.reload

    def hold(self, host, port):
        """The lock and the socket: those of the program before this one, or new ones."""
        if handles := self.state.get("handles"):
            self.lock = os.fdopen(handles["lock"], "r+")
            self.listener = socket.socket(fileno=handles["listener"])
            for handle in handles.values():
                os.set_inheritable(handle, False)
        else:
            self.lock = take_lock(self.directory, self.what)
            self.listener = listen(host, port)
        if self.state.get("redis"):
            self.redis = RedisProcess(self.directory / "redis", **self.state["redis"])
            self.supervisor.processes.append(self.redis)

    def run(self):
        """Starts everything, says so, and watches until told to stop."""
        self.supervisor.listen()
        try:
            self.start()
            self.supervisor.watch()
            self.say("Stopping …")
        except Stopped:
            pass
        finally:
            self.stop()

    def start(self):
        """All of it; returns once it takes requests."""
        if "environment" not in self.state and (environment := self.make_environment()):
            # Settings are read once, and were before this was known.
            self.become(environment)
        self.begin_to_prepare()
        self.load()
        self.prepare()
        for part in self.list_parts():
            self.take_place(part)
        for child in self.former.values():
            self.supervisor.let_go(child)
        self.former = {}
        self.greet()
        tell_systemd(b"READY=1")

    def stop(self):
        """Ends everything."""
        for child in self.former.values():
            self.supervisor.let_go(child)
        self.supervisor.stop()

    def make_environment(self):
        """The environment that it needs to begin anew in; None where it has it."""
        if settings.REDIS_URL and os.environ.get("REDIS_URL"):
            return None
        return {**os.environ, "REDIS_URL": self.start_redis()}

    def start_redis(self):
        """Starts a private server with its data in the data directory; its address."""
        self.redis = RedisProcess(self.directory / "redis")
        self.supervisor.start(self.redis)
        # Other commands find it there.
        write_private(self.directory / "redis.url", self.redis.url)
        return self.redis.url

    def become(self, environment):
        """Begins anew, with all that runs now; returns never."""
        handles = {"lock": self.lock.fileno(), "listener": self.listener.fileno()}
        parts = [process for process in self.supervisor.processes if process is not self.redis]
        state = {
            "environment": True,
            "handles": handles,
            "parts": {part.name: part.popen.pid for part in parts if part.is_alive()},
        }
        if self.redis is not None:
            alive = self.redis.popen.pid if self.redis.is_alive() else None
            state["redis"] = {"port": self.redis.port, "password": self.redis.password, "pid": alive}
        handover.become(state, handles=handles.values(), environment=environment)

    def load(self):
        """All that the parts run, which they then share; ``hms_gov.parts`` only now, it takes seconds."""
        self.parts = import_module("hms_gov.parts")
        freeze()

    def begin_to_prepare(self):
        """Begins what can be done while the parts are loaded."""

    def prepare(self):
        """What has to be done before the parts run."""

    def list_parts(self):
        """Everything that runs besides Redis, in the order in which it is started."""
        yield self.make_part("collect", self.parts.collect)
        yield self.make_part("watch", partial(self.parts.work, "watch", 0))
        # One slow webhook must not hold up the next: several threads there, none for the watch.
        yield self.make_part("slow", partial(self.parts.work, "slow", self.threads))
        for number in range(1, self.web + 1):
            name = f"web-{number}" if self.web > 1 else "web"
            yield self.make_part(name, partial(self.parts.serve, self.listener), level=FRONT)

    def make_part(self, name, run, **options):
        """A Part, which writes to a log of its name where there are logs."""
        return Part(name, run, log=self.logs and self.logs / f"{name}.log", **options)

    def take_place(self, part):
        """Starts a part; the former of its name is told to end once this one works.

        The collector's before: what it holds, its successor would wait for.
        """
        former = self.former.pop(part.name, None)
        if former is not None and part.name == "collect":
            self.supervisor.let_go(former)
            self.wait_for(lambda: former.poll() is not None, part.name)
        self.supervisor.start(part)
        self.wait_for(part.is_ready, part.name)
        if former is not None and part.name != "collect":
            self.supervisor.let_go(former)

    def wait_for(self, is_done, what):
        """Returns once it is done, looking after all else; Stopped, and CannotRun after ``PATIENCE`` s."""
        deadline = time.monotonic() + PATIENCE
        while not is_done():
            self.supervisor.turn()
            if self.supervisor.stopping:
                raise Stopped
            if time.monotonic() > deadline:
                raise CannotRun(f"{what} does not work after {PATIENCE} s.")
            time.sleep(LOOK)

    def reload(self):
        """Takes up the version that is installed now, part by part, unless it cannot be loaded."""
        self.say("Loading the version that is installed now …")
        with tempfile.TemporaryFile() as output:
            command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "run", "--check"]
            trial = Tied(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
            try:
                self.wait_for(lambda: trial.poll() is not None, "The new version")
            except (CannotRun, Stopped):
                trial.kill()
                trial.wait()
                raise
            output.seek(0)
            if trial.returncode:
                said = output.read().decode(errors="replace").strip()
                self.warn(f"It cannot be loaded, all goes on as it was:\n{said}")
                return
        self.become(dict(os.environ))

    def greet(self):
        """Says where it runs."""
        self.say(f"HMS-GOV metrics runs at {self.url}")
