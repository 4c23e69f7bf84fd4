"""Processes are restarted when they die and ended when their supervisor ends."""

import os
import signal
import subprocess
import sys
import time

import pytest
import redis

from hms_gov.processes import LOG_LIMIT, Process, RedisProcess, Supervisor
from tests.demos import is_running, wait_for


@pytest.fixture
def said():
    return []


@pytest.fixture
def supervisor(said):
    supervisor = Supervisor(said.append)
    yield supervisor
    supervisor.stop(patience=2)


@pytest.fixture
def make(tmp_path):
    """A Process that runs a line of Python."""

    def make_process(code, name="worker"):
        command = [sys.executable, "-c", code]
        return Process(name, command, log=tmp_path / f"{name}.log", environment=dict(os.environ))

    return make_process


def test_it_says_what_died_with_the_end_of_its_log_and_starts_it_again_at_once(supervisor, make, said):
    process = make("print('the disk is full'); raise SystemExit(3)")
    supervisor.start(process)
    wait_for(lambda: supervisor.turn() or said)
    assert "worker ended (code 3) and starts again at once" in said[0]
    assert "    the disk is full" in said[0]
    supervisor.turn()
    assert said[1] == "worker runs again."


def test_it_waits_longer_each_time_but_not_for_ever(make):
    process = make("raise SystemExit(1)")
    pauses = []
    for _ in range(8):
        process.start()
        process.popen.wait()
        now = time.monotonic()
        process.check(now)
        pauses.append(round(process.due - now))
    assert pauses == [0, 1, 2, 4, 8, 16, 30, 30]
    assert process.check(process.due - 0.1) is None
    assert process.check(process.due) == "worker runs again."


def test_it_starts_again_at_once_what_had_run_for_ten_seconds(make):
    process = make("raise SystemExit(1)")
    for age, pause in ((9, 0), (9, 1), (11, 0), (9, 1)):
        process.start()
        process.popen.wait()
        process.check(process.begun + age)
        assert process.due == process.begun + age + pause


def test_it_says_when_a_program_is_not_there(make):
    process = make("")
    process.command, process.due = ["/nowhere/to/be/found"], 1.0
    assert "worker cannot be started" in process.check(2.0)


def test_it_ends_everything_and_kills_what_does_not_listen(make, said):
    supervisor = Supervisor(said.append)
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    processes = [make("import time; time.sleep(60)", "first"), make(deaf, "deaf")]
    for process in processes:
        supervisor.start(process)
    wait_for(lambda: processes[1].log.read_bytes())
    supervisor.stop(patience=0.5)
    assert [process.popen.returncode for process in processes] == [-signal.SIGTERM, -signal.SIGKILL]


def test_it_leaves_no_child_when_it_is_killed_itself(tmp_path):
    code = f"""
import os, sys, time
from hms_gov.processes import Process
process = Process("w", [sys.executable, "-c", "import time; time.sleep(60)"],
                  log={str(tmp_path / "w.log")!r}, environment=dict(os.environ))
process.start()
print(process.popen.pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    assert is_running(child)
    parent.kill()
    parent.communicate()
    wait_for(lambda: not is_running(child))


def test_it_keeps_the_newer_half_of_a_long_log(make):
    process = make("")
    process.log.write_bytes(b"old" + b"." * LOG_LIMIT + b"new")
    process.trim_log()
    assert process.log.stat().st_size <= LOG_LIMIT // 2 + 1
    assert process.log.read_bytes().endswith(b"new")


def test_it_gives_redis_its_address_and_its_data_back(supervisor, tmp_path):
    process = RedisProcess(tmp_path / "redis")
    supervisor.start(process)
    with redis.Redis.from_url(process.url) as client:
        client.set("kept", 1)
        process.signal(signal.SIGKILL)
        wait_for(lambda: not process.is_alive())
        process.check(time.monotonic())
        process.check(process.due)
        assert client.get("kept") == b"1"
