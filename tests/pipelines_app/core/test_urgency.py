"""What waits first, and what the waiting costs."""

import pytest

from pipelines_app.core.urgency import HOUR, cost_of_waiting, measure_overrun, sort_key

SPAN = {"window": 1800, "start": 0, "end": 2 * HOUR}


def columns(*rows):
    return {
        "ts": [i * 60_000 for i in range(len(rows))],
        "count": [n for n, _ in rows],
        "mean": [mean for _, mean in rows],
    }


def test_it_measures_an_overrun_as_a_share_of_the_limit():
    assert measure_overrun(150.0, 100.0, "gt") == 0.5
    assert measure_overrun(80.0, 100.0, "gt") == 0
    assert measure_overrun(80.0, 100.0, "lt") == pytest.approx(0.2)
    assert measure_overrun(3.0, 0.0, "gt") == 3
    assert measure_overrun(None, 100.0, "gt") is None
    assert measure_overrun(1.0, None, None) is None


def test_it_orders_by_severity_then_by_overrun_and_hours_then_by_due_time():
    def key(**changes):
        return sort_key(**{"severity": "warning", "overrun": 0.5, "hours_waiting": 2, "due": 10} | changes)

    expected = [
        key(severity="critical", overrun=None),
        key(hours_waiting=4),
        key(due=5),
        key(),
        key(overrun=0.1),
        key(severity="info", overrun=9),
    ]
    assert sorted(expected, key=lambda item: item) == expected


def test_it_sums_what_each_measurement_was_over_the_limit():
    cost = cost_of_waiting(
        columns((2, 130.0), (0, None), (3, 90.0), (1, 110.0)),
        aggregate="mean",
        operator="gt",
        limit=100.0,
        **SPAN,
    )
    assert (cost.value, cost.per_hour, cost.kind) == (70.0, 35.0, "overrun")


def test_it_counts_what_came_beyond_an_hourly_rate():
    cost = cost_of_waiting(
        columns((100, 1.0), (130, 1.0)), aggregate="rate_per_hour", operator="gt", limit=90.0, **SPAN
    )
    assert (cost.value, cost.kind) == (50.0, "excess")


def test_it_counts_what_was_missing_below_a_limit():
    cost = cost_of_waiting(columns((3, 1.0)), aggregate="count", operator="lt", limit=5.0, **SPAN)
    assert cost.value == 5 * 4 - 3


def test_it_sums_values_for_the_aggregate_sum():
    cost = cost_of_waiting(columns((3, 10.0)), aggregate="sum", operator="gt", limit=5.0, **SPAN)
    assert cost.value == 30 - 5 * 4


def test_it_tells_nothing_of_an_empty_span():
    rule = {"aggregate": "mean", "operator": "gt", "limit": 1.0, "window": 60}
    assert cost_of_waiting(columns((1, 2.0)), start=5, end=5, **rule) is None
    assert cost_of_waiting(columns(), start=0, end=HOUR, **rule) is None
