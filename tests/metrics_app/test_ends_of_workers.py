"""Workers of Celery 5.7.0 (billiard 4.3.2) and gunicorn 27.0.1 that are stopped lose no point."""

import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from hms_gov.embedded import find_free_port

ROOT = Path(__file__).resolve().parents[2]
POINTS = 20_000
pytestmark = pytest.mark.long

BOTH = """
import os, signal, time
from metrics_app import client, emit

def write(rows, batch_id):
    time.sleep(0.1)
    with open(os.environ["ARRIVED"], "ab", 0) as file:
        file.write("".join(f"{value}\\n" for _, value, _ in rows).encode())

def work():
    for value in range(20_000):
        emit("work.done", value)

client.configure(transport=write)
"""
CELERY = """
from celery import Celery
from celery.signals import worker_ready

app = Celery("program", broker="memory://")

@app.task
def work_and_end():
    work()
    os.kill(os.getppid(), signal.SIGTERM)

@worker_ready.connect
def begin(**_):
    work_and_end.delay()

if __name__ == "__main__":
    app.worker_main(["worker", "--pool=prefork", "-c1", "--without-gossip", "--without-mingle"])
"""
GUNICORN = """
def application(environ, start_response):
    work()
    start_response("200 OK", [])
    return [b"ok"]
"""


@pytest.fixture
def program(tmp_path):
    """Starts a program beside which ``arrived`` is written; answers the process and how to read it."""
    running = []

    def start(text, *command):
        (tmp_path / "program.py").write_text(BOTH + text)
        path = os.pathsep.join([str(ROOT), str(tmp_path), os.environ.get("PYTHONPATH", "")])
        # A program of its own: Celery would set up the project that the settings name.
        env = {name: text for name, text in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        env |= {"PYTHONPATH": path, "ARRIVED": str(tmp_path / "arrived")}
        running.append(subprocess.Popen([sys.executable, *command], env=env, cwd=tmp_path))
        return running[0], lambda: sorted(map(int, (tmp_path / "arrived").read_text().split()))

    yield start
    for process in running:
        process.kill()
        process.wait()


def test_a_pool_process_of_celery_loses_nothing_when_its_worker_is_stopped(program):
    worker, read = program(CELERY, "program.py")
    assert worker.wait(60) == 0
    assert read() == list(range(POINTS))


@pytest.mark.parametrize("options", [(), ("--preload",)])
def test_a_worker_of_gunicorn_loses_nothing_when_it_is_stopped(program, options):
    pytest.importorskip("gunicorn")
    address = f"127.0.0.1:{find_free_port()}"
    master, read = program(
        GUNICORN, "-m", "gunicorn", *options, "-w", "1", "-b", address, "program:application"
    )
    while master.poll() is None:
        try:
            urllib.request.urlopen(f"http://{address}/", timeout=30).close()
            break
        except OSError:
            time.sleep(0.1)
    master.terminate()
    assert master.wait(60) == 0
    assert read() == list(range(POINTS))
