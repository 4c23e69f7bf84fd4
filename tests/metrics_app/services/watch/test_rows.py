"""Set-based writes, guarded by what was read."""

import pytest
from django.db import transaction

from metrics_app.models import Kpi, Threshold, ThresholdState
from metrics_app.services.watch.rows import update_rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def ids():
    kpi = Kpi.objects.create(topic="er.wait")
    rows = [Threshold.objects.create(kpi=kpi, limit=1) for _ in range(3)]
    ThresholdState.objects.bulk_create(ThresholdState(threshold=row, last_slot=5) for row in rows)
    return [row.pk for row in rows]


def update(*args, **options):
    with transaction.atomic():
        return update_rows(ThresholdState, *args, **options)


def test_it_writes_every_kind_of_value(ids):
    texts = ['plain "quoted" \\ {braces},', "NULL"]
    columns = ["slot_class", "value", "n", "data_since", "flapping"]
    rows = [(ids[0], "band", 0.1, 2**40, None, True), (ids[1], "", None, 0, -7, False)]
    assert update(columns, rows) == set(ids[:2])
    found = dict(ThresholdState.objects.values_list("pk", "value"))
    assert found == {ids[0]: 0.1, ids[1]: None, ids[2]: None}
    first = ThresholdState.objects.get(pk=ids[0])
    assert (first.slot_class, first.n, first.data_since, first.flapping) == ("band", 2**40, None, True)
    with transaction.atomic():
        update_rows(Threshold, ["title"], list(zip(ids, texts, strict=False)))
    assert [Threshold.objects.get(pk=pk).title for pk in ids[:2]] == texts


def test_it_leaves_rows_that_have_moved_on(ids):
    ThresholdState.objects.filter(pk=ids[1]).update(last_slot=6)
    guard = {"last_slot": [5, 5], "rule_version": [1, 1]}
    assert update(["last_slot"], [(ids[0], 7), (ids[1], 7)], guard=guard) == {ids[0]}
    assert dict(ThresholdState.objects.values_list("pk", "last_slot")) == {ids[0]: 7, ids[1]: 6, ids[2]: 5}


def test_it_passes_over_rows_that_are_gone(ids):
    ThresholdState.objects.filter(pk=ids[2]).delete()
    assert update(["n"], [(ids[2], 1)], guard={"last_slot": [5]}) == set()
    assert update(["n"], []) == set()
