"""A wire format: lines of ``topic,value``, measured when they come."""

import csv

import numpy as np

from metrics_app.core.batches import group_points
from metrics_app.core.points import check_value
from metrics_app.exceptions import BadInput, TooLarge


def decode(body, *, now, max_points, max_future):
    """The batch in a body, and how many points it holds."""
    try:
        rows = list(csv.reader(body.decode().splitlines()))
    except UnicodeDecodeError:
        raise BadInput("the body is not UTF-8") from None
    if len(rows) > max_points:
        raise TooLarge(f"{len(rows)} lines, at most {max_points} are allowed")
    for number, row in enumerate(rows, 1):
        if len(row) != 2:
            raise BadInput(f"line {number} is {row}: expected topic,value", field="line")
    if not rows:
        raise BadInput("there are no lines: expected topic,value", field="line")
    values = [read_value(row[1]) for row in rows]
    return group_points([row[0] for row in rows], np.full(len(rows), now), values), len(rows)


def read_value(text):
    """A number as it is written, or BadInput."""
    try:
        return check_value(float(text))
    except ValueError:
        raise BadInput(f"{text!r} is not a number", field="value") from None
