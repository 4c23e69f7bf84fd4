"""What the cases of a suggestion come to."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.meta_analysis import combine_effects

from pipelines_app.core.counts import write_times
from pipelines_app.core.pooling import pool, pool_plain
from pipelines_app.core.track_records import Case, make_record, tell_deed, tell_review
from tests.pipelines_app.judging import MEASURE_OF, make_effect, make_plain


def case(number, verdict, change=-0.1, error=0.05, *, measure=MEASURE_OF, **words):
    """A case that was begun as the ``number``-th."""
    effect = make_effect(verdict, change, error, started_at=number, **words)
    return Case(number, verdict, effect, measure)


def list_review(*verdicts):
    """The numbers of those cases, in this order, because of which to review the approach."""
    return [one.id for one in make_record(case(*pair) for pair in enumerate(verdicts, 1)).review]


def test_two_without_effect_in_a_row_ask_for_a_review_and_one_does_not():
    assert list_review("ineffective") == []
    assert list_review("effective", "ineffective", "ineffective") == [2, 3]
    assert list_review("ineffective", "effective", "ineffective") == []
    assert list_review("ineffective", "ineffective", "effective") == []


def test_harm_asks_for_a_review_at_once_and_counts_as_without_effect_beside_another():
    assert list_review("effective", "harmful") == [2]
    assert list_review("harmful", "effective") == []
    assert list_review("ineffective", "harmful") == [1, 2]
    assert list_review("harmful", "ineffective") == [1, 2]


def test_what_harmed_a_guardrail_did_harm_whatever_it_did_to_its_kpi():
    helped = replace(case(1, "effective"), harmed=("Open complaints",))
    wide = replace(case(2, "inconclusive"), harmed=("Oldest",))
    assert tell_review(make_record([helped])) == "Review the approach: #1 harmed Open complaints"
    record = make_record([helped, wide])
    assert tell_review(record).endswith("#1 harmed Open complaints, #2 harmed Oldest")
    assert record.rank > make_record([Case(3)]).rank
    assert make_record([wide, case(3, "effective")]).review == ()
    both = replace(case(4, "harmful"), harmed=("Oldest",))
    assert tell_review(make_record([both])).endswith("#4 harmed its KPI and Oldest")
    more = replace(case(5, "ineffective"), harmed=("Oldest", "Open", "Lost"))
    assert tell_deed(more) == "had no effect and harmed Oldest, Open and Lost"


def test_what_is_inconclusive_neither_ends_the_row_nor_makes_it_longer():
    assert list_review("ineffective", "inconclusive", "ineffective") == [1, 3]
    assert list_review("ineffective", "inconclusive") == []


def test_what_was_touched_is_a_case_of_a_row_only_to_its_disadvantage():
    def touch(number, verdict="", **more):
        return Case(number, verdict, touched=True, begun_at=number, **more)

    def review(*cases):
        return tell_review(make_record(cases)).removeprefix("Review the approach: ")

    assert review(case(1, "effective"), touch(2, "harmful")) == "#2 did harm"
    assert review(touch(2, "effective", harmed=("er.open",))) == "#2 harmed er.open"
    assert review(case(1, "ineffective"), touch(2, "ineffective")) == "#1 had no effect, #2 had no effect"
    assert review(case(1, "harmful"), touch(2, "effective"), touch(3)) == "#1 did harm"
    assert review(touch(2, lost=True)).startswith("#2 is not as it was judged")
    assert review(touch(1, "harmful"), case(2, "effective")) == ""
    assert make_record([touch(2, "harmful")]).rank > make_record([Case(3)]).rank


def test_what_was_measured_together_with_another_is_no_case_of_a_row_and_what_was_touched_of_no_pool():
    together = case(2, "ineffective", together=(5,))
    touched = replace(case(3, "effective"), touched=True)
    record = make_record([case(1, "ineffective"), together, touched])
    assert record.review == () and record.pools[0].cases == (1,)
    assert (record.list_ids("together"), record.list_ids("touched")) == ((2,), (3,))


def test_a_row_is_of_the_order_in_which_they_were_begun():
    cases = [case(3, "ineffective"), case(1, "ineffective"), case(2, "effective")]
    assert make_record(cases).review == ()


def test_what_is_inconclusive_because_it_is_wide_belongs_to_what_they_come_to():
    cases = [case(1, "effective", -0.3, 0.02), case(2, "inconclusive", 0.1, 0.3)]
    record = make_record(cases)
    assert record.pools[0].cases == (1, 2) and record.list_ids("inconclusive") == (2,)
    assert record.pools[0].value == pytest.approx(pool([one.effect for one in cases]).percent)


def test_ratios_units_means_totals_and_directions_are_never_mixed():
    per_hour = MEASURE_OF | {"kind": "total", "of": "points"}
    higher = MEASURE_OF | {"better": "higher"}
    plain = [
        Case(n, "effective", make_plain("effective", -3.0, 0.5, started_at=n), MEASURE_OF) for n in (6, 7)
    ]
    # A KPI in per cent whose changes are points of it, no ratio.
    points = Case(8, "effective", make_plain("effective", -2.0, 0.5), MEASURE_OF | {"unit": "%"})
    cases = [case(1, "effective"), case(2, "effective"), case(3, "effective"), *plain, points]
    cases += [case(4, "effective", measure=per_hour), case(5, "effective", measure=higher)]
    record = make_record(cases)
    assert {(one.is_ratio, one.unit, one.cases) for one in record.pools} == {
        (True, "%", (1, 2, 3)), (True, "%", (4,)), (True, "%", (5,)),
        (False, "seconds", (6, 7)), (False, "%", (8,)),
    }  # fmt: skip
    assert record.pools[0].cases == (1, 2, 3)


def test_what_could_not_be_judged_or_is_not_judged_yet_is_counted_and_not_pooled():
    record = make_record([Case(1), Case(2, "inconclusive"), case(3, "effective")])
    assert record.list_ids("unjudged") == (1,) and record.list_ids("inconclusive") == (2,)
    assert record.pools[0].cases == (3,)


def test_known_ones_stand_before_unknown_ones_and_harmful_ones_last():
    records = {
        "best": [case(1, "effective", -0.4)],
        "good": [case(1, "effective", -0.2)],
        "in its unit": [Case(1, "effective", make_plain("effective", -9e9, 1.0), MEASURE_OF)],
        "unknown": [Case(1)],
        "harmful": [case(1, "harmful", 0.3)],
        "harmful of late": [case(1, "effective", -0.9, 0.01), case(2, "harmful", 0.3, 0.05)],
    }
    ranked = sorted(records, key=lambda name: make_record(records[name]).rank)
    assert ranked[:4] == ["best", "good", "in its unit", "unknown"]
    assert set(ranked[4:]) == {"harmful", "harmful of late"}


def test_where_higher_is_better_a_fall_is_the_harm():
    higher = MEASURE_OF | {"better": "higher"}
    fall, rise = (make_record([case(1, "effective", change, measure=higher)]) for change in (-0.3, 0.3))
    assert fall.pools[0].is_harmful and not rise.pools[0].is_harmful and rise.rank < fall.rank


PLAIN = st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(1, 1e2)), min_size=2, max_size=8)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@given(PLAIN)
def test_changes_in_a_unit_are_pooled_as_statsmodels_does(cases):
    found = pool_plain([make_plain("effective", *one) for one in cases])
    changes, errors = map(np.array, zip(*cases, strict=True))
    theirs = combine_effects(changes, errors**2, method_re="dl")
    mean = theirs.mean_effect_re if theirs.tau2 > 0 else theirs.mean_effect_fe
    error = theirs.sd_eff_w_re if theirs.tau2 > 0 else theirs.sd_eff_w_fe
    assert found.change == pytest.approx(mean, rel=1e-6, abs=1e-6)
    assert (found.change_high - found.change_low) / 2 == pytest.approx(1.959964 * error, rel=1e-6)


def test_times_are_words():
    assert [write_times(count) for count in (1, 2, 7)] == ["once", "twice", "7 times"]
