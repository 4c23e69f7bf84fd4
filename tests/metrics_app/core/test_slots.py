"""Slots: multiples of an interval in UTC, and one that a save asked for."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core.slots import find_span, find_spans, list_due, measure_gap, next_slot
from metrics_app.core.watch import Rule


def test_the_next_slot_is_the_next_multiple_or_an_extra_one_before_it():
    assert next_slot(60, 59_999) == 60_000
    assert next_slot(60, 60_000) == 120_000
    assert next_slot(60, 60_000, extra=90_000) == 90_000
    assert next_slot(60, 90_000, extra=90_000) == 120_000
    assert next_slot(60, 60_000, extra=130_000) == 120_000
    assert next_slot(60, 60_000, extra=5_000) == 120_000


def test_due_slots_come_in_order_and_only_while_they_are_hot():
    assert list_due(60, 0, 150_000, until=180_000, hot_from=0, most=9) == (
        [60_000, 120_000, 150_000, 180_000],
        240_000,
    )
    assert list_due(60, 0, None, until=300_000, hot_from=200_000, most=1) == ([240_000], 300_000)
    assert list_due(60, 60_000, None, until=119_999, hot_from=0, most=9) == ([], 120_000)


def test_a_gap_counts_what_was_missed_and_lets_a_timer_grow_by_one_interval():
    assert measure_gap(60, 60_000, 120_000) == (60_000, 0)
    assert measure_gap(60, 60_000, 300_000) == (60_000, 3)
    assert measure_gap(60, 60_000, 90_000) == (30_000, 0)
    assert measure_gap(60, 90_000, 120_000) == (30_000, 0)
    assert measure_gap(60, 0, 120_000) == (60_000, 0)


@given(st.integers(1, 86_400), st.integers(1, 10**7), st.integers(0, 200), st.integers(1, 50))
def test_no_slot_is_skipped_or_doubled_however_they_are_portioned(interval, start, count, most):
    last, until, seen = start * 1000, (start + count * interval) * 1000, []
    while slots := list_due(interval, last, None, until=until, hot_from=0, most=most)[0]:
        seen += slots
        last = slots[-1]
    first = start // interval + 1
    assert seen == [n * interval * 1000 for n in range(first, until // 1000 // interval + 1)]


@given(st.lists(st.tuples(st.integers(1, 10_000), st.integers(0, 10_000), st.integers(0, 2**42)), min_size=1))
def test_many_rules_have_the_spans_they_have_one_by_one(rows):
    windows, delays, marks = np.array(rows).T
    found = zip(*find_spans(windows * 1000, delays * 1000, marks), strict=True)
    rules = [(Rule("mean", window, "gt", 1, delay=delay), mark) for window, delay, mark in rows]
    assert list(found) == [find_span(rule, mark) for rule, mark in rules]
