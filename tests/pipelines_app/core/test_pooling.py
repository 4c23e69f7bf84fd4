"""Several effects together."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.meta_analysis import combine_effects

from pipelines_app.core.effect_records import Comparison, Effect
from pipelines_app.core.pooling import Pooled, combine, pool

# Borenstein, Hedges, Higgins and Rothstein, Introduction to Meta-Analysis (2009), chapters 14 and 18:
# mean, standard deviation and number of the treated, then of the others, in six studies.
STUDIES = (
    ("Carroll", 94, 22, 60, 92, 20, 60),
    ("Grant", 98, 21, 65, 92, 22, 65),
    ("Peck", 98, 28, 40, 88, 26, 40),
    ("Donat", 94, 19, 200, 82, 17, 200),
    ("Stewart", 98, 21, 50, 88, 22, 45),
    ("Young", 96, 21, 85, 92, 22, 85),
)


def find_g(mean, deviation, number, other_mean, other_deviation, other_number):
    """``(g, its variance)``: Hedges' standardised difference, as the book works it out."""
    degrees = number + other_number - 2
    squares = (number - 1) * deviation**2 + (other_number - 1) * other_deviation**2
    d, shrunk = (mean - other_mean) / math.sqrt(squares / degrees), 1 - 3 / (4 * degrees - 1)
    variance = (number + other_number) / (number * other_number) + d**2 / (2 * (number + other_number))
    return shrunk * d, shrunk**2 * variance


def make_effect(change, error, *, t=2.0, **words):
    """An Effect of a change (a logarithm) whose half-width is t standard errors."""
    ends = [math.expm1(end) * 100 for end in (change, change - t * error, change + t * error)]
    given_words = dict(zip(("percent", "percent_low", "percent_high"), ends, strict=True)) | {"t": t}
    plain = Comparison(None, None, None)
    return Effect("inconclusive", "wide", 0, 0, 0, plain, **({"together": ()} | given_words | words))


def test_it_is_the_published_example():
    changes, variances = map(np.array, zip(*(find_g(*study[1:]) for study in STUDIES), strict=True))
    # As printed: the effects, T² = 0.037, mean 0.358 with variance 0.011, from 0.15 to 0.56.
    assert changes.round(3).tolist() == [0.095, 0.277, 0.367, 0.664, 0.462, 0.185]
    assert variances.round(3).tolist() == [0.033, 0.031, 0.050, 0.011, 0.043, 0.023]
    mean, error, tau = combine(changes, np.sqrt(variances))
    assert (round(tau**2, 3), round(mean, 3), round(error**2, 3)) == (0.037, 0.358, 0.011)
    assert (round(mean - 1.96 * error, 2), round(mean + 1.96 * error, 2)) == (0.15, 0.56)


def test_it_is_worked_by_hand():
    # Weights 100 and 25: mean (100 · −0.1 + 25 · −0.3) ÷ 125 = −0.14;
    # Q = 100 · 0.04² + 25 · 0.16² = 0.8, under its one degree of freedom: the cases agree.
    mean, error, tau = combine(np.array([-0.1, -0.3]), np.array([0.1, 0.2]))
    assert (mean, error, tau) == (pytest.approx(-0.14), pytest.approx(125**-0.5), 0)
    # Weights 100 and 100, mean −0.3, Q = 2 · 100 · 0.2² = 8, C = 200 − 20000 ÷ 200 = 100:
    # τ² = (8 − 1) ÷ 100 = 0.07, error √((0.01 + 0.07) ÷ 2) = 0.2.
    mean, error, tau = combine(np.array([-0.1, -0.5]), np.array([0.1, 0.1]))
    assert (mean, error, tau**2) == (pytest.approx(-0.3), pytest.approx(0.2), pytest.approx(0.07))


CASES = st.lists(st.tuples(st.floats(-1, 1), st.floats(0.01, 0.5)), min_size=2, max_size=12)


@pytest.mark.filterwarnings("ignore::RuntimeWarning:statsmodels")
@given(CASES)
def test_it_is_statsmodels(cases):
    changes, errors = map(np.array, zip(*cases, strict=True))
    mean, error, tau = combine(changes, errors)
    # statsmodels goes on with a negative variance where cases agree too well; then ours is the fixed one.
    theirs = combine_effects(changes, errors**2, method_re="dl")
    found = (theirs.mean_effect_re, theirs.sd_eff_w_re)
    if theirs.tau2 <= 0:
        found = (theirs.mean_effect_fe, theirs.sd_eff_w_fe)
    assert (mean, error) == pytest.approx(found, rel=1e-6, abs=1e-9)
    assert tau**2 == pytest.approx(max(theirs.tau2, 0), abs=1e-9)


@given(CASES, st.randoms())
def test_it_does_not_depend_on_the_order(cases, random):
    effects = [make_effect(*case) for case in cases]
    shuffled = random.sample(effects, len(effects))
    one, other = pool(effects), pool(shuffled)
    assert one.percent == pytest.approx(other.percent) and one.percent_low == pytest.approx(other.percent_low)


def test_the_error_of_a_case_is_its_half_width_by_its_t():
    pooled = pool([make_effect(-0.1, 0.1, t=3.0), make_effect(-0.3, 0.2, t=2.2)])
    assert pooled.cases == 2 and pooled.tau == 0
    assert pooled.percent == pytest.approx(math.expm1(-0.14) * 100)
    assert pooled.percent_high == pytest.approx(math.expm1(-0.14 + 1.959964 * 125**-0.5) * 100)


def test_one_case_is_its_own_interval():
    effect = make_effect(-0.2, 0.05)
    assert pool([effect]) == Pooled(1, effect.percent, effect.percent_low, effect.percent_high)


def test_it_leaves_out_what_was_not_measured_alone_or_has_no_ratio():
    alone = make_effect(-0.2, 0.05)
    with_another = make_effect(0.9, 0.05, together=(5,))
    without_percent = make_effect(0.9, 0.05, percent=None, percent_low=None, percent_high=None)
    below_nothing = make_effect(0.9, 0.05, percent_low=-104.0)
    assert pool([with_another, without_percent, below_nothing]) == Pooled(0)
    assert pool([alone, with_another, without_percent, below_nothing]) == pool([alone])


def test_a_case_without_any_spread_does_not_outweigh_all_others_for_ever():
    pooled = pool([make_effect(-0.2, 0.0), make_effect(-0.2, 0.0), make_effect(-0.4, 0.05)])
    assert math.isfinite(pooled.percent) and pooled.percent_low < pooled.percent < pooled.percent_high
