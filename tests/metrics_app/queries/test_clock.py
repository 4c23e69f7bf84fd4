"""Since when nobody judges: one moment, whoever asks and whenever, and never an earlier one."""

import itertools
from types import SimpleNamespace

import pytest

from metrics_app.queries.clock import GRACE, Clock
from metrics_app.queries.logs import shard_for

T = 1_700_000_000_000  # ms, a whole second
SHARD = shard_for("t")


@pytest.fixture(autouse=True)
def grace(monkeypatch):
    """As on a site: other tests have more time."""
    monkeypatch.setattr("metrics_app.queries.clock.GRACE", GRACE)


def ask(now, row, *, evaluator, collector):
    """What is told at ``now`` where the two parts stopped at their moments (ms; None: never)."""
    judged = now if evaluator is None else min(now, evaluator)
    mark = (now if collector is None else min(now, collector)) - 1_000
    return Clock(now, {SHARD: mark}, judged).find_unjudged("t", row)


@pytest.mark.parametrize(
    ("evaluator", "collector", "due", "expected"),
    [
        (T, None, 2_000, T),  # its next slot was due after the last round
        (T, None, 3_600_000, T),  # and one that is not due yet
        (T, None, -500, T - 500),  # one that was due already, and no round came to it
        (None, None, 2_000, T + 2_000),  # all others are judged
        (None, T, 3_600_000, T - 1_000),
        (T, T + 5_000, 2_000, T),
        (T + 5_000, T, 2_000, T - 1_000),
    ],
)
def test_it_is_the_first_that_stood_still_and_stays_that(evaluator, collector, due, expected):
    row = SimpleNamespace(due_at=T + due, last_slot=T - 58_000)
    told = [ask(now, row, evaluator=evaluator, collector=collector) for now in range(T, T + 4 * GRACE, 500)]
    assert told[0] is None and {moment for moment in told if moment is not None} == {expected}
    assert told == sorted(told, key=lambda moment: moment is not None), "it does not go out again"


def test_it_never_goes_back_whatever_stops_after_what():
    steps = (None, T, T + 4_000, T + 13_000)
    for evaluator, collector, due in itertools.product(steps, steps, (-3_000, 500, 6_000, 3_600_000)):
        row = SimpleNamespace(due_at=T + due, last_slot=T - 60_000)
        told = [
            ask(now, row, evaluator=evaluator, collector=collector) for now in range(T, T + 5 * GRACE, 500)
        ]
        told = [moment for moment in told if moment is not None]
        assert told == sorted(told), (evaluator, collector, due)


def test_it_is_never_before_the_slot_judged_last():
    """As after a loss of all that Redis held."""
    row = SimpleNamespace(due_at=T + 60_000, last_slot=T)
    assert Clock(T + 20_000, {SHARD: 0}, 0).find_unjudged("t", row) == T
    assert Clock(T + 20_000, None, 0).find_unjudged("t", row) == T


@pytest.mark.parametrize("stops", ["evaluator", "collector"])
@pytest.mark.parametrize("ago", [0, 400, 999])
def test_no_state_of_a_rule_that_is_judged_each_second_is_believed_for_more_than_five(stops, ago):
    """``ago``: how long before the part stopped the last slot was."""
    row = SimpleNamespace(due_at=T - ago + 1_000, last_slot=T - ago)
    for now in range(T, T + 10_000, 50):
        # The mark follows at once here: it may be as old as the slot that was judged by it.
        clock = Clock(now, {SHARD: T if stops == "collector" else now}, T if stops == "evaluator" else now)
        is_believed = clock.find_unjudged("t", row) is None
        assert is_believed == (now <= T + GRACE) and (not is_believed or now - row.last_slot <= 5_000)


def test_it_says_for_how_long_nothing_more_comes_to_stand():
    clock = Clock(T, {0: T - 1_000, 1: T - 60_000}, T - 3_000)
    assert clock.stands == (False, frozenset({1})) and clock.lasts == 1_000
    later = clock._replace(now=T + clock.lasts)
    assert later.stands == clock.stands and later._replace(now=later.now + 1).stands[0]
    assert Clock(T, {0: 0}, 0).lasts == GRACE and Clock(T, None).stands is None
