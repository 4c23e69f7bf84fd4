"""What a threshold would have done, against stepping every slot."""

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics_app.core.backtest import Incident, Notes, backtest, judge
from metrics_app.core.classes import classify
from metrics_app.core.moments import to_ms
from metrics_app.core.seen import Seen
from metrics_app.core.watch import Rule, State, step
from metrics_app.core.windows import make_pieces
from tests.examples import examples
from tests.metrics_app.cases import read_cases
from tests.metrics_app.core.test_watch_properties import KINDS, observe, rules

HOUR = 3_600_000
START = 1_774_745_200_000 // HOUR * HOUR


def see(rule, walk):
    """The Seen of ``(kind, slots, more)`` runs, and its observations one by one."""
    observations = [observe(rule, kind, more) for kind, length, more in walk for _ in range(length)]
    classes = [classify(rule, observation) for observation in observations]
    edges = [at for at in range(len(classes)) if not at or classes[at] != classes[at - 1]]
    values = np.array([np.nan if o.value is None else o.value for o in observations])
    counts = np.array([o.n for o in observations])
    named = [classes[at] for at in edges]
    first = START + rule.interval * 1000
    starts = np.arange(len(classes))
    return Seen(
        first, rule.interval * 1000, starts, values, counts, [*edges, len(classes)], named
    ), observations


runs = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(1, 40), st.floats(0, 50, allow_nan=False)),
    min_size=1,
    max_size=12,
)


@settings(max_examples=examples(400))
@given(rules, runs)
def test_leaving_out_quiet_slots_gives_what_stepping_each_gives(rule, walk):
    seen, observations = see(rule, walk)
    state, notes = State(), Notes(rule)
    for at, observation in enumerate(observations):
        state, transition = step(state, rule, observation, seen.slot(at))
        notes.take(state, transition)
    result = judge(rule, seen)
    assert result.state == state
    assert (result.breaches, result.data_breaches) == (notes.breaches, notes.data_breaches)
    assert result.fired == notes.fired and result.ticks == len(observations)
    assert result.ticks_in_breach == sum(classify(rule, o) == "breach" for o in observations)


def test_it_names_the_breaches_and_how_long_they_were_red():
    ts = [START + minute * 60_000 for minute in (0, 10, 20, 200)]
    result = backtest(Rule("mean", 600, "gt", 10), make_pieces(ts, [20, 30, 5, 50]))
    first, second = result.breaches
    # Silence is not recovery: the first ends with the good point, the second never does.
    assert first == Incident(START + 60_000, START + 21 * 60_000, 30.0)
    assert second == Incident(START + 201 * 60_000, None, 50.0)
    assert result.ticks == 211 and result.ticks_in_breach == 30
    assert result.count_red() == 20 * 60_000 + 10 * 60_000


def test_fifteen_years_with_three_points_are_three_points_of_work():
    minutes = (0, 7_000_000, 8_300_000)
    pieces = make_pieces([START + at * 60_000 for at in minutes], [20, 30, 5])
    for aggregate, red in (("mean", 20), ("max", 20), ("p95", 20), ("count", 0)):
        result = backtest(Rule(aggregate, 600, "gt", 10), pieces)
        assert (result.ticks, result.ticks_in_breach) == (8_300_011, red)
        assert result.state.last_slot == START + 8_300_011 * 60_000


def test_no_points_are_no_slots():
    assert backtest(Rule("mean", 600, "gt", 10), make_pieces([], [])).ticks == 0


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 29, 23), (10, 25, 25)])
def test_a_night_in_which_clocks_move_has_every_slot_once(month, day, hours):
    berlin = ZoneInfo("Europe/Berlin")
    midnight, next_one = (datetime(2026, month, d, tzinfo=berlin).astimezone(UTC) for d in (day, day + 1))
    begin, end = (to_ms(moment) for moment in (midnight, next_one))
    ts = np.arange(begin, end, 60_000)
    result = backtest(Rule("count", 60, "gte", 1), make_pieces(ts, np.ones(len(ts))))
    assert result.ticks_in_breach == hours * 60
    assert result.breaches == [Incident(begin + 60_000, end + 60_000, 1.0)]


@pytest.mark.parametrize(("window", "in_breach"), [(1_800, 108_459), (86_400, 1_036_644)])
def test_the_real_complaints_are_above_48_h_as_often_as_they_were(boston_cases, window, in_breach):
    rows = [case for case in read_cases(boston_cases).rows if case.closed is not None]
    ts = np.array([case.closed for case in rows])
    pieces = make_pieces(ts, [(case.closed - case.created) / 1000 for case in rows])
    result = backtest(Rule("mean", window, "gt", 172_800), pieces)
    assert result.ticks_in_breach == in_breach
    assert (result.state.slot_class, result.state.n) == ("empty", 0)


def test_a_year_at_one_minute_is_judged_in_a_second():
    rng = np.random.default_rng(5)
    ts = START + np.sort(rng.integers(0, 365 * 24 * HOUR, 24_000))
    pieces = make_pieces(ts, rng.exponential(172_800, len(ts)))
    durations = []
    for _ in range(3):
        begun = time.process_time()
        result = backtest(Rule("mean", 1800, "gt", 172_800, pending_for=600, keep_firing_for=600), pieces)
        durations.append(time.process_time() - begun)
    assert result.ticks > 525_000 and len(result.breaches) > 500
    # Of this process alone: what else the machine does is not what is measured.
    assert min(durations) < 1.0


def test_an_observation_that_overflows_stays_finite():
    result = backtest(Rule("sum", 600, "gt", 10), make_pieces([START, START + 1], [1.7e308, 1.7e308]))
    assert result.breaches[0].peak == np.finfo(float).max
    assert isinstance(result.state.n, int)
