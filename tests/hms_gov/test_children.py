"""Forked children live a life of their own, share what is loaded, and end with their parent."""

import os
import signal
import subprocess
import sys
import time

import pytest

from hms_gov.children import Forked
from tests.demos import ROOT, is_running, wait_for


@pytest.fixture
def fork():
    """``fork(run)``: a child, which ends with the test."""
    children = []

    def fork(run):
        children.append(Forked("a child", run))
        return children[-1]

    yield fork
    for child in children:
        if child.poll() is None:
            os.kill(child.pid, signal.SIGKILL)
            child.wait()


def end_with(code):
    def run(tell_ready):
        raise SystemExit(code)

    return run


@pytest.mark.parametrize(
    ("run", "code"),
    [
        (lambda tell_ready: None, 0),
        (lambda tell_ready: 3, 3),
        (end_with(4), 4),
        (end_with("said why"), 1),
        (lambda tell_ready: 1 / 0, 1),
        (lambda tell_ready: os.kill(os.getpid(), signal.SIGTERM), -signal.SIGTERM),
    ],
    ids=["returns", "code", "exits", "exits_with_words", "raises", "told_to_end"],
)
def test_a_child_ends_as_a_process_would_and_never_in_its_parents_code(fork, run, code):
    parent = os.getpid()
    assert fork(run).wait(timeout=60) == code
    assert os.getpid() == parent


def test_a_child_says_that_it_works_when_it_does(fork):
    read, write = os.pipe()

    def run(tell_ready):
        os.read(read, 1)
        tell_ready()
        time.sleep(600)

    child = fork(run)
    assert not child.is_ready()
    os.write(write, b".")
    wait_for(child.is_ready)
    assert child.is_ready() and child.poll() is None
    os.close(read)
    os.close(write)


def test_a_child_is_ended_by_a_signal_that_came_before_it_had_begun(fork):
    former = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        child = fork(lambda tell_ready: time.sleep(600))
        os.kill(child.pid, signal.SIGTERM)
        assert child.wait(timeout=60) == -signal.SIGTERM
    finally:
        signal.signal(signal.SIGTERM, former)


def test_one_that_never_ends_is_waited_for_no_longer_than_was_asked(fork):
    with pytest.raises(subprocess.TimeoutExpired):
        fork(lambda tell_ready: time.sleep(600)).wait(timeout=0.05)


# A parent with a child that becomes another program, which goes on with it.
PROGRAM = """
import os, sys, time
sys.path.insert(0, {root!r})
from hms_gov import handover
from hms_gov.children import Child, Forked
state = handover.take_over()
if state is None:
    child = Forked("a child", lambda tell_ready: time.sleep(600))
    read, write = os.pipe()
    os.write(write, b"kept")
    handover.become({{"child": child.pid, "read": read}}, handles=[read], environment=dict(os.environ))
child = Child(state["child"])
print(os.getpid(), child.pid, os.read(state["read"], 4).decode(), child.poll(), flush=True)
time.sleep(600)
"""


@pytest.fixture
def successor(tmp_path):
    """``(Popen, what it says)`` of a program that went on after another in its process."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM.format(root=str(ROOT)))
    popen = subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE, text=True)
    yield popen, popen.stdout.readline().split()
    popen.kill()
    popen.communicate()


def test_a_program_goes_on_after_another_with_its_number_its_children_and_its_files(successor):
    popen, said = successor
    child = int(said[1])
    assert said == [str(popen.pid), str(child), "kept", "None"]
    assert is_running(child)
    popen.kill()
    wait_for(lambda: not is_running(child), what="the end of the child")
