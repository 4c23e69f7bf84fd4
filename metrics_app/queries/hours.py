"""The hours of a topic as plain numbers, over as many days as an effect is measured on."""

import numpy as np

from metrics_app.core.buckets import floor
from metrics_app.core.durations import HOUR_MS
from metrics_app.queries.buckets import cut_hot
from metrics_app.queries.corrections import list_voids
from metrics_app.queries.history import read_past
from metrics_app.queries.reading import Want, read_one


def read_hours(topic, start, end):
    """``{"starts", "sums", "counts"}`` of [start, end) ms, whole hours: a row or more for each with points.

    Rows of one hour are to be added; voided spans are left out. Without sketches, which are the
    bulk of a roll-up: a year is read in the time of a page.
    """
    reading = read_one(Want(topic, start, end))
    [past] = read_past([reading])
    hot = cut_hot(reading, [start, end], list_voids(topic))
    rows = np.array([(at, part.count, part.sum) for at, part in hot], float).reshape(-1, 3)
    if past:
        rows = np.concatenate([rows, past.read_sums(reading, step=HOUR_MS)])
    starts, counts, sums = rows.T
    return {
        "starts": floor(starts.astype(int), HOUR_MS).tolist(),
        "sums": sums.tolist(),
        "counts": counts.astype(int).tolist(),
    }
