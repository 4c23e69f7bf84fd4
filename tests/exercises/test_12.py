"""Exercise 12 prints what its page says."""

import os
import re
import shutil
import subprocess
import time

import pytest

from hms_gov.ties import Tied
from tests.demos import ROOT, RunningDemo, make_environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="a demo here has a SQLite of its own"),
]

PAGE = (ROOT / "exercises/12/README.md").read_text()
# Commands, and what they print where the page shows it.
STEPS = re.findall(r"```sh\n(.*?)```\n(?:\n```text\n(.*?)```)?", PAGE, re.DOTALL)
END = "end of the step"


class Shell:
    """One bash for all steps, as a reader has it."""

    def __init__(self, directory):
        self.popen = Tied(
            ["bash"], cwd=directory, env=make_environment(), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, commands):
        """What the commands print."""
        self.popen.stdin.write(f"{commands}\necho '{END}'\n")
        self.popen.stdin.flush()
        printed = ""
        while (line := self.popen.stdout.readline()) != f"{END}\n":
            assert line, f"bash ended: {printed}"
            printed += line
        return printed


JUDGED = re.compile(r'("name":"Response time".*"condition":)"(ok|silent)","no_data":(true|false)')


def hide_times(text):
    """The text with ms since the epoch made alike, and what a rule says of a point it may have judged."""
    return re.sub(r"\d{13}", "<ms>", JUDGED.sub(r"\1<judged>", text))


def test_the_page_starts_a_demo_and_shows_outputs():
    assert STEPS[0][0] == "make demo ARGS=--no-traffic\n"
    assert len([output for _, output in STEPS if output]) == 11


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page asks for curl, which is not here")
def test_every_step_prints_what_the_page_says(tmp_path):
    with RunningDemo(tmp_path / ".demo", "--no-traffic", "--port", "0"):
        shell = Shell(tmp_path)
        for commands, expected in STEPS[1:]:
            printed = hide_times(shell.run(commands))
            # A slow machine may need a moment more; only reading is repeated.
            deadline = time.monotonic() + 30
            while printed != hide_times(expected) and " -d " not in commands and time.monotonic() < deadline:
                printed = hide_times(shell.run(commands))
            assert printed == hide_times(expected)
        shell.popen.communicate()
