"""Real demos for tests: started, watched through their file, stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import requests

from hms_gov.ties import Tied

ROOT = Path(__file__).resolve().parent.parent
OURS = ("DATABASE_URL", "REDIS_URL", "CHANNEL_REDIS_URL", "CELERY_BROKER_URL", "HMS_DATA_DIR", "DEBUG")


def make_environment(**extra):
    """The environment without what would lead a demo to another database or Redis."""
    return {name: value for name, value in os.environ.items() if name not in OURS} | extra


def wait_for(condition, *, timeout=60, what="it"):
    """What the condition answers once that is true; fails after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {timeout} s"
        time.sleep(0.1)
    return answer


def list_children(pid):
    """The ids of all processes below a process, by /proc."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] != "Z":
            parents.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found = list(parents.get(pid, ()))
    for child in found:
        found.extend(parents.get(child, ()))
    return found


def is_running(pid):
    """Whether a process exists that is more than a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def find_child(pid, word):
    """The id of the process below another that has this name, or the word in its command line; or None."""
    for child in list_children(pid):
        about = Path("/proc") / str(child)
        try:
            if word == (about / "comm").read_text().strip() or word in (about / "cmdline").read_text():
                return child
        except (FileNotFoundError, ProcessLookupError):
            continue
    return None


class RunningDemo:
    """A `manage.py demo`; as a context manager it is ready inside and gone behind."""

    def __init__(self, directory, *arguments):
        self.directory = Path(directory)
        command = [sys.executable, str(ROOT / "manage.py"), "demo", "--data-dir", str(directory), *arguments]
        self.output = self.directory.with_name(self.directory.name + ".out")
        with self.output.open("w") as output:
            self.popen = Tied(
                command,
                env=make_environment(),
                # Wherever a person stands when starting it.
                cwd=self.directory.parent,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )

    def __enter__(self):
        wait_for(self.is_ready, timeout=120, what=f"the start of the demo ({self.output})")
        self.facts = json.loads((self.directory / "demo.json").read_text())
        self.url = self.facts["url"]
        return self

    def __exit__(self, *error):
        self.stop()

    def is_ready(self):
        """Whether it has said so; fails when it has ended instead."""
        assert self.popen.poll() is None, self.output.read_text()
        return (self.directory / "demo.json").exists()

    def stop(self, number=signal.SIGINT):
        """Ends it as Ctrl-C does; returns its exit code."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        try:
            return self.popen.wait(timeout=120)
        finally:
            self.popen.kill()

    def get(self, path, key="read_key", **params):
        """The JSON of an address."""
        headers = {"Authorization": f"Bearer {self.facts[key]}"}
        answer = requests.get(self.url + path, headers=headers, params=params, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def count_points(self, topic):
        """How many points of a topic the last hour holds; 0 while nobody knows the topic."""
        known = [kpi["topic"] for kpi in self.get("/api/v1/kpis/")["results"]]
        if topic not in known:
            return 0
        return self.get(f"/api/v1/kpis/{topic}/stats/", window=3600)["count"]

    def emit(self, points):
        """Posts points with the emit key; returns the answer."""
        headers = {"Authorization": f"Bearer {self.facts['emit_key']}"}
        return requests.post(f"{self.url}/api/v1/points/", json=points, headers=headers, timeout=60)

    def log_in(self, who):
        """A session of ``admin`` or ``approver``; its posts carry the token."""
        session = requests.Session()
        address = f"{self.url}/accounts/login/"
        session.get(address, timeout=60)
        form = self.facts[who] | {"csrfmiddlewaretoken": session.cookies["csrftoken"]}
        answer = session.post(address, data=form, timeout=60, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        session.headers["X-CSRFToken"] = session.cookies["csrftoken"]
        return session

    def begin(self, *arguments):
        """Starts another management command that joins this demo."""
        return Tied(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=make_environment(HMS_DATA_DIR=str(self.directory)),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def manage(self, *arguments):
        """Runs a management command that joins this demo to its end; returns what it printed."""
        process = self.begin(*arguments)
        output, _ = process.communicate()
        assert process.returncode == 0, output
        return output
