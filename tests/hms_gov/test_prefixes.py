"""Lines of several processes in one output say whose they are, and stay whole."""

import logging
import os
import sys
import threading

import pytest

from hms_gov.children import Forked
from hms_gov.prefixes import Prefixed, write_behind


@pytest.fixture
def pipe():
    read, write = os.pipe()
    yield read, write
    for handle in (read, write):
        os.close(handle)


def test_each_line_has_its_prefix_and_one_that_is_not_over_waits(pipe):
    stream = Prefixed(pipe[1], "web | ")
    stream.write("one\ntw")
    stream.flush()
    assert os.read(pipe[0], 100) == b"web | one\n"
    stream.write("o\nthree \ud800")
    assert os.read(pipe[0], 100) == b"web | two\n"
    stream.close()
    assert os.read(pipe[0], 100) == b"web | three \\ud800\n"


def test_lines_of_threads_are_not_mixed(pipe):
    stream = Prefixed(pipe[1], "- ")
    threads = [
        threading.Thread(target=lambda at=at: [stream.write(f"{at}" * 9 + "\n") for _ in range(50)])
        for at in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = os.read(pipe[0], 65_536).decode().splitlines()
    assert sorted(lines) == sorted(
        f"- {at}{at}{at}{at}{at}{at}{at}{at}{at}" for at in range(4) for _ in range(50)
    )


def test_what_a_process_prints_and_logs_stands_behind_its_name(pipe):
    def run(tell_ready):
        handler = logging.StreamHandler()
        handler.stream = sys.stderr
        logging.root.handlers[:] = [handler]
        for handle in (1, 2):
            os.dup2(pipe[1], handle)
        write_behind("slow")
        print("printed")
        logging.warning("logged")

    assert Forked("slow", run).wait(timeout=60) == 0
    assert os.read(pipe[0], 100) == b"slow     | printed\nslow     | logged\n"
