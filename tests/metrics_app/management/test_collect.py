import os
import signal
import threading

import pytest
from django.core.management import CommandError, call_command

from metrics_app.collector import Collector
from metrics_app.management.commands.collect import parse_shards


@pytest.fixture(autouse=True)
def signals():
    """Puts the handlers back that the command replaces."""
    known = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in known.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("text", "shards"), [(None, None), ("", None), ("3", [3]), ("2,0,2", [0, 2])])
def test_it_reads_which_shards_are_meant(text, shards):
    assert parse_shards(text) == shards


@pytest.mark.parametrize("text", ["x", "8", "-1", "1,", "0;1"])
def test_it_refuses_shards_that_do_not_exist(text):
    with pytest.raises(CommandError, match="expected numbers from 0 to 7"):
        parse_shards(text)


def test_it_says_what_it_collects_and_stops_at_a_signal(capsys, monkeypatch):
    seen = []

    def run(collector, stop):
        os.kill(os.getpid(), signal.SIGTERM)
        seen.append(stop.wait(5))

    monkeypatch.setattr(Collector, "run", run)
    call_command("collect", shards="0,1")
    assert seen == [True] and "Collecting shards 0, 1" in capsys.readouterr().out


def test_another_number_of_shards_is_one_line(settings):
    Collector().turn(block_ms=None)
    settings.METRICS_APP = {**settings.METRICS_APP, "SHARDS": 4}
    with pytest.raises(CommandError, match="began with 8"):
        call_command("collect")


def test_it_stops_between_two_turns():
    stop = threading.Event()
    stop.set()
    Collector().run(stop)
