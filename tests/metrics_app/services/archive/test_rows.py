"""Roll-ups written few at a time and many at once, by values or by COPY: the same rows."""

import math

import numpy as np
import pytest
from django.db import connection, transaction

from metrics_app.core.buckets import Summary
from metrics_app.core.durations import HOUR_MS, MINUTE_MS
from metrics_app.core.sketch import Sketch
from metrics_app.models import HourRollup, MinuteRollup
from metrics_app.services.archive import rows
from metrics_app.services.archive.rows import COPIED, read_rollups, write_rollups

pytestmark = pytest.mark.django_db
MANY = COPIED + 3


def make_rows(many, *, count=5, generation=1):
    """``{key: Summary}`` of ``many`` minutes of three topics."""
    values = np.random.default_rng(many + count).lognormal(5, 1, (many, count))
    return {
        (at % 3, at * MINUTE_MS, generation): Summary(
            count, row.sum(), row.var() * count, row.min(), row.max(), None, Sketch.of(row)
        )
        for at, row in enumerate(values)
    }


def read_all(model):
    """Every row of a table, as plain tuples."""
    names = [field.attname for field in model._meta.concrete_fields]
    return sorted((*row[:-1], bytes(row[-1])) for row in model.objects.values_list(*names))


def write(made, model=MinuteRollup):
    with transaction.atomic():
        write_rollups(model, made)


@pytest.mark.parametrize("many", [0, 1, COPIED - 1, COPIED, 3 * rows.STATEMENT])
def test_what_is_written_is_read(many):
    made = make_rows(many)
    write(made)
    found = read_rollups(MinuteRollup, made)
    assert found.keys() == made.keys() and MinuteRollup.objects.count() == many
    for key, summary in made.items():
        assert found[key][:5] == summary[:5]
        assert found[key].sketch.pack() == summary.sketch.pack()


def test_one_transaction_writes_minutes_and_hours_and_mixes_neither():
    minutes, hours = make_rows(MANY), {(9, at * HOUR_MS, 1): s for (_, at, _), s in make_rows(MANY).items()}
    with transaction.atomic():
        write_rollups(MinuteRollup, minutes)
        write_rollups(HourRollup, hours)
        write_rollups(MinuteRollup, make_rows(MANY, generation=2))
    assert {key[0] for key in read_rollups(HourRollup, hours)} == {9}
    assert (MinuteRollup.objects.count(), HourRollup.objects.count()) == (2 * MANY, MANY)


def test_many_at_once_never_shrink_what_is_there_and_replace_what_grew():
    write(make_rows(MANY, count=5))
    before = read_all(MinuteRollup)
    write(make_rows(MANY, count=4))
    assert read_all(MinuteRollup) == before
    grown = make_rows(MANY, count=6)
    write(grown)
    assert {key: found[:5] for key, found in read_rollups(MinuteRollup, grown).items()} == {
        key: summary[:5] for key, summary in grown.items()
    }


def test_sums_that_left_the_floats_and_endless_extremes_survive_many_at_once():
    made = make_rows(MANY)
    odd = {(7, 0, 1): Summary(2, math.nan, math.nan, -math.inf, math.inf, None, Sketch.of(np.array([1.0])))}
    write(made | odd)
    [found] = read_rollups(MinuteRollup, odd).values()
    assert math.isnan(found.sum) and math.isnan(found.m2)
    assert (found.min, found.max) == (-math.inf, math.inf)


def test_a_transaction_that_fails_leaves_nothing_behind_for_the_next():
    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        write_rollups(MinuteRollup, make_rows(MANY))
        raise KeyboardInterrupt
    write(make_rows(MANY, generation=2))
    assert set(MinuteRollup.objects.values_list("generation", flat=True)) == {2}


@pytest.mark.skipif(connection.vendor != "postgresql", reason="COPY is PostgreSQL's")
def test_copy_writes_the_very_rows_that_values_write():
    with transaction.atomic():
        write_rollups(MinuteRollup, make_rows(MANY))
        packed = [(*key, *rows.pack_summary(summary)) for key, summary in make_rows(MANY).items()]
        rows.insert_rows(HourRollup._meta.db_table, packed)
    assert read_all(MinuteRollup) == read_all(HourRollup)
