"""The table of semantics.md, cell by cell, with the numbers worked out by hand."""

import pytest

from metrics_app.core.classes import classify, worse
from metrics_app.core.watch import FAILED, Observation, Rule, State, step

MINUTE = 60_000
START = 1_774_746_000_000  # 2026-03-29T01:20Z, forty minutes after Europe moved its clocks
HIGH, MIDDLE, LOW = Observation(60.0, 9), Observation(45.0, 9), Observation(30.0, 9)
FEW, NONE = Observation(60.0, 2), Observation(None, 0)
LETTERS = {"B": HIGH, "b": MIDDLE, "c": LOW, "t": FEW, "-": NONE, "!": FAILED, " ": None}


def make_rule(**changes):
    """Mean above 48, recovered at 40, at least 3 points, judged each minute."""
    base = Rule("mean", 1800, "gt", 48, recovery_limit=40, min_count=3, interval=60)
    return base._replace(**changes)


def play(rule, letters, state=None):
    """The states after each slot: B breach, b band, c clear, t thin, - empty, ! error, blank missed."""
    state, states, events = state or State(), [], []
    for number, letter in enumerate(letters):
        if LETTERS[letter] is not None:
            state, transition = step(state, rule, LETTERS[letter], START + number * MINUTE)
            events += transition.events
            states.append(state)
    return states, events


def names(rule, letters):
    """The first letters of the states: o, p, f, r."""
    return "".join(state.state[0] for state in play(rule, letters)[0])


@pytest.mark.parametrize(
    ("rule", "seen", "states"),
    [
        # At once: no pending, no keep-firing.
        (make_rule(), "cBbBcbc", "offfooo"),
        (make_rule(), "bbb", "ooo"),
        # Pending: the fourth slot is 120 s after the second.
        (make_rule(pending_for=120), "cBBBB", "oppff"),
        (make_rule(pending_for=120), "BBbBB", "ppopp"),
        (make_rule(pending_for=120), "BBcBB", "ppopp"),
        # A slot that cannot be judged holds the timer: it needs one slot more.
        (make_rule(pending_for=120), "BB-BB", "pppff"),
        (make_rule(pending_for=120), "BBtB", "pppf"),
        (make_rule(pending_for=120), "BB!B", "pppf"),
        (make_rule(pending_for=121), "BB!BB", "ppppf"),
        # A missed slot as well: what nobody saw does not count.
        (make_rule(pending_for=120), "BB B", "ppf"),
        (make_rule(pending_for=120), "B   B", "pp"),
        # After no_data_for without a usable slot the suspicion lapses.
        (make_rule(pending_for=600, no_data_for=120), "B---B", "pppop"),
        (make_rule(pending_for=600, no_data_for=120), "B-t!c", "pppoo"),
        (make_rule(pending_for=600, no_data_for=120), "B--B--", "pppppp"),
        # Hysteresis: the band latches.
        (make_rule(), "Bbbbbc", "fffffo"),
        # Keep firing: on the good side for 120 s.
        (make_rule(keep_firing_for=120), "Bcccc", "frroo"),
        (make_rule(keep_firing_for=120), "BccBcccc", "frrfrroo"),
        (make_rule(keep_firing_for=120), "Bccbccc", "frrfrro"),
        (make_rule(keep_firing_for=120), "Bc-c!c", "frrrro"),
        # Absence never resolves.
        (make_rule(no_data_for=60), "B-----", "ffffff"),
        (make_rule(no_data="fire", no_data_for=60), "B-----", "ffffff"),
        # Unless the analyst said that it counts as clear, after no_data_for.
        (make_rule(no_data="ok", no_data_for=120), "B----", "fffoo"),
        (make_rule(no_data="ok", no_data_for=120), "B-t--", "fffff"),
        (make_rule(no_data="ok", no_data_for=60, keep_firing_for=60), "B----", "ffroo"),
    ],
)
def test_it_follows_the_table(rule, seen, states):
    assert names(rule, seen) == states


def test_a_breach_opens_when_it_fires_and_closes_when_it_has_recovered():
    rule = make_rule(pending_for=60, keep_firing_for=60)
    assert play(rule, "BBbcBcc")[1] == ["began", "fired", "recovering", "relapsed", "recovering", "recovered"]
    assert play(rule, "Bc")[1] == ["began", "cleared"]
    assert play(rule._replace(no_data_for=60), "B--")[1] == ["began", "lapsed"]


def test_a_transition_says_when_the_value_first_went_beyond():
    rule, state = make_rule(pending_for=120), State()
    for number in range(3):
        state, transition = step(state, rule, HIGH, START + number * MINUTE)
    assert (transition.events, transition.began) == (("fired",), START)
    assert (transition.before, transition.after, transition.slot_class) == ("pending", "firing", "breach")


def test_within_the_cool_down_the_same_breach_reopens():
    rule = make_rule(cooldown=120)
    assert play(rule, "BccB")[1] == ["fired", "recovered", "reopened"]
    assert play(rule, "BcccB")[1] == ["fired", "recovered", "fired"]
    assert play(make_rule(), "BcB")[1] == ["fired", "recovered", "fired"]


def test_silence_opens_a_data_breach_only_while_no_other_is_open():
    rule = make_rule(no_data="fire", no_data_for=120)
    assert play(rule, "c---")[1] == ["data_opened"]
    assert play(rule, "c--!--")[1] == ["data_opened"], "a failed query neither proves nor disproves it"
    assert play(rule, "c--t--")[1] == []
    assert play(rule, "c---t")[1] == ["data_opened", "data_closed"]
    assert play(rule, "c---!-B")[1] == ["data_opened", "data_closed", "fired"]
    assert play(rule, "B----cc")[1] == ["fired", "no_data", "recovered"]
    assert play(make_rule(no_data_for=120), "c-----")[1] == []


def test_the_data_flag_says_what_is_wrong_and_since_when():
    states, _ = play(make_rule(), "ct-!c")
    assert [state.data for state in states] == ["fresh", "thin", "empty", "error", "fresh"]
    assert [state.data_since for state in states] == [START + n * MINUTE for n in range(5)]
    assert [state.data_since for state in play(make_rule(), "c--")[0]][2] == START + MINUTE


def test_it_keeps_the_worst_value_of_an_incident():
    rule, state = make_rule(keep_firing_for=120), State()
    for number, value in enumerate((50.0, 70.0, 60.0, 30.0, 65.0)):
        state, _ = step(state, rule, Observation(value, 9), START + number * MINUTE)
    assert state.peak == 70
    below, state = make_rule(operator="lt", limit=10, recovery_limit=12), State()
    for number, value in enumerate((9.0, 4.0, 8.0)):
        state, _ = step(state, below, Observation(value, 9), START + number * MINUTE)
    assert state.peak == 4
    assert step(state, below, Observation(20.0, 9), START + 9 * MINUTE)[0].peak is None


def test_it_flaps_from_half_of_the_slots_on_until_under_a_quarter():
    rule = make_rule()
    states, _ = play(rule, "Bc" * 10 + "c" * 20)
    flapping = [state.flapping for state in states]
    # The first change is ok -> firing; ten changes in the last twenty are half.
    assert flapping.index(True) == 9
    assert flapping[25] and not any(flapping[36:])


def test_slots_that_were_missed_are_counted():
    states, _ = play(make_rule(), "c   c c")
    assert [state.missed for state in states] == [0, 3, 4]
    extra, _ = step(State(last_slot=START), make_rule(), LOW, START + 7_000)
    assert extra.missed == 0
    assert step(extra, make_rule(), LOW, START + MINUTE)[0].missed == 0


def test_an_edit_keeps_the_state_and_the_new_rule_judges_the_timers():
    states, _ = play(make_rule(pending_for=600), "BBB")
    state, transition = step(states[-1], make_rule(pending_for=180), HIGH, START + 3 * MINUTE)
    assert (state.state, transition.events) == ("firing", ("fired",))
    state, _ = step(
        state, make_rule(limit=100, recovery_limit=90, keep_firing_for=60), HIGH, START + 4 * MINUTE
    )
    assert state.state == "recovering"


@pytest.mark.parametrize(
    ("operator", "at_limit", "at_recovery"),
    [("gt", "band", "clear"), ("gte", "breach", "band"), ("lt", "band", "clear"), ("lte", "breach", "band")],
)
def test_what_is_exactly_at_a_limit_follows_the_operator(operator, at_limit, at_recovery):
    recovery = 40 if operator in ("gt", "gte") else 60
    rule = Rule("mean", 60, operator, 50, recovery)
    assert classify(rule, Observation(50, 1)) == at_limit
    assert classify(rule, Observation(recovery, 1)) == at_recovery
    unset = rule._replace(recovery_limit=None)
    assert classify(unset, Observation(50, 1)) == ("breach" if at_limit == "breach" else "clear")


@pytest.mark.parametrize("aggregate", ["count", "sum", "rate_per_hour"])
def test_nothing_is_the_value_0_for_counts_and_sums(aggregate):
    busy = Rule(aggregate, 3600, "gt", 90, min_count=100)
    assert classify(busy, Observation(0.0, 0)) == classify(busy, Observation(None, 0)) == "clear"
    assert classify(busy, Observation(91.0, 91)) == "breach", "min_count does not apply"
    assert classify(Rule(aggregate, 3600, "lt", 1), Observation(0.0, 0)) == "breach"


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_is_no_number_is_an_error(value):
    state, _ = step(State(), make_rule(), Observation(value, 9), START)
    assert (state.slot_class, state.data, state.value) == ("error", "error", None)


def test_the_worse_of_two_values():
    assert [worse("gt", 1, 2), worse("lte", 1, 2), worse("gte", None, 2), worse("lt", 1, None)] == [
        2,
        1,
        2,
        1,
    ]
