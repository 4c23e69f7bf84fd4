"""What a rule sees, for the pipelines: value, words, curve and cost of every kind of aggregate.

Ten points in the last ten minutes, one in each, 1 h to 10 h; the rules look back ten minutes.
"""

import time

import numpy as np
import pytest

from hms_gov.joins import quantities
from hms_gov.joins.measurements import freeze, measure
from metrics_app import queries
from metrics_app.models import Kpi
from metrics_app.registry import forget
from metrics_app.services.archive import archive
from metrics_app.services.compact import compact_history
from pipelines_app.exceptions import NotMeasured
from tests.metrics_app.histories import DAY, Clockwork
from tests.metrics_app.points import publish
from tests.metrics_app.watching import HOUR, send

pytestmark = pytest.mark.django_db
MINUTE, TOPIC = 60_000, "er.wait"


def make_rule(aggregate, limit=None, operator="gt", value=None, window=600):
    fields = {"aggregate": aggregate, "aggregate_value": value, "window": window}
    return fields | {"operator": operator, "limit": limit}


@pytest.fixture
def end():
    """A whole minute (ms) that is over, ten minutes after the first of the points."""
    return int(time.time() // 60) * MINUTE - 5 * MINUTE


@pytest.fixture
def points(end):
    """1 h, 2 h … 10 h, one in each of the ten minutes before ``end``."""
    Kpi.objects.create(topic=TOPIC, unit="seconds", aggregate="mean", window=600)
    forget()
    send(*((end - (10 - at) * MINUTE + 1000, (at + 1) * HOUR) for at in range(10)), topic=TOPIC)


def see(rule, end, **wanted):
    """What is measured in the window that ends with ``end``."""
    return measure(TOPIC, rule, end - 1, **wanted)


WORDS = [
    (make_rule("mean", 5 * HOUR), 5.5 * HOUR, "seconds", "mean over 10 min", "5 h 30 min", "5 h"),
    (make_rule("p50", 5 * HOUR), 5.5 * HOUR, "seconds", "median over 10 min", "5 h 30 min", "5 h"),
    (make_rule("max", 9 * HOUR), 10 * HOUR, "seconds", "maximum over 10 min", "10 h", "9 h"),
    (make_rule("count", 8.0), 10, "", "count over 10 min", "10", "8"),
    (make_rule("rate_per_hour", 48.0), 60, "per hour", "rate over 10 min", "60 per hour", "48 per hour"),
    (make_rule("sum", 50 * HOUR), 55 * HOUR, "seconds", "sum over 10 min", "2 d 7 h", "50 h"),
    (make_rule("share_above", 5.0, value=7 * HOUR), 30, "%", "share above 7 h over 10 min", "30 %", "5 %"),
    (
        make_rule("share_within", 90.0, "lt", 7 * HOUR),
        *(70, "%", "share within 7 h over 10 min", "70 %", "90 %"),
    ),
]


@pytest.mark.parametrize(
    ("rule", "value", "unit", "label", "text", "limit_text"),
    WORDS,
    ids=[row[0]["aggregate"] for row in WORDS],
)
def test_it_tells_value_label_and_unit_of_what_the_rule_judges(
    points, end, rule, value, unit, label, text, limit_text
):
    seen = see(rule, end)
    assert (seen["value"], seen["n"]) == (pytest.approx(value), 10)
    assert (seen["unit"], seen["label"]) == (unit, label)
    assert seen["limit_text"] == limit_text
    if rule["aggregate"] != "sum":
        assert seen["text"] == text


def test_while_the_collector_stands_still_its_window_ends_where_that_stopped(points, end, monkeypatch):
    rule, now = make_rule("mean", 5 * HOUR), end + 30 * MINUTE
    assert see(rule, now) | {"behind": None} == see(rule, now) and see(rule, now)["value"] is None
    monkeypatch.setattr(queries, "redis_now", lambda: now)
    marks = dict.fromkeys(queries.collected_through(), end - 1)
    monkeypatch.setattr(queries, "collected_through", lambda: marks)
    monkeypatch.setattr(queries.clock, "BEHIND_AFTER", 10_000)
    stood = see(rule, now)
    assert (stood["value"], stood["behind"]) == (see(rule, end)["value"], end - 1)
    assert see(rule, end - MINUTE)["behind"] is None, "what was asked for lies before it"
    monkeypatch.setattr(queries, "collected_through", lambda: dict.fromkeys(marks, 0))
    assert see(rule, now)["behind"] is None, "nothing was ever counted"


def test_a_change_is_told_in_per_cent_against_the_day_before(end):
    clockwork = Clockwork()
    now = clockwork.now // MINUTE * MINUTE
    publish(TOPIC, np.arange(now - DAY - 10 * MINUTE, now - DAY, MINUTE), 4.0)
    publish(TOPIC, np.arange(now - 10 * MINUTE, now, MINUTE), 6.0)
    clockwork.collect()
    archive()
    Kpi.objects.get_or_create(topic=TOPIC)
    forget()
    seen = see(make_rule("mean_change_day", 20.0), now, draw_from=now - 5 * MINUTE, cost_from=now - MINUTE)
    assert (seen["value"], seen["unit"]) == (pytest.approx(50), "%")
    assert seen["label"] == "day-on-day change of the mean over 10 min"
    assert (seen["text"], seen["limit_text"], seen["cost"]) == ("50 %", "20 %", None)
    assert seen["curve"]["values"][-1] == pytest.approx(50)


def test_a_trend_is_told_in_time_and_one_that_leads_nowhere_is_not_in_sight(points, end):
    # One hour more each minute, and the line at the end is at 10.5 h: 13.5 minutes up to 24 h.
    seen = see(make_rule("time_until_above", 1800.0, "lt", 24 * HOUR), end, cost_from=end - 9 * MINUTE)
    assert (seen["value"], seen["unit"]) == (pytest.approx(13.5 * 60 - 1, abs=2), "seconds")
    assert seen["label"] == "time until above 24 h over 10 min"
    assert (seen["limit_text"], seen["cost"]) == ("30 min", None)
    away = see(make_rule("time_until_below", 1800.0, "lt", HOUR / 2), end, draw_from=end - 5 * MINUTE)
    assert away["text"] == "not in sight" and away["value"] > 0
    assert away["curve"]["values"][-1] is None, "a year is not drawn"


CURVES = [
    (make_rule("count", window=120), 2.0),
    (make_rule("rate_per_hour", window=120), 60.0),
    (make_rule("mean", window=120), None),
    (make_rule("p50", window=120), None),
    (make_rule("share_above", value=5 * HOUR, window=120), None),
]


@pytest.mark.parametrize(("rule", "constant"), CURVES, ids=[row[0]["aggregate"] for row in CURVES])
def test_each_value_of_the_curve_is_what_the_rule_saw_then(points, end, rule, constant):
    curve = see(rule, end, draw_from=end - 5 * MINUTE)["curve"]
    assert curve["ts"] == [end - minutes * MINUTE for minutes in (5, 4, 3, 2, 1, 0)]
    then = [see(rule, at)["value"] for at in curve["ts"]]
    assert curve["values"] == then
    if constant is not None:
        assert then == [constant] * 6


def test_the_curve_ends_in_the_value_itself(points, end):
    seen = measure(TOPIC, make_rule("mean", 1.0), end + 1500, draw_from=end - 5 * MINUTE)
    assert seen["curve"]["ts"][-2:] == [end, end + 2000]
    assert seen["curve"]["values"][-1] == seen["value"]


def test_before_a_kpi_was_watched_there_is_nothing_and_no_zero(end):
    Kpi.objects.create(topic=TOPIC)
    forget()
    send((end - 2 * MINUTE + 1000, 1.0), topic=TOPIC)
    curve = see(make_rule("count", window=60), end, draw_from=end - 4 * MINUTE)["curve"]
    assert curve["values"] == [None, None, None, 1, 0]


def test_a_curve_of_days_has_a_bounded_number_of_values(points, end):
    curve = see(make_rule("mean", window=1800), end, draw_from=end - DAY)["curve"]
    assert 100 <= len(curve["ts"]) <= 122


def test_what_is_kept_by_the_hour_only_is_drawn_in_hours_and_not_in_minutes(settings):
    settings.METRICS_APP = {**settings.METRICS_APP, "MINUTES_DAYS": 3}
    clockwork = Clockwork()
    # No point lies where a window begins, whatever the second in which this runs.
    end = clockwork.now // MINUTE * MINUTE
    publish(TOPIC, np.arange(end - 6 * DAY + MINUTE // 2, end, 10 * MINUTE), 1.0)
    clockwork.collect()
    archive()
    compact_history(now=clockwork.now)
    Kpi.objects.get_or_create(topic=TOPIC)
    forget()
    half = see(make_rule("count", 5.0, window=1800), end, draw_from=end - 5 * DAY)
    assert half["curve"]["values"][0] is None and half["curve"]["values"][-1] == 3
    # Windows of whole hours are still there.
    day = see(make_rule("count", 5.0, window=86_400), end, draw_from=end - 5 * DAY)
    assert set(day["curve"]["values"]) == {144}


def test_without_a_rule_it_is_what_the_tile_shows(points, end):
    seen = see(None, end)
    assert (seen["label"], seen["value"], seen["limit_text"]) == ("mean over 10 min", 5.5 * HOUR, "")
    assert seen["rule"]["limit"] is None
    assert measure("never.seen", None, end) is None


def test_what_is_frozen_of_a_tile_is_the_quantity_that_is_shown_live(points, end):
    evidence = freeze(TOPIC, end - 5 * MINUTE, end - 1)
    live = see(None, end, draw_from=end - 5 * MINUTE)
    assert evidence["quantity"] == {name: live[name] for name in evidence["quantity"]}
    assert (evidence["value"], evidence["n"], evidence["measured_to"]) == (5.5 * HOUR, 10, end)
    assert evidence["quantity"]["curve"]["values"][-1] == evidence["value"]
    assert evidence["minutes"]["summary"]["count"] == 5 and len(evidence["minutes"]["ts"]) == 5
    assert freeze("never.seen", end - MINUTE, end) == {}


@pytest.mark.parametrize("aggregate", ["mean", "max", "rate_per_hour", "sum"])
def test_a_curve_of_shared_minutes_is_that_of_each_window_by_itself(points, end, monkeypatch, aggregate):
    rule = make_rule(aggregate, 1.0)
    together = see(rule, end, draw_from=end - 15 * MINUTE)["curve"]
    monkeypatch.setattr(quantities, "MOST_MINUTES", 0)
    alone = see(rule, end, draw_from=end - 15 * MINUTE)["curve"]
    assert together["ts"] == alone["ts"] and len(alone["ts"]) > 10
    assert together["values"] == pytest.approx(alone["values"], nan_ok=True)


def test_a_redis_that_is_away_is_no_kpi_without_measurements(settings):
    Kpi.objects.create(topic=TOPIC, unit="seconds", aggregate="mean", window=600)
    settings.METRICS_APP = {**settings.METRICS_APP, "REDIS_URL": "redis://127.0.0.1:1/0"}
    with pytest.raises(NotMeasured, match=r"^Redis does not answer\.$"):
        see(make_rule("mean", 1800.0), 0)
