"""The plain comparison: the hours of a week before against the hours of the week after, by Welch's t.

What a spreadsheet does. It takes the hours for independent and the week before for an ordinary one.
"""

import math

import numpy as np
from scipy import stats


def compare(before, after):
    """``(low, high)`` of the 95 % interval of the change, as logarithms, from the means of hours."""
    before, after = np.log(before), np.log(after)
    parts = [np.var(part, ddof=1) / len(part) for part in (before, after)]
    degrees = sum(parts) ** 2 / sum(
        part**2 / (len(hours) - 1) for part, hours in zip(parts, (before, after), strict=True)
    )
    change, half = after.mean() - before.mean(), stats.t.ppf(0.975, degrees) * math.sqrt(sum(parts))
    return change - half, change + half


def find_verdict(low, high):
    """The verdict where lower is better: ``effective`` or ``harmful`` if the interval leaves 0 out."""
    return "effective" if high < 0 else "harmful" if low > 0 else "inconclusive"
