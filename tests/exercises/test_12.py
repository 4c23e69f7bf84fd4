"""Exercise 12 prints what its page says; what it shows of a past is walked in ``test_demo_with_past``."""

import os
import shutil

import pytest

from tests.demos import RunningDemo
from tests.walking import STEPS, Shell, split_steps, walk

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="a demo here has a SQLite of its own"),
]


def test_the_page_starts_two_demos_and_shows_outputs():
    assert [steps[0][0] for steps in split_steps()] == [
        "make demo ARGS=--no-traffic\n",
        "make demo DIR=.demo2\n",
    ]
    assert len([output for _, output in STEPS if output]) == 13


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page asks for curl, which is not here")
def test_every_step_prints_what_the_page_says(tmp_path):
    with RunningDemo(tmp_path / ".demo", "--no-traffic", "--port", "0"):
        walk(Shell(tmp_path), split_steps()[0][1:])
