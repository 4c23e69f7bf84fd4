"""Each part of a whole site goes and comes under load: nothing is lost, and the logs are short."""

import pytest

from tests.chaos import faults, stops
from tests.chaos.stack import PARTS, SERVERS

PATIENCE = 60  # seconds, on a busy machine; how soon it is, ``tests.chaos.faults`` prints
MOST_WRONG = 0.01  # share of the looks at lights
MOST_DARK = 0.5  # share of them, before the fault, that may say that nobody judges, on a busy machine
MOST_LINES = 2  # of one process about one outage


@pytest.mark.long
@pytest.mark.slow
def test_each_part_goes_and_comes_without_a_loss_a_traceback_or_a_long_log():
    results, told = faults.run(PARTS, 30)
    assert told.pop("acknowledged") > 0 and not any(told.values()), told
    for one in results:
        assert one.tracebacks == 0 and one.lines <= MOST_LINES, one.log
        assert max(one.socket, one.judged) < PATIENCE, one.part
        # Right, or said not to be judged: see ``load.is_right``. Such as always say so would never be wrong.
        assert one.looks > 0 and one.dark <= MOST_DARK, (one.part, one.looks, one.dark)
        assert one.wrong <= MOST_WRONG * one.looks, (one.part, one.wrong, one.looks, one.worst, one.light)


@pytest.mark.long
@pytest.mark.slow
def test_a_server_that_is_told_to_end_tells_its_streams_and_loses_nothing_it_acknowledged():
    for one in stops.run(SERVERS, [0, 20]):
        assert (one.told, one.missing) == (one.streams, 0) and one.acknowledged > 0, one
        assert one.seconds < PATIENCE and "Traceback" not in "\n".join(one.log), one
