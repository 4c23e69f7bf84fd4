"""Judging many at once ends as judging each by itself does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics_app.core.watch import Observation, State, step
from metrics_app.models import EvaluationRecord, ThresholdState
from metrics_app.services import dues
from metrics_app.services.calm import QUIET, find_slot, is_calm, part_clear
from metrics_app.services.evaluate import evaluate
from tests.metrics_app.core.test_watch_properties import KINDS, observe, rules
from tests.metrics_app.watching import HOUR, make_threshold, send

MINUTE = 60_000
MARK = 1_774_747_800_000

observations = st.builds(lambda kind, more: (kind, more), st.sampled_from(KINDS), st.floats(0, 50))
# Mostly states at rest, so that most examples say something; each field may differ from that.
fields = {
    "since": st.sampled_from([None, MARK - MINUTE]),
    "data_since": st.sampled_from([None, MARK - MINUTE, MARK - MINUTE]),
    "recovered_at": st.sampled_from([None, MARK - MINUTE]),
    "missed": st.integers(0, 3),
    "value": st.sampled_from([None, 79.0]),
    "n": st.integers(0, 3),
    "last_slot": st.integers(MARK - 4 * MINUTE, MARK + MINUTE).map(lambda ms: ms // 1000 * 1000),
}
unrest = {
    "state": st.sampled_from(["pending", "firing", "recovering"]),
    "slot_class": st.sampled_from(["", *KINDS]),
    "data": st.sampled_from(["thin", "empty", "error"]),
    "changes": st.integers(1, 7),
    "flapping": st.just(True),
    "data_breach": st.just(True),
}
states = st.tuples(st.fixed_dictionaries(fields), st.fixed_dictionaries({}, optional=unrest)).map(
    lambda pair: State(**(QUIET | pair[0] | pair[1]))
)
extras = st.sampled_from([None, MARK - 5 * MINUTE, MARK - 1000, MARK + 1000])


def prepare(rule, state, extra):
    """A row as it is read, what is known of its rule, and its Due by the general way."""
    known = dues.Known(1, 1, "a.a", 0, rule)
    row = (7, 1, extra, *state)
    return row, known, dues.make_due(row, known, {0: MARK}, 100)


@settings(max_examples=400, deadline=None)
@given(rules, states, extras, observations)
def test_moving_on_changes_what_a_step_would_have_changed(rule, state, extra, seen):
    row, known, due = prepare(rule, state, extra)
    if not is_calm(row, known, {0: MARK}):
        return
    slot = find_slot(row, known)
    assert due.slots == [slot] and not due.more
    assert due.due_at == slot + (rule.interval + rule.delay) * 1000
    observation = observe(rule, *seen)
    after, transition = step(state, rule, observation, slot)
    clear, woken = part_clear([(row, known)], [Observation(*observation)])
    assert bool(clear) == (after.slot_class == "clear") != bool(woken)
    if clear:
        assert after == state._replace(last_slot=slot, value=observation.value, n=observation.n)
        assert transition.events == () and transition.after == "ok"


@settings(max_examples=200, deadline=None)
@given(rules, states, extras)
def test_whoever_is_at_rest_with_one_slot_due_is_found_to_be(rule, state, extra):
    row, known, due = prepare(rule, state, extra)
    at_rest = all(getattr(state, name) == value for name, value in QUIET.items())
    regular = due is not None and len(due.slots) == 1 and due.slots[0] % (rule.interval * 1000) == 0
    wanted = (
        at_rest and state.data_since is not None and regular and due.following % (rule.interval * 1000) == 0
    )
    assert is_calm(row, known, {0: MARK}) == wanted


@pytest.mark.django_db
def test_those_at_rest_and_those_that_fire_are_judged_in_one_go(base):
    quiet, loud = (make_threshold(topic, now=base, window=60) for topic in ("a.a", "b.b"))
    for minute in range(3):
        send((base + minute * MINUTE - 1000, 10 * HOUR), topic="a.a")
        send((base + minute * MINUTE - 1000, (60 if minute == 2 else 10) * HOUR), topic="b.b")
        assert evaluate(now=base + minute * MINUTE + 1) == 2
    states = [ThresholdState.objects.get(threshold=threshold) for threshold in (quiet, loud)]
    assert [(state.state, state.value, state.n) for state in states] == [
        ("ok", 10.0 * HOUR, 1),
        ("firing", 60.0 * HOUR, 1),
    ]
    assert {state.last_slot for state in states} == {base + 2 * MINUTE}
    assert {state.due_at for state in states} == {base + 3 * MINUTE}
    assert EvaluationRecord.objects.filter(slot=base + MINUTE).count() == 1
