"""Children by ``fork``: they share what this process has loaded, and have the face of a ``Popen``.

To be forked before any thread, connection or event loop is there. What was loaded is frozen for
Python's collector of garbage first (``freeze``): it would write into each object it looks at, and a
page that is written to is shared no more.
"""

import atexit
import contextlib
import ctypes
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from functools import partial

from hms_gov.ties import GUARD, Inherited

HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # what a supervisor has handlers for
SET_NAME = 15  # PR_SET_NAME of Linux' prctl
POLL = 0.02  # seconds between two looks at a child that is waited for


class Child(Inherited):
    """A child process known by its number; with this process it ends in any case."""

    def __init__(self, pid):
        super().__init__(pid)
        GUARD.add(pid)

    def poll(self):
        """The exit code, below 0 the signal; None while it runs."""
        was_running = self.returncode is None
        code = super().poll()
        if was_running and code is not None:
            self.forget()
        return code

    def forget(self):
        """It has ended: its number may soon be somebody else's."""
        GUARD.remove(self.pid)

    def wait(self, timeout=None):
        """The exit code, once there is one; ``subprocess.TimeoutExpired`` after ``timeout`` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(POLL)
        return self.returncode


class Forked(Child):
    """A child that calls ``run(tell_ready)`` in a session of its own, and ends with it."""

    def __init__(self, name, run):
        GUARD.start()
        flush()
        self.pipe, told = os.pipe()
        # Until the child has handlers of its own, a signal waits for it.
        with blocked():
            pid = os.fork()
            if pid == 0:
                live(name, run, told)
        os.close(told)
        os.set_blocking(self.pipe, False)
        self.has_told = False
        super().__init__(pid)

    def is_ready(self):
        """Whether it has said that it works."""
        if not self.has_told and self.returncode is None:
            with contextlib.suppress(BlockingIOError):
                self.has_told = os.read(self.pipe, 1) != b""
        return self.has_told

    def forget(self):
        """As of every child; lets go of the pipe too."""
        super().forget()
        os.close(self.pipe)


def live(name, run, told):
    """What a child does; never returns: behind it is the life of its parent."""
    code = 1
    try:
        os.setsid()
        call_oneself(name)
        for number in HANDLED:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        code = run(partial(tell, told))
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    finally:
        leave(code)


def tell(pipe):
    """Tells the parent that it works; one that has become another program does not ask."""
    with contextlib.suppress(BrokenPipeError):
        os.write(pipe, b".")


def leave(code):
    """The end of a process as the interpreter does it, without going back to where it was forked."""
    try:
        if isinstance(code, str):
            print(code, file=sys.stderr)
        threading._shutdown()
        atexit._run_exitfuncs()
        flush()
    finally:
        os._exit(code if isinstance(code, int) else int(code is not None))


def flush():
    """Else what is not written yet would be written by each child once more."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()


@contextlib.contextmanager
def blocked():
    """Signals of a supervisor wait meanwhile."""
    former = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def call_oneself(name):
    """The name by which ``ps`` and ``top`` know this process, of at most 15 letters; on Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_NAME, name.encode()[:15], 0, 0, 0)


def freeze():
    """Makes what is loaded fit for sharing: no garbage in it, and nobody looks for any."""
    gc.collect()
    gc.freeze()
