"""Ids of the rows of a file: what makes two of them one, in whatever format they come."""

import re

from metrics_app.core.text.literals import show
from metrics_app.exceptions import BadInput

LONGEST_ID = 200  # characters
# Floats beyond it have no odd numbers: two ids would be one.
LARGEST_FLOAT_ID = 2**53
# How programs write whole numbers that they keep as floats: 17.0.
WHOLE_FLOAT = re.compile(r"(-?[0-9]+)\.0+\Z")
# How they, and spreadsheets, write those that they have rounded: 1.23457E+15.
ROUNDED = re.compile(r"-?[0-9](?:\.[0-9]+)?[eE]\+[0-9]+\Z")


def check_id(cell):
    """The id of a cell as text, None where there is no column; BadInput.

    A whole number is one id, as an integer, as a float and as either's text: ``17``, ``17.0``.
    Any other text is what it says: ``017``, ``1.10`` and ``17,0`` are ids of their own.
    """
    if cell is None:
        return None
    name = str(cell).strip()
    if isinstance(cell, float) and not cell.is_integer():
        check_exact(cell, name)
    elif match := WHOLE_FLOAT.match(name):
        check_exact(float(name), name)
        return match[1]
    elif ROUNDED.match(name):
        raise refuse_rounded(name)
    if not 0 < len(name) <= LONGEST_ID or "\n" in name or "\r" in name:
        raise BadInput(f"{show(cell)} is no id: expected 1 to {LONGEST_ID} characters in a line", field="id")
    return name


def check_exact(number, name):
    """BadInput for a float that may stand for several whole numbers, or for none (NaN)."""
    if not abs(number) <= LARGEST_FLOAT_ID:
        raise refuse_rounded(name)


def refuse_rounded(name):
    """The error for what may be the id of several rows."""
    may = "NaN, or a number rounded (1.2E+15) or above 2^53, may be that of several rows"
    return BadInput(f"{show(name)} is no id: {may}. Write whole numbers, or texts", field="id")
