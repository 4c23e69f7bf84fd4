"""What it costs to wait: of each kind of aggregate, by hand, and nothing where it means nothing.

Ten points in ten minutes, one in each, 1 h to 10 h; the cost is counted over these ten minutes.
"""

import numpy as np
import pytest

from hms_gov.joins.costs import find_cost
from hms_gov.joins.quantities import read_rule
from metrics_app.core.aggregates import Aggregate, register, unregister
from metrics_app.models import Kpi
from metrics_app.registry import forget
from tests.hms_gov.joins.test_measurements import MINUTE, TOPIC, end, make_rule, points
from tests.metrics_app.histories import DAY
from tests.metrics_app.watching import HOUR

pytestmark = pytest.mark.django_db
__all__ = ["end", "points"]  # fixtures


def count(end, rule, unit="seconds"):
    """The cost of the ten minutes."""
    kpi = Kpi(topic=TOPIC, unit=unit)
    return find_cost(kpi, read_rule(kpi, rule), end - 10 * MINUTE, end)


COSTS = [
    # 6 to 10 h are 1 + 2 + 3 + 4 + 5 h over the limit.
    ("mean", make_rule("mean", 5 * HOUR), 15 * HOUR, "seconds", "over {limit}, all points since"),
    ("floor", make_rule("mean", 3 * HOUR, "lt"), 3 * HOUR, "seconds", "under {limit}, all points since"),
    # 8, 9 and 10 h are over 7 h; 1 and 2 h are under 2.5 h.
    ("p95", make_rule("p95", 7 * HOUR), 3, "", "points over {limit} since"),
    ("max", make_rule("max", 9.5 * HOUR), 1, "", "point over {limit} since"),
    ("min", make_rule("min", 2.5 * HOUR, "lt"), 2, "", "points under {limit} since"),
    # A limit of 2 in 5 minutes, or of 30 an hour, allows 4 or 5 in ten minutes.
    ("count", make_rule("count", 2.0, window=300), 6, "", "beyond what {limit} allows since"),
    ("rate", make_rule("rate_per_hour", 30.0), 5, "", "beyond what {limit} allows since"),
    ("too few", make_rule("count", 8.0, "lt", window=300), 6, "", "beyond what {limit} allows since"),
    ("sum", make_rule("sum", 20 * HOUR, window=300), 15 * HOUR, "seconds", "beyond what {limit} allows"),
    # 3 of 10 are above 7 h, 10 % would have been 1; 7 are within it, 90 % would have been 9.
    ("share", make_rule("share_above", 10.0, value=7 * HOUR), 2, "", "points above 7 h beyond what {limit}"),
    (
        "within",
        make_rule("share_within", 90.0, "lt", 7 * HOUR),
        2,
        "",
        "points above 7 h beyond what {limit}",
    ),
    ("few", make_rule("share_above", 50.0, "lt", 7 * HOUR), 2, "", "points up to 7 h beyond what {limit}"),
]


@pytest.mark.parametrize(
    ("rule", "value", "unit", "words"), [row[1:] for row in COSTS], ids=[r[0] for r in COSTS]
)
def test_it_counts_what_lies_beyond_the_limit(points, end, rule, value, unit, words):
    cost = count(end, rule)
    assert (cost["value"], cost["unit"]) == (pytest.approx(value), unit)
    assert cost["words"].startswith(words) and "{since}" in cost["words"]
    assert cost["per_hour"] == pytest.approx(6 * value)
    assert cost["since"] == end - 10 * MINUTE


@pytest.mark.parametrize(
    "rule",
    [
        make_rule("mean_change_day", 5.0),
        make_rule("rate_change_week", 5.0),
        make_rule("time_until_above", 1800.0, "lt", 24 * HOUR),
        make_rule("mean"),
    ],
    ids=lambda rule: f"{rule['aggregate']} {rule['limit']}",
)
def test_what_adds_up_to_nothing_has_no_cost(points, end, rule):
    assert count(end, rule) is None


def test_what_grows_is_read_in_full_where_an_aggregate_from_outside_asks_for_that(points, end):
    beyond = Aggregate("hours_late", "lateness", lambda some, window: add_beyond(some, 7 * HOUR), grows=True)
    register(beyond)
    try:
        # 1 + 2 + 3 h late; a limit of 1 h in 5 minutes allows 2 h in ten.
        assert count(end, make_rule("hours_late", 1.0 * HOUR, window=300))["value"] == 4 * HOUR
        assert count(end - DAY, make_rule("hours_late", 1.0 * HOUR, window=300))["value"] == 0
    finally:
        unregister("hours_late")


def add_beyond(summary, limit):
    values, weights = summary.weigh()
    return float((np.clip(values - limit, 0, None) * weights).sum())


@pytest.mark.parametrize("unit", ["", "%", "open", "°C"])
def test_a_mean_of_readings_has_no_cost(points, end, unit):
    assert count(end, make_rule("mean", 5 * HOUR), unit) is None


def test_what_is_counted_is_told_in_its_own_unit(points, end):
    assert count(end, make_rule("rate_per_hour", 30.0), "calls")["unit"] == "calls"


@pytest.mark.parametrize("aggregate", ["mean", "p95", "share_above", "count", "sum"])
def test_of_a_span_without_points_nothing_is_beyond_a_ceiling(end, aggregate):
    forget()
    assert count(end, make_rule(aggregate, 5.0, value=1.0))["value"] == 0
