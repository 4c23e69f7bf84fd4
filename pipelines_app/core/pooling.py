"""What several effects of one suggestion come to: random effects after DerSimonian and Laird."""

import math
from dataclasses import dataclass

import numpy as np

from pipelines_app.core.quantiles import NORMAL

# No case is surer than a hundredth of a per cent, so that none outweighs all others.
LEAST_ERROR = 1e-4
PLAIN = "plain"  # the scale of effects that are no ratio


@dataclass(frozen=True)
class Pooled:
    """The effect of ``cases`` together with its 95 % interval; None without a case.

    In per cent, or as ``change`` in the KPI's unit: never both. ``tau`` is how far true effects
    differ from case to case (a standard deviation of logarithms, or in the unit).
    """

    cases: int
    percent: float | None = None
    percent_low: float | None = None
    percent_high: float | None = None
    tau: float = 0.0
    change: float | None = None
    change_low: float | None = None
    change_high: float | None = None


def pool(effects):
    """The Pooled of those Effects that were measured alone and as a ratio; others do not count.

    One case is its own interval: a sum of one cannot be surer than what it sums up.
    """
    cases = [effect for effect in effects if is_poolable(effect)]
    if not cases:
        return Pooled(0)
    if len(cases) == 1:
        [case] = cases
        return Pooled(1, case.percent, case.percent_low, case.percent_high)
    changes, errors = zip(*map(read_case, cases), strict=True)
    mean, error, tau = combine(np.array(changes), np.array(errors))
    ends = (mean, mean - NORMAL * error, mean + NORMAL * error)
    return Pooled(len(cases), *(math.expm1(end) * 100 for end in ends), tau)


def pool_plain(effects):
    """The Pooled of those Effects that were measured alone and in the KPI's unit; others do not count."""
    cases = [effect for effect in effects if is_plain(effect)]
    if not cases:
        return Pooled(0)
    if len(cases) == 1:
        [case] = cases
        found = {"change": case.change, "change_low": case.change_low, "change_high": case.change_high}
        return Pooled(1, **found)
    changes = np.array([effect.change for effect in cases])
    errors = np.array([(effect.change_high - effect.change_low) / 2 / effect.t for effect in cases])
    # As above, of whatever size these values have; all without any spread are equally sure.
    least = LEAST_ERROR * float(np.abs(changes).max() or 1.0)
    mean, error, tau = combine(changes, np.maximum(errors, least))
    low, high = mean - NORMAL * error, mean + NORMAL * error
    return Pooled(len(cases), tau=tau, change=mean, change_low=low, change_high=high)


def is_poolable(effect):
    """Whether an effect has an interval as a ratio, and no other action fell into its span."""
    is_ratio = effect.scale != PLAIN and effect.percent is not None
    return is_ratio and not effect.together and effect.percent_low > -100


def is_plain(effect):
    """Whether an effect has an interval in the KPI's unit only, and no other action fell into its span."""
    return effect.scale == PLAIN and effect.change is not None and not effect.together


def read_case(effect):
    """``(change, standard error)`` of an effect as logarithms: half the interval ÷ its t."""
    change, low, high = (
        math.log1p(percent / 100) for percent in (effect.percent, effect.percent_low, effect.percent_high)
    )
    return change, max((high - low) / 2 / effect.t, LEAST_ERROR)


def combine(changes, errors):
    """``(mean, its standard error, tau)`` of at least two independent changes with their errors."""
    weights = 1 / errors**2
    mean = weights @ changes / weights.sum()
    differ = weights @ (changes - mean) ** 2 - (len(changes) - 1)
    tau2 = max(differ / (weights.sum() - weights @ weights / weights.sum()), 0.0)
    weights = 1 / (errors**2 + tau2)
    mean = weights @ changes / weights.sum()
    return float(mean), float(1 / math.sqrt(weights.sum())), math.sqrt(tau2)
