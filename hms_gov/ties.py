"""Processes that end with the one that started them, however that ends: ``kill -9`` included.

A guard, a small process of its own, reads a pipe whose other end only this process
holds. It is told what was started and what has ended; when the pipe closes it kills
what is left. That needs nothing of the kernel's, so it is the same on Linux and macOS,
for children of any thread, and for those that run as another user.
"""

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading


class Tied(subprocess.Popen):
    """A Popen that is killed when this process is gone; in a session of its own, unless told otherwise."""

    def __init__(self, command, *, start_new_session=True, **options):
        GUARD.start()
        super().__init__(command, start_new_session=start_new_session, **options)
        # Killed right here, before the guard has heard of it, this process would leave its child.
        GUARD.add(self.pid)

    def poll(self):
        """The exit code, or None while it runs."""
        code = super().poll()
        if code is not None:
            GUARD.remove(self.pid)
        return code

    def wait(self, timeout=None):
        """The exit code, once there is one; TimeoutExpired after ``timeout`` seconds."""
        code = super().wait(timeout)
        GUARD.remove(self.pid)
        return code


class Inherited:
    """A child that was started by the program which this process was before it became this one."""

    def __init__(self, pid):
        self.pid, self.returncode = pid, None

    def poll(self):
        """The exit code, below 0 the signal; None while it runs."""
        if self.returncode is None:
            found, status = os.waitpid(self.pid, os.WNOHANG)
            if found:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self):
        """The exit code, once there is one."""
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode


class Guard:
    """This process's end of the pipe; the other is read by ``kill_at_the_end``."""

    def __init__(self):
        self.lock, self.pids, self.process, self.pipe = threading.RLock(), set(), None, None

    def start(self):
        """Starts the process that reads, where none does, and tells it what it must know."""
        with self.lock:
            if self.process is not None and self.process.poll() is None:
                return
            self.end()
            read, self.pipe = os.pipe()
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", __file__],
                stdin=read, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                cwd="/", start_new_session=True,
            )  # fmt: skip
            os.close(read)
            for pid in self.pids:
                self.tell(pid)

    def add(self, pid):
        """From now on the process ``pid`` and its group end with this process."""
        with self.lock:
            self.pids.add(pid)
            self.tell(pid)

    def remove(self, pid):
        """The process has ended: its number may soon be somebody else's."""
        with self.lock:
            if pid in self.pids:
                self.pids.discard(pid)
                self.tell(-pid)

    def tell(self, number):
        """Writes one line; a guard that somebody has killed is replaced by one that knows everything."""
        try:
            os.write(self.pipe, f"{number}\n".encode())
        except BrokenPipeError:
            self.process.wait()
            self.start()

    def end(self):
        """Lets the guard do its work, and waits until it has."""
        if self.pipe is not None:
            os.close(self.pipe)
            self.pipe = None
        if self.process is not None:
            self.process.wait()

    def hand_over(self):
        """``{pid, pipe}`` for ``take_over`` in the program that this process becomes next."""
        with self.lock:
            self.start()
            os.set_inheritable(self.pipe, True)
            return {"pid": self.process.pid, "pipe": self.pipe}

    def take_over(self, *, pid, pipe):
        """Goes on with the guard of the program that this process was before: it knows what was started."""
        os.set_inheritable(pipe, False)
        self.process, self.pipe = Inherited(pid), pipe

    def leave(self):
        """In a fork: the pipe is the parent's, and must close with it."""
        if self.pipe is not None:
            os.close(self.pipe)
        self.__init__()


def kill_at_the_end(lines):
    """Follows who comes (``7``) and goes (``-7``); kills those left when the lines end."""
    pids = set()
    for number in map(int, lines):
        if number > 0:
            pids.add(number)
        else:
            pids.discard(-number)
    for pid in pids:
        kill(pid)


def kill(pid):
    """Kills a process with all of its group, or alone where it has none of its own."""
    for end in (os.killpg, os.kill):
        # No such group, or gone in this moment; on macOS a zombie is not permitted.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            return end(pid, signal.SIGKILL)


GUARD = Guard()

if __name__ == "__main__":
    kill_at_the_end(sys.stdin)
else:
    atexit.register(GUARD.end)
    os.register_at_fork(after_in_child=GUARD.leave)
