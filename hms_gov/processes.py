"""Processes that are started together, watched over, and ended together."""

import contextlib
import os
import secrets
import signal
import subprocess
import time
from functools import partial
from pathlib import Path

from hms_gov.children import HANDLED, Child, Forked
from hms_gov.embedded import NoRedis, find_free_port, make_url, start_redis
from hms_gov.prefixes import write_behind
from hms_gov.ties import Tied, kill

LOG_LIMIT = 5_000_000  # bytes of a log before its older half makes room
TAIL = 2_000  # bytes of a log that are shown when its process died
LONG_ENOUGH = 10  # seconds after which a process counts as healthy again
MAX_DELAY = 30  # seconds between two starts of a process that keeps dying
LOOK = 0.2  # seconds between two looks at everything
LEAVE = 30  # seconds that a process may take to end what it has begun while its successor works


# In what order processes are ended: those of the highest level first, each stands on what is below.
FOUNDATION, WORK, FRONT = range(3)


class Process:
    """A command that is kept running; its output goes to a log of bounded size, or to our own without one."""

    level = WORK

    def __init__(self, name, command, *, log, environment, directory=None):
        self.name, self.command, self.log = name, command, log and Path(log)
        self.environment, self.directory = environment, directory
        self.popen, self.deaths, self.begun, self.due = None, 0, 0.0, 0.0

    def start(self):
        """Starts the command in a session of its own: Ctrl-C reaches only the supervisor."""
        self.begun = time.monotonic()
        if self.log is None:
            self.popen = self.spawn(None)
            return
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
        told = f"{self.name} ended (code {code}) and starts again {when}."
        return f"{told} {self.log} ends:\n{self.tail()}" if self.log else told

    def tail(self):
        """The end of the log, indented."""
        is_there = self.log is not None and self.log.exists()
        text = self.log.read_bytes()[-TAIL:].decode(errors="replace") if is_there else ""
        lines = text.splitlines()[-12:] or ["(nothing)"]
        return "\n".join(f"    {line}" for line in lines)

    def trim_log(self):
        """Keeps the newer half of a log that has grown over its limit.

        A line written in this very moment may be lost; logs of a demo bear that.
        """
        if self.log is not None and self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            kept = self.log.read_bytes()[-LOG_LIMIT // 2 :]
            # The process appends, so it goes on behind whatever is left here.
            with self.log.open("r+b") as file:
                file.write(kept)
                file.truncate()

    def signal(self, number):
        """Sends a signal to the command and whatever it has started."""
        if self.popen is not None:
            # One that was forked a moment ago has no group of its own yet.
            for send in (os.killpg, os.kill):
                with contextlib.suppress(ProcessLookupError):
                    return send(self.popen.pid, number)

    def is_alive(self):
        """Whether the command still runs."""
        return self.popen is not None and self.popen.poll() is None


class Part(Process):
    """A part of the site: a fork that calls ``run(tell_ready)`` and shares what is loaded here."""

    def __init__(self, name, run, *, log, level=WORK):
        super().__init__(name, [], log=log, environment={})
        self.run, self.level = run, level

    def spawn(self, output):
        """The child."""
        return Forked(self.name, partial(self.live, output))

    def live(self, output, tell_ready):
        """In the child: what it writes goes to its log, or behind its name."""
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        if output is None:
            write_behind(self.name)
        else:
            for handle in (1, 2):
                os.dup2(output.fileno(), handle)
        return self.run(tell_ready)

    def is_ready(self):
        """Whether it works, as far as it says."""
        return self.is_alive() and self.popen.is_ready()


class RedisProcess(Process):
    """The private Redis, on the same port and with the same password after each restart."""

    level = FOUNDATION

    def __init__(self, directory, *, port=None, password=None, pid=None):
        super().__init__("redis", [], log=directory / "redis.log", environment={}, directory=directory)
        self.port, self.password = port or find_free_port(), password or secrets.token_hex(16)
        self.url = make_url(self.port, self.password)
        if pid is not None:
            self.popen, self.begun = Child(pid), time.monotonic()

    def spawn(self, output):
        """The Popen of a server that answers; NoRedis otherwise."""
        return start_redis(self.directory, port=self.port, password=self.password)[0]


class Supervisor:
    """Runs processes until it is told to stop.

    ``reload`` is what HUP asks for; without it HUP, as of a closed terminal, stops.
    """

    def __init__(self, say, *, reload=None):
        self.say, self.reload, self.processes = say, reload, []
        self.leaving = []  # [(Child, when it is killed)]: what was told to end while all goes on
        self.stopping, self.is_asked = False, False

    def start(self, process):
        """Starts a process and watches over it from now on."""
        self.processes.append(process)
        process.start()

    def listen(self):
        """Lets Ctrl-C, a closed terminal and TERM end the run instead of this process."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.ask_to_stop)
        if self.reload is not None:
            signal.signal(signal.SIGHUP, self.ask_to_reload)
        # A background job of nohup ignores HUP, and wants it to stay so.
        elif signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self.ask_to_stop)
        # Those that came while this process became the program it is.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)

    def ask_to_stop(self, number, frame):
        """The signal handler; a second signal ends everything at once."""
        if self.stopping:
            for process in self.processes:
                process.signal(signal.SIGKILL)
        self.stopping = True

    def ask_to_reload(self, number, frame):
        """The handler of HUP."""
        self.is_asked = True

    def turn(self):
        """One look at every process."""
        for process in self.processes:
            if message := process.check(time.monotonic()):
                self.say(message)
            process.trim_log()
        self.look_after_leaving()

    def watch(self):
        """Looks after everything until told to stop."""
        while not self.stopping:
            self.turn()
            if self.is_asked:
                self.is_asked = False
                self.reload()
            time.sleep(LOOK)

    def let_go(self, child, *, patience=LEAVE):
        """Tells a child to end, and goes on; what has not ended after ``patience`` seconds is killed."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGTERM)
        self.leaving.append((child, time.monotonic() + patience))

    def look_after_leaving(self):
        """Forgets who has ended, kills who does not."""
        for child, end in self.leaving:
            if child.poll() is None and time.monotonic() > end:
                kill(child.pid)
        self.leaving = [(child, end) for child, end in self.leaving if child.returncode is None]

    def stop(self, *, patience=8):
        """Ends every process, those of the highest level first: each stands on what is below.

        Those of a level that have not ended after ``patience`` seconds are killed.
        """
        self.stopping = True
        for level in sorted({process.level for process in self.processes}, reverse=True):
            group = [process for process in self.processes if process.level == level]
            for process in group:
                process.signal(signal.SIGTERM)
            deadline = time.monotonic() + patience
            while any(process.is_alive() for process in group) and time.monotonic() < deadline:
                self.look_after_leaving()
                time.sleep(0.05)
            for process in group:
                process.signal(signal.SIGKILL)
                if process.popen is not None:
                    process.popen.wait()
        for child, _ in self.leaving:
            kill(child.pid)
            child.wait()
