"""The quantile of Student's t, for any degrees of freedom."""

import math

import numpy as np

# Gauss-Legendre: exact to the last digits for the smooth, short integrals below.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(48)
STEPS = 50  # of Newton's method, which needs about five
NORMAL = 1.959963984540054  # the same quantile of the normal distribution, where t ends


def find_t(degrees):
    """The 97.5 % quantile of Student's t with ``degrees`` ≥ 1 degrees of freedom, not only whole ones.

    With t = √ν · tan θ the distribution is the integral of cos(u)^(ν − 1) from 0 to θ. It grows and
    bends down, so Newton's method climbs to the quantile from below, where the normal one lies.
    """
    if not degrees >= 1:
        raise ValueError(f"degrees of freedom must be 1 or more, not {degrees}")
    root = math.sqrt(degrees)
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(math.pi)
    angle = math.atan(NORMAL / root)
    for _ in range(STEPS):
        inside = np.cos(angle / 2 * (NODES + 1)) ** (degrees - 1)
        below = scale * angle / 2 * float(WEIGHTS @ inside)
        step = (0.475 - below) / (scale * math.cos(angle) ** (degrees - 1))
        angle += step
        if abs(step) <= 1e-14 * angle:
            break
    return root * math.tan(angle)
