"""What waits first."""

import pytest

from pipelines_app.core.urgency import measure_overrun, sort_key


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
