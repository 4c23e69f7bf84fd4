"""One order of badness, and one answer to the question in what condition a rule or a KPI is."""

from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core.conditions import (
    KINDS,
    LABELS,
    NONE,
    OK,
    ORDER,
    SHAPES,
    SILENT,
    UNJUDGED,
    Condition,
    judge_kpi,
    judge_rule,
)

STATES = st.sampled_from(["ok", "pending", "firing", "recovering"])
DATA = st.sampled_from(["fresh", "thin", "empty", "incomparable", "error"])
rules = st.builds(
    judge_rule, STATES, DATA, data_breach=st.booleans(), is_judged=st.booleans(), is_enabled=st.booleans()
)
dead_men = st.none() | st.builds(
    judge_rule, st.just("ok"), DATA, data_breach=st.booleans(), is_judged=st.booleans()
)


def test_the_worst_is_what_is_beyond_its_limit_and_what_nobody_knows_is_worse_than_what_is_fine():
    assert ORDER == ("firing", "unjudged", "recovering", "pending", "silent", "ok", "none")


def test_every_condition_has_a_shape_and_words_of_its_own():
    assert len(set(SHAPES.values())) == len({kind.label for kind in KINDS.values()}) == len(KINDS)
    assert LABELS["firing"] == "■ Beyond limit"


@given(STATES, DATA, st.booleans(), st.booleans(), st.booleans())
def test_nothing_is_green_that_has_no_points_or_was_never_judged(state, data, breach, judged, nothing):
    found = judge_rule(state, data, data_breach=breach, is_judged=judged, proves_nothing=nothing)
    # Whatever left "ok" has been judged.
    lacks = data == "empty" or nothing or breach or (state == "ok" and not judged)
    assert (found.name == OK) == (state == "ok" and not lacks)
    assert found.is_silent == lacks and found.state == state


@given(STATES, DATA)
def test_absence_never_hides_a_breach_that_is_open_or_about_to_open(state, data):
    found = judge_rule(state, data, data_breach=True)
    assert found.name == ("silent" if state == "ok" else state) and SILENT in found.names


@given(STATES, DATA, st.booleans())
def test_what_is_switched_off_is_in_no_condition(state, data, breach):
    found = judge_rule(state, data, data_breach=breach, is_enabled=False)
    assert (found.name, found.names, found.is_watched) == (NONE, (NONE,), False)


@given(st.lists(rules, max_size=4), dead_men, st.booleans())
def test_a_kpi_is_as_badly_off_as_the_worst_of_its_rules(limits, dead_man, is_empty):
    found = judge_kpi(limits, dead_man=dead_man, is_empty=is_empty)
    late = dead_man is not None and dead_man.is_judged and dead_man.is_silent
    ranks = [one.rank for one in limits] + [ORDER.index(SILENT)] * (late or is_empty)
    assert found.rank == min(ranks, default=ORDER.index(NONE))
    assert not (found.name in (OK, NONE) and found.is_silent)
    assert found.is_watched == (late or any(one.is_watched for one in limits))


@given(st.lists(rules, min_size=1, max_size=4), dead_men, st.booleans())
def test_the_order_of_its_rules_does_not_matter(limits, dead_man, is_empty):
    one, other = (judge_kpi(order, dead_man=dead_man, is_empty=is_empty) for order in (limits, limits[::-1]))
    assert (one.name, one.rank, one.has_data_breach) == (other.name, other.rank, other.has_data_breach)


def test_points_that_come_as_expected_are_no_limit_to_be_within():
    assert judge_kpi([], dead_man=judge_rule("ok", "fresh")) == Condition()


def test_a_silence_of_notices_changes_no_condition():
    rule = judge_rule("firing", "fresh")
    found = judge_kpi([rule._replace(is_silenced=True)])
    assert found.is_silenced and found._replace(is_silenced=False) == judge_kpi([rule])


@given(STATES, DATA, st.booleans())
def test_what_nobody_judges_is_in_no_state_but_an_open_breach(state, data, breach):
    found = judge_rule(state, data, data_breach=breach, unjudged_since=1)
    assert found.name == (state if state == "firing" else UNJUDGED) and UNJUDGED in found.names
    assert found.states == ((state, UNJUDGED) if state == "firing" else (UNJUDGED,))
    assert judge_kpi([found, judge_rule("ok", "fresh")]).unjudged_since == 1
    assert judge_kpi([judge_rule("ok", "fresh")], dead_man=found._replace(state="ok")).name == UNJUDGED
