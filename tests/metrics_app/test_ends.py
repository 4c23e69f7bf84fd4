"""Points of processes that end in other ways than a program's end: all arrive once, or their loss is told."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from metrics_app import ends

ROOT = Path(__file__).resolve().parents[2]
POINTS = 5_000
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")

# Every batch takes its time: what is not waited for at the end would not arrive.
PROGRAM = """
import atexit, multiprocessing, os, signal, sys, threading, time
from concurrent.futures import ProcessPoolExecutor

if __name__ == "__main__":
    atexit.register(lambda: emit("late"))  # runs after what is registered behind it

from metrics_app import client, emit
from metrics_app.forks import free_in_children

def write(rows, batch_id):
    time.sleep(0.02)
    with open(os.environ["ARRIVED"], "ab", 0) as file:
        file.write("".join(f"{topic} {value}\\n" for topic, value, _ in rows).encode())

def work(topic):
    for value in range(int(os.environ["POINTS"])):
        emit(topic, value)

def leave_a_thread(topic):
    threading.Thread(target=lambda: (time.sleep(0.2), work(topic))).start()

def die(topic, line):
    if line:
        client.flush_on_sigterm()
    work(topic)
    os.kill(os.getpid(), signal.SIGTERM)

def take_a_lock(topic):
    assert _lock.acquire(timeout=5)
    work(topic)

def start(target, *args, method="fork"):
    child = multiprocessing.get_context(method).Process(target=target, args=args)
    child.start()
    return child

client.FLUSH_AT_EXIT = 50  # a busy machine may need longer than 2 s
_lock = free_in_children(threading.Lock())
client.configure(transport=write)
if __name__ == "__main__":
    fork = multiprocessing.get_context("fork")
    children = [start(work, method, method=method) for method in ("spawn", "forkserver", "fork")]
    children += [start(leave_a_thread, "thread"), start(die, "with_line", True)]
    without = start(die, "without_line", False)
    pool = fork.Pool(1)
    pool.map(work, ["pool"])
    pool.close()
    with ProcessPoolExecutor(1, mp_context=fork) as executor:
        executor.submit(work, "executor").result()
    with fork.Pool(1, client.flush_on_sigterm) as terminated:
        terminated.map(work, ["terminated"])
    threading.Thread(target=work, args=("parent",)).start()
    with client.default.mouth, client.default.settled, _lock:
        children.append(start(take_a_lock, "locked"))
    for child in children:
        child.join()
    pool.join()
    without.join()
    print([child.exitcode for child in children], without.exitcode)
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """The program above once it has ended: ``(topic -> values that arrived, what it said)``."""
    folder = tmp_path_factory.mktemp("ends")
    arrived, program = folder / "arrived", folder / "program.py"
    program.write_text(PROGRAM)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "ARRIVED": str(arrived), "POINTS": str(POINTS)}
    done = subprocess.run([sys.executable, program], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = {}
    for line in arrived.read_text().splitlines():
        topic, value = line.split()
        found.setdefault(topic, []).append(int(value))
    return found, done


@pytest.mark.parametrize(
    "end",
    [
        "spawn",
        "forkserver",
        "fork",
        "pool",
        "executor",
        "terminated",
        "thread",
        "locked",
        "with_line",
        "parent",
    ],
)
def test_every_point_of_a_child_arrives_once_however_it_is_made_and_ends(ended, end):
    found, _ = ended
    assert sorted(found.get(end, [])) == list(range(POINTS))


def test_sigterm_ends_a_process_as_before_with_the_one_line_and_without(ended):
    _, done = ended
    codes = [0, 0, 0, 0, -signal.SIGTERM, 0], -signal.SIGTERM
    assert done.stdout.split("\n")[0] == f"{codes[0]} {codes[1]}"


def test_what_is_emitted_after_the_last_chance_arrives_and_nothing_is_said(ended):
    found, done = ended
    assert found["late"] == [1] and not done.stderr


def test_a_handler_that_stands_is_called_after_the_points_and_an_ignored_signal_stays_ignored():
    called, before = [], signal.signal(signal.SIGUSR1, lambda *_: called.append("theirs"))
    try:
        for _ in range(2):
            # The second time changes nothing.
            ends.before_signal(signal.SIGUSR1, lambda: called.append("ours"), 5)
        os.kill(os.getpid(), signal.SIGUSR1)
        assert called == ["ours", "theirs"]
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        ends.before_signal(signal.SIGUSR1, lambda: called.append("ours"), 5)
        assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_pool_process_of_celery_is_hooked_by_its_own_signal(monkeypatch):
    from celery.signals import worker_process_shutdown

    called = []
    monkeypatch.setattr(ends, "__name__", __name__)
    ends.connect_celery(sys.modules["celery.signals"], lambda: called.append(1))
    try:
        worker_process_shutdown.send(sender=None, pid=1, exitcode=0)
    finally:
        worker_process_shutdown.disconnect(dispatch_uid=ends.__name__)
    assert called == [1]
