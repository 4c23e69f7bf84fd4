"""A stranger who follows docs/install.md to the letter, in a project of their own, with real processes."""

import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path

from hms_gov.embedded import find_free_port
from hms_gov.ties import Tied

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 120  # seconds for what comes within two where nothing else runs
PASSWORD = "of a stranger 1"
PEOPLE = """
from django.contrib.auth import get_user_model
from metrics_app.services.keys import create_key
get_user_model().objects.create_superuser({name!r}, password={password!r})
print("KEY", create_key(name="reader", scopes=["read"])[1])
"""


def read_guide():
    """``(files, commands)`` of the guide: ``{name: lines to add}`` and the blocks of commands in order."""
    text = (ROOT / "docs/install.md").read_text()
    text = text.split("## Into a project of your own\n")[1].split("### One app alone\n")[0]
    files = dict(re.findall(r"```python\n# (\S+)\n(.*?)```", text, re.DOTALL))
    return files, re.findall(r"```sh\n(.*?)```", text, re.DOTALL)


def count_lines():
    """How many lines of their own the stranger types."""
    return sum(bool(line) for lines in read_guide()[0].values() for line in lines.splitlines())


class Stranger:
    """A directory, the address of a Redis, and what was started there; a context manager."""

    def __init__(self, directory, redis_url, *, pythonpath=""):
        self.directory, self.redis_url, self.started = directory, redis_url, []
        self.port = find_free_port()
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "PYTHONPATH": pythonpath}
        self.environment |= {"DJANGO_SUPERUSER_PASSWORD": PASSWORD, "PYTHONUNBUFFERED": "1"}
        self.files, self.commands = read_guide()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for process in self.started:
            process.terminate()
        for process in self.started:
            process.wait(PATIENCE)

    def run(self, command, **environment):
        """What a line of the guide prints; fails with that when it fails."""
        done = subprocess.run(
            command,
            shell=True,
            cwd=self.directory,
            env=self.environment | environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def write(self, name, lines):
        """Adds lines at the end of a file."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(lines)

    def type_lines(self, more=""):
        """The stranger's eight lines; ``more`` is what is special in this project."""
        for name, lines in self.files.items():
            self.write(name, lines.replace("redis://127.0.0.1:6379/0", self.redis_url))
        # Other tests share the Redis.
        self.write("city/settings.py", f'METRICS_APP["REDIS_PREFIX"] = "{self.directory.name}"\n{more}')

    def start(self, command):
        """A process of the guide, in the background."""
        log = (self.directory / f"{len(self.started)}.log").open("w")
        command = f"exec env {command}"
        options = {"shell": True, "cwd": self.directory, "env": self.environment}
        self.started.append(Tied(command, stdout=log, stderr=log, **options))

    def tell_logs(self):
        """What the processes have said, for a failure."""
        return "\n".join(path.read_text()[-2000:] for path in sorted(self.directory.glob("*.log")))


class Visitor:
    """A browser of the stranger's: keeps cookies, speaks JSON where asked to."""

    def __init__(self, origin, key=""):
        self.origin, self.cookies = origin, CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}

    def ask(self, path, data=None, *, form=False):
        """``(status, text)`` of an address; ``data`` is posted as JSON, or as a form."""
        body = None if data is None else (urllib.parse.urlencode if form else json.dumps)(data).encode()
        headers = self.headers | {"X-CSRFToken": self.find_token(), "Referer": self.origin}
        headers["Content-Type"] = "application/x-www-form-urlencoded" if form else "application/json"
        request = urllib.request.Request(self.origin + path, body, headers)
        try:
            with self.opener.open(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def find_token(self):
        """The token against forged requests, once a form was seen."""
        return next((cookie.value for cookie in self.cookies if cookie.name == "csrftoken"), "")

    def log_in(self, path, **fields):
        """Through the admin's own form."""
        self.ask(path)
        token = {"csrfmiddlewaretoken": self.find_token(), "next": path}
        status, text = self.ask(path, fields | token, form=True)
        assert status in (200, 404) and "errornote" not in text, text

    def read(self, path):
        """The JSON at an address."""
        status, text = self.ask(path)
        assert status == 200, (path, status, text[:500])
        return json.loads(text)


def wait_for(look, tell):
    """What ``look`` answers, once it is true; fails with what ``tell`` tells."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if found := look():
                return found
        except OSError:
            pass  # it does not listen yet
        time.sleep(0.2)
    raise AssertionError(f"it did not come within {PATIENCE} s\n{tell()}")
