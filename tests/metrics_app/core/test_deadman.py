"""The rule that only asks whether points still come."""

import math

from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core.deadman import LONGEST, SHORTEST, make_silence_rule
from metrics_app.core.watch import Observation, Rule, State, step

seen = st.one_of(
    st.just(Observation(None, 0)),
    st.builds(Observation, st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 9)),
)


@given(st.lists(seen, min_size=1, max_size=40), st.integers(SHORTEST, LONGEST))
def test_it_is_open_exactly_while_the_window_holds_no_point(observations, expected):
    rule = Rule(**make_silence_rule(expected))
    state = State()
    for number, observation in enumerate(observations, 1):
        state, _ = step(state, rule, observation, number * rule.interval * 1000)
        assert state.data_breach == (observation.n == 0) and state.state == "ok"


def test_it_looks_often_enough_and_not_too_often():
    assert make_silence_rule(10)["interval"] == 5
    assert make_silence_rule(600)["interval"] == 60
    assert make_silence_rule(LONGEST)["interval"] == 300
    assert math.isfinite(make_silence_rule(60)["limit"])
