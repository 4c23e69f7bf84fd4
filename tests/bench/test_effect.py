"""The simulated years that effects are judged on, and what must come of them."""

import numpy as np
import pytest

from bench.effect import EFFECTS, TOGETHER, Tally, make_rows, measure, write_table
from bench.years import ACTED, ASIDE, HISTORY_H, HOURS, KINDS, is_chosen, simulate

FULL = pytest.param(500, id="full", marks=pytest.mark.long)


@pytest.mark.parametrize("kind", KINDS + ASIDE)
def test_a_year_ends_in_a_breach_after_400_days_and_leaves_room_for_the_span(kind):
    year = simulate(kind, np.random.default_rng(3))
    assert HISTORY_H <= year.fired < year.started and year.started + 192 <= HOURS
    assert year.breaches and max(year.breaches) < year.fired
    assert ((year.sums > 0) == (year.counts > 0)).all() and (year.counts == 0).any()
    assert bool(year.actions) == (kind in ACTED)
    # Nobody acts again before the last action is judged.
    assert (np.diff([*year.actions, year.started]) >= 192).all()
    assert not any(at <= begin < at + 192 for at in year.breaches for begin in year.actions)


def test_where_people_know_they_act_after_jumps_upwards_only():
    empty = np.zeros(HOURS)
    jumps = [(500, 0.2), (900, -0.2)]
    acted = [at for at in range(400, 1000) if is_chosen("known jumps", at, empty, empty, jumps)]
    assert acted == list(range(500, 500 + 48))


def test_where_people_choose_they_act_on_rises_of_the_day_over_the_week():
    sums, counts = np.full(HOURS, 10.0), np.ones(HOURS)
    sums[500:] = 13.0
    acted = [at for at in range(400, 800) if is_chosen("chosen jumps", at, sums, counts, [])]
    # Half a day later it shows; half a week later it is what is usual.
    assert 505 < acted[0] < 520 and 560 < acted[-1] < 620


@pytest.fixture(scope="module", params=[pytest.param(6, id="short"), FULL])
def tallies(request):
    """``(cases, ours, plain)`` of so many years of each kind."""
    ours, plain, _ = measure(request.param)
    return request.param, ours, plain


def test_every_year_is_judged_with_every_effect(tallies):
    cases, ours, plain = tallies
    assert list(ours) == list(plain) == [*KINDS, *ASIDE, TOGETHER]
    assert all(ours[kind].cases[truth] == cases for kind in KINDS for truth in EFFECTS)
    assert ours[TOGETHER].cases.total() == cases * len(KINDS) * len(EFFECTS)
    assert len(write_table(ours, plain).splitlines()) == 2 + len(ours)
    assert all(row.ours.median >= 0 for kind in ours for row in make_rows(kind, ours[kind], plain[kind]))


def test_intervals_hold_the_truth_where_the_plain_comparison_does_not(tallies):
    cases, ours, plain = tallies
    assert plain[TOGETHER].coverage() < 85
    if cases < 500:
        assert ours[TOGETHER].coverage() >= 85
        return
    assert 92 <= ours[TOGETHER].coverage() <= 98
    assert all(92 <= ours[kind].coverage() <= 99 for kind in KINDS)


def test_where_people_know_more_intervals_are_too_narrow_and_still_better_than_the_plain_ones(tallies):
    # What docs/effect.md says of its limits; whoever mends it, changes both.
    cases, ours, plain = tallies
    assert all(ours[kind].coverage() > plain[kind].coverage() for kind in ASIDE)
    if cases == 500:
        assert all(65 <= ours[kind].coverage() < 92 for kind in ASIDE)


def test_what_did_nothing_is_seldom_called_something(tallies):
    cases, ours, plain = tallies
    together, margin = ours[TOGETHER], 0 if cases == 500 else 5
    assert together.share(0.0, "harmful") <= 7 + margin and together.share(0.0, "effective") <= 1 + margin
    claimed = plain[TOGETHER].share(0.0, "harmful") + plain[TOGETHER].share(0.0, "effective")
    assert claimed > 2 * (together.share(0.0, "harmful") + together.share(0.0, "effective"))
    if cases == 500:
        assert all(ours[kind].share(0.0, "harmful") <= 7 for kind in KINDS)
        assert all(ours[kind].share(0.0, "effective") <= 1 for kind in KINDS)


def test_what_was_promised_to_be_seen_is_seen(tallies):
    cases, ours, _ = tallies
    margin = 0 if cases == 500 else 15
    assert ours[TOGETHER].right() >= 90 - margin
    assert all(ours[kind].share(-0.4, "effective") >= 90 - margin for kind in KINDS)


def test_a_tally_counts_what_it_is_told():
    tally, other = Tally(), Tally()
    tally.add(-0.2, -0.3, -0.1, "effective", sure=True)
    tally.add(0.2, -0.3, 0.1, "inconclusive", sure=True)
    other.add(-0.2, -0.1, 0.1, "inconclusive", sure=False)
    tally.update(other)
    assert tally.coverage() == pytest.approx(100 / 3)
    assert (tally.share(-0.2, "effective"), tally.right()) == (50, 50)
    assert np.isnan(other.right())
