"""What the demo consists of: a service with a database and log-ins of its own, and simulated complaints."""

import json
import os
import signal
from functools import partial

import redis
from django.core.management import call_command

from hms_gov.files import write_private
from hms_gov.past import MINUTES_DAYS
from hms_gov.processes import FRONT
from hms_gov.service import PATIENCE, CannotRun, Service, Stopped

HOST = "127.0.0.1"


class Demo(Service):
    """One demo in one data directory; ``say`` and ``warn`` take lines for people."""

    what = "demo"

    def __init__(self, *, traffic, **options):
        super().__init__(host=HOST, **options)
        self.traffic = traffic
        self.logs, self.credentials = self.directory / "logs", self.directory / "credentials.json"
        # There while the demo can be used, and only then.
        self.ready = self.directory / "demo.json"
        self.ready.unlink(missing_ok=True)

    def find_reload(self):
        """Nothing: a demo ends with its terminal."""

    def make_environment(self):
        """The environment of a demo: its data, and the Redis of REDIS_URL or a private one."""
        url = os.environ.get("REDIS_URL") or self.start_redis()
        try:
            with redis.Redis.from_url(url, socket_connect_timeout=3) as client:
                client.ping()
        except (redis.RedisError, ValueError) as error:
            raise CannotRun(
                f"The Redis of REDIS_URL does not answer: {error}. Start it, or unset it."
            ) from None
        write_private(self.directory / "redis.url", url)
        environment = os.environ | {
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
            environment.setdefault("MINUTES_DAYS", str(MINUTES_DAYS))
        return environment

    def begin_to_prepare(self):
        """The front-end parts; then database and seed, in a process beside the loading."""
        # The web server looks once, as it is loaded, how long its files are.
        self.end_step(self.begin_step("build_assets"), "Building")
        past = ["--past"] if self.traffic else []
        arguments = ("prepare_demo", "--credentials", str(self.credentials), *past)
        self.preparing = self.begin_step(*arguments)

    def prepare(self):
        """Waits until they are there."""
        self.end_step(self.preparing, "Preparing")

    def list_parts(self):
        """As of every service, and the complaints."""
        yield from super().list_parts()
        if self.traffic:
            yield self.make_part("traffic", self.parts.simulate, level=FRONT)

    def begin_step(self, *arguments):
        """Begins a management command."""
        step = self.make_part(arguments[0], partial(run_command, *arguments))
        step.start()
        return step

    def end_step(self, step, what):
        """Waits until a command has ended; CannotRun with the end of its log when it failed."""
        try:
            self.wait_for(lambda: not step.is_alive(), what)
        except Stopped:
            step.signal(signal.SIGKILL)
            step.popen.wait()
            raise
        if step.popen.returncode:
            raise CannotRun(f"{what} failed; {step.log} ends:\n{step.tail()}")

    def greet(self):
        """Once it works: the file that says so, where it runs and how to get in."""
        self.end_step(self.begin_step("wait_until_ready", self.url, "--timeout", str(PATIENCE)), "Starting")
        known = json.loads(self.credentials.read_text())
        facts = {"url": self.url, **known, "redis_url": os.environ["REDIS_URL"]}
        write_private(self.ready, json.dumps(facts, indent=2) + "\n")
        admin, approver = known["admin"], known["approver"]
        self.say(
            f"""
HMS-GOV metrics runs at {self.url}

  {admin["username"]:<10}{admin["password"]:<20}sets limits, sees everything
  {approver["username"]:<10}{approver["password"]:<20}decides what the inbox proposes

  File a complaint: {self.url}/demo/complaints/
  Keys for programs: {self.ready} · logs: {self.logs}

Ctrl-C stops it."""
        )

    def stop(self):
        """Ends everything; from then on it cannot be used."""
        self.ready.unlink(missing_ok=True)
        super().stop()


def run_command(*arguments):
    """A management command, in a child."""
    *command, tell_ready = arguments
    tell_ready()
    call_command(*command)
