"""A run of tests that was killed leaves no server behind."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.demos import ROOT, is_running, list_children, wait_for

# As it calls itself, whichever of the servers that are Redis it is.
REDIS = "-server 127.0.0.1:"
SERVERS = (REDIS, "daphne", "uvicorn", "bin/postgres")
DEMO = (REDIS, "manage.py", "chromium")
WITH_SERVERS, WITH_A_DEMO = "test_with_servers", "test_with_a_demo_and_a_browser"


def read_command(pid):
    """The command line of a process; empty where it has just ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


@pytest.mark.parametrize(
    ("test", "options", "names"),
    [
        (WITH_SERVERS, ("-n", "1"), SERVERS),
        pytest.param(WITH_SERVERS, (), SERVERS, marks=pytest.mark.long),
        pytest.param(WITH_A_DEMO, (), DEMO, marks=[pytest.mark.long, pytest.mark.browser]),
    ],
)
def test_a_run_that_was_killed_leaves_no_process(tmp_path, test, options, names):
    if "chromium" in names and shutil.which("chromium") is None:
        pytest.skip("no chromium on the path")
    ready = tmp_path / "ready"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    with (tmp_path / "output").open("w") as output:
        run = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/everything.py", "-k", test,
             "--basetemp", str(tmp_path / "run"), *options],
            cwd=ROOT, env=environment | {"ORPHANS_READY": str(ready)}, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        wait_for(lambda: ready.exists() or run.poll() is not None, timeout=180, what="the start")
        children = list_children(run.pid)
        commands = "\n".join(map(read_command, children))
        assert all(name in commands for name in names), (tmp_path / "output").read_text() + commands
    finally:
        run.kill()
        run.wait()
    wait_for(lambda: not any(map(is_running, children)), what="the end of what it had started")
