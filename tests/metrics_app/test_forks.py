"""What a child inherits of the threads that it has not."""

import os
import threading
import time

import pytest

from metrics_app import forks
from metrics_app.forks import NoFork

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


@pytest.fixture
def no_fork(monkeypatch):
    """A NoFork that waits as long as a busy machine may take; it outlives the test, as its hooks do."""
    monkeypatch.setattr(forks, "PATIENCE", 60)
    return NoFork()


def fork(function):
    """The exit code of a child that calls the function."""
    pid = os.fork()
    if pid == 0:
        code = 9
        try:
            code = function()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_fork_waits_for_the_end_of_what_must_not_be_halved(no_fork):
    entered, ended = threading.Event(), []

    def hold():
        with no_fork:
            entered.set()
            time.sleep(0.05)
            ended.append(True)

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait(60)

    def take():
        with no_fork:
            return 0 if ended else 1

    assert fork(take) == 0
    thread.join()
    with no_fork:
        assert ended


def test_a_fork_waits_its_patience_once_for_what_takes_long(no_fork, monkeypatch):
    monkeypatch.setattr(forks, "PATIENCE", 0.01)
    asked, acquire = [], no_fork.lock.acquire

    class Lock:
        release = no_fork.lock.release

        def acquire(self, timeout=-1):
            asked.append(timeout)
            return acquire(timeout=timeout)

    no_fork.lock = Lock()
    for _ in range(2):
        with no_fork:
            for _ in range(2):
                no_fork.wait()
                no_fork.go_on()
    assert asked == [-1, 0.01, 0] * 2
    # What is over is waited for by nobody, and free behind the fork.
    no_fork.wait()
    no_fork.go_on()
    with no_fork:
        assert asked[6:] == [0, -1]
