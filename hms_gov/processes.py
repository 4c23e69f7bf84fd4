"""Processes that are started together, watched over, and ended together."""

import os
import secrets
import signal
import subprocess
import time
from pathlib import Path

from hms_gov.embedded import NoRedis, find_free_port, start_redis
from hms_gov.ties import Tied

LOG_LIMIT = 5_000_000  # bytes of a log before its older half makes room
TAIL = 2_000  # bytes of a log that are shown when its process died
LONG_ENOUGH = 10  # seconds after which a process counts as healthy again
MAX_DELAY = 30  # seconds between two starts of a process that keeps dying


class Process:
    """A command that is kept running; its output goes to a log of bounded size."""

    def __init__(self, name, command, *, log, environment, directory=None, pass_fds=()):
        self.name, self.command, self.log = name, command, Path(log)
        self.environment, self.directory, self.pass_fds = environment, directory, pass_fds
        self.popen, self.deaths, self.begun, self.due = None, 0, 0.0, 0.0

    def start(self):
        """Starts the command in a session of its own: Ctrl-C reaches only the supervisor."""
        self.begun = time.monotonic()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.popen = self.spawn(output)

    def spawn(self, output):
        """The Popen of the command, writing to ``output``."""
        return Tied(
            self.command,
            env=self.environment,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=self.pass_fds,
        )

    def check(self, now):
        """Restarts a command that died, at once at first; returns what to tell, or None."""
        if self.popen is None:
            return self.start_again(now)
        if self.popen.poll() is None:
            return None
        return self.note_death(now)

    def start_again(self, now):
        """Starts the command once its pause is over."""
        if now < self.due:
            return None
        try:
            self.start()
        except (OSError, NoRedis) as error:
            self.deaths, self.due = self.deaths + 1, now + MAX_DELAY
            return f"{self.name} cannot be started: {error} Again in {MAX_DELAY} s."
        return f"{self.name} runs again."

    def note_death(self, now):
        """Plans the next start: at once, then after pauses that double; returns what to tell."""
        if now - self.begun > LONG_ENOUGH:
            self.deaths = 0
        delay = min(2 ** (self.deaths - 1), MAX_DELAY) if self.deaths else 0
        code, self.popen = self.popen.returncode, None
        self.deaths, self.due = self.deaths + 1, now + delay
        when = f"in {delay} s" if delay else "at once"
        return f"{self.name} ended (code {code}) and starts again {when}. {self.log} ends:\n{self.tail()}"

    def tail(self):
        """The end of the log, indented."""
        text = self.log.read_bytes()[-TAIL:].decode(errors="replace") if self.log.exists() else ""
        lines = text.splitlines()[-12:] or ["(nothing)"]
        return "\n".join(f"    {line}" for line in lines)

    def trim_log(self):
        """Keeps the newer half of a log that has grown over its limit.

        A line written in this very moment may be lost; logs of a demo bear that.
        """
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            kept = self.log.read_bytes()[-LOG_LIMIT // 2 :]
            # The process appends, so it goes on behind whatever is left here.
            with self.log.open("r+b") as file:
                file.write(kept)
                file.truncate()

    def signal(self, number):
        """Sends a signal to the command and whatever it has started."""
        if self.popen is not None:
            try:
                os.killpg(self.popen.pid, number)
            except ProcessLookupError:
                pass

    def is_alive(self):
        """Whether the command still runs."""
        return self.popen is not None and self.popen.poll() is None


class RedisProcess(Process):
    """The private Redis, on the same port and with the same password after each restart."""

    def __init__(self, directory):
        super().__init__("redis", [], log=directory / "redis.log", environment={}, directory=directory)
        self.url = ""
        self.port, self.password = find_free_port(), secrets.token_hex(16)

    def spawn(self, output):
        """The Popen of a server that answers; NoRedis otherwise."""
        popen, self.url = start_redis(self.directory, port=self.port, password=self.password)
        return popen


class Supervisor:
    """Runs processes until it is told to stop; the first is the one the others stand on."""

    def __init__(self, say):
        self.say, self.processes, self.stopping = say, [], False

    def start(self, process):
        """Starts a process and watches over it from now on."""
        self.processes.append(process)
        process.start()

    def listen(self):
        """Lets Ctrl-C, a closed terminal and TERM end the run instead of this process."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # A background job of nohup ignores HUP, and wants it to stay so.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self.ask_to_stop)

    def ask_to_stop(self, number, frame):
        """The signal handler; a second signal ends everything at once."""
        if self.stopping:
            for process in self.processes:
                process.signal(signal.SIGKILL)
        self.stopping = True

    def turn(self):
        """One look at every process."""
        for process in self.processes:
            if message := process.check(time.monotonic()):
                self.say(message)
            process.trim_log()

    def stop(self, *, patience=8):
        """Ends every process: all but the first together, then the first, which they stand on.

        Those that have not ended after ``patience`` seconds are killed.
        """
        self.stopping = True
        for group in (self.processes[1:], self.processes[:1]):
            for process in group:
                process.signal(signal.SIGTERM)
            deadline = time.monotonic() + patience
            while any(process.is_alive() for process in group) and time.monotonic() < deadline:
                time.sleep(0.05)
            for process in group:
                process.signal(signal.SIGKILL)
                if process.popen is not None:
                    process.popen.wait()
