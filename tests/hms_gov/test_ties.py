"""What a process has started ends with it, however it ends itself."""

import contextlib
import os
import signal
import subprocess
import sys

import pytest

from hms_gov import ties
from hms_gov.ties import Guard, Tied, kill_at_the_end
from tests.demos import ROOT, is_running, wait_for

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
# A parent that prints the ids of what it has started, and then waits for its end.
PARENT = """
import subprocess, sys, threading, time
from hms_gov.ties import GUARD, Tied
sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
{start}
print(*(started.pid for started in found), flush=True)
{last}
"""
TIED = "found = [Tied(sleep)]"
ALONE = "found = [Tied(sleep, start_new_session=False)]"
OF_A_THREAD = """
found = []
thread = threading.Thread(target=lambda: found.append(Tied(sleep)))
thread.start()
thread.join()
"""
FORKED = """
import os
found = [Tied(sleep)]
if os.fork() == 0:
    time.sleep(600)
"""
# The child in between says who its own child is.
GRANDCHILD = """
code = "import subprocess, sys; p = subprocess.Popen(sys.argv[1:]); print(p.pid, flush=True); p.wait()"
child = Tied([sys.executable, "-c", code, *sleep], stdout=subprocess.PIPE, text=True)
found = [child, type("Found", (), {"pid": int(child.stdout.readline())})]
"""
WITHOUT_ITS_GUARD = """
found = [Tied(sleep)]
GUARD.process.kill()
GUARD.process.wait()
found.append(Tied(sleep))
"""
LATER = WITHOUT_ITS_GUARD + "GUARD.process.kill()\nGUARD.process.wait()\nfound[1].kill()\nfound.pop().wait()"


@pytest.fixture
def begin():
    """``begin(start)``: a parent that has started something: (its Popen, ids of what it started)."""
    parents, everything = [], []

    def begin(start, last="time.sleep(600)"):
        code = PARENT.format(start=start, last=last)
        # With a group of its own, in which a fork that nothing ties can be ended too.
        parent = subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        parents.append(parent)
        pids = [int(word) for word in parent.stdout.readline().split()]
        everything.extend(pids)
        return parent, pids

    yield begin
    for parent in parents:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)
        parent.wait()
        parent.stdout.close()
    for pid in filter(is_running, everything):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "start", [TIED, ALONE, OF_A_THREAD, FORKED, GRANDCHILD, WITHOUT_ITS_GUARD, LATER],
    ids=["plain", "in_its_session", "of_a_thread", "forked", "grandchild", "without_guard", "later"],
)  # fmt: skip
def test_a_parent_that_was_killed_leaves_nobody(begin, start):
    parent, pids = begin(start)
    assert pids and all(map(is_running, pids))
    parent.kill()
    parent.wait()
    wait_for(lambda: not any(map(is_running, pids)), what="the end of what it had started")


def test_a_parent_that_has_ended_leaves_nobody(begin):
    parent, pids = begin(TIED, last="raise SystemExit(7)")
    assert pids and parent.wait() == 7
    # No waiting here: it went only when they were gone.
    assert not any(map(is_running, pids))


def test_the_number_of_a_process_that_has_ended_is_nobody_to_kill(monkeypatch):
    killed = []
    monkeypatch.setattr(ties, "kill", killed.append)
    kill_at_the_end(["7\n", "8\n", "-7\n", "9\n", "-9\n"])
    assert killed == [8]


def test_the_guard_hears_of_every_end(monkeypatch):
    told = []
    monkeypatch.setattr(Guard, "tell", lambda self, number: told.append(number))
    polled, waited, stopped = (Tied([sys.executable, "-c", ""]) for _ in range(3))
    wait_for(lambda: polled.poll() is not None)
    waited.communicate()
    stopped.kill()
    stopped.wait()
    stopped.wait()
    pids = [process.pid for process in (polled, waited, stopped)]
    assert told == [*pids, *(-pid for pid in pids)]
