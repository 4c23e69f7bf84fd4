"""After pruning: what hours and days can still say is said, and what they cannot is refused by name."""

from datetime import UTC, datetime

import numpy as np
import pytest

from metrics_app import queries
from metrics_app.core.watch import Rule
from metrics_app.exceptions import BadInput
from metrics_app.files.exports import export
from metrics_app.models import Kpi
from metrics_app.pages.charts import describe_plot, make_view
from metrics_app.pages.comparisons import list_comparisons
from metrics_app.queries.exports import plan_calendar, plan_steps
from metrics_app.queries.kept import check_edges, take_whole
from metrics_app.services.archive import archive
from metrics_app.services.compact import compact_history
from metrics_app.services.rules.backtest import backtest_history
from tests.metrics_app.histories import DAY, HOUR, MINUTE, Clockwork
from tests.metrics_app.points import publish, select

pytestmark = pytest.mark.django_db
TOPIC = "er.wait"


@pytest.fixture
def pruned(settings):
    """``(now, ts, old)``: a point every four minutes of ten days; minutes kept of 3 days, hours of 6."""
    settings.METRICS_APP = {**settings.METRICS_APP, "MINUTES_DAYS": 3, "HOURS_DAYS": 6}
    clockwork = Clockwork()
    ts = np.arange(clockwork.now - 10 * DAY, clockwork.now, 4 * MINUTE)
    publish(TOPIC, ts, 1.0)
    clockwork.collect()
    archive()
    compact_history(now=clockwork.now)
    return clockwork.now, ts, clockwork.now // DAY * DAY - 4 * DAY + 15 * HOUR


def refuse(ask, field):
    """The message of the refusal, which names the field."""
    with pytest.raises(BadInput, match="are no longer kept") as caught:
        ask()
    assert caught.value.errors[0]["field"] == field
    return str(caught.value)


@pytest.mark.parametrize("step", [MINUTE, 30 * MINUTE, 90 * MINUTE])
def test_a_step_finer_than_what_is_kept_is_refused_and_says_which_is(pruned, step):
    _, ts, old = pruned
    said = refuse(lambda: queries.series(TOPIC, old, old + 3 * HOUR, step), "step")
    assert "minutes before" in said and "a step of 3600 s or more" in said
    columns = queries.series(TOPIC, old, old + 3 * HOUR, HOUR)
    assert columns["count"] == [len(select(ts, ts, at, at + HOUR)) for at in columns["ts"]]


def test_where_hours_are_gone_too_days_are_asked_for(pruned):
    now, ts, _ = pruned
    day = now // DAY * DAY - 8 * DAY
    said = refuse(lambda: queries.series(TOPIC, day, day + DAY, HOUR), "step")
    assert "hours before" in said and "86400 s" in said
    assert queries.series(TOPIC, day, day + DAY, DAY)["count"] == [len(select(ts, ts, day, day + DAY))]
    refuse(lambda: queries.calendar_series(TOPIC, day, day + DAY, "day", "America/New_York"), "zone")


def test_spans_that_cut_an_hour_are_refused(pruned):
    _, ts, old = pruned
    said = refuse(lambda: queries.compare_span([TOPIC], old, old + 30 * MINUTE), "end")
    assert "expected a whole hour" in said
    refuse(lambda: queries.compare_span([TOPIC], old + 1, old + HOUR), "start")
    found = queries.compare_span([TOPIC], old, old + HOUR)[TOPIC]
    assert found["count"] == len(select(ts, ts, old, old + HOUR))


def test_an_earlier_span_that_cuts_an_hour_is_refused(pruned):
    now = pruned[0]
    refuse(lambda: queries.so_far([TOPIC], "UTC", compare=("day", "week"), now=now), "compare")


def test_days_of_a_zone_that_cut_kept_hours_are_refused(pruned):
    _, ts, old = pruned
    span = TOPIC, old, old + HOUR, "day"
    said = refuse(lambda: queries.calendar_series(*span, "Asia/Kolkata"), "zone")
    assert "whole hours from UTC" in said
    columns = queries.calendar_series(*span, "America/New_York")
    assert columns["count"] == [
        len(select(ts, ts, *both)) for both in zip(columns["ts"], columns["end"], strict=True)
    ]


def test_an_export_is_refused_before_its_first_byte(pruned):
    _, _, old = pruned
    for plan, field in (
        (plan_steps(old, old + HOUR, MINUTE), "step"),
        (plan_calendar(old, old + DAY, "day", zone="Asia/Kolkata"), "zone"),
    ):
        refuse(lambda plan=plan: next(export([(TOPIC, plan)], "csv")[1]), field)


def test_hours_without_points_may_be_cut(pruned):
    _, _, old = pruned
    before = old - 30 * DAY + 7 * MINUTE
    check_edges(TOPIC, [before], field="start", expected=take_whole)
    assert queries.series(TOPIC, before, before + HOUR, MINUTE)["count"] == [0] * 60


@pytest.mark.parametrize("aggregate", ["mean", "count", "p95"])
@pytest.mark.parametrize("wanted", ["", "week"])
def test_a_chart_takes_a_step_that_is_kept(pruned, aggregate, wanted):
    now, ts, old = pruned
    kpi, zone = (
        Kpi(
            topic=TOPIC, aggregate=aggregate, window=1800, created_at=datetime.fromtimestamp(old / 1000, UTC)
        ),
        UTC,
    )
    plot = describe_plot(kpi, None, make_view("1h", now, wanted, (old, old + 5 * HOUR)), zone)
    assert plot["stride"] >= HOUR and plot["ts"]
    assert plot["n"] == [len(select(ts, ts, at - plot["stride"], at)) for at in plot["ts"]]
    for span in ("24h", "7d", "90d"):
        assert describe_plot(kpi, None, make_view(span, now, wanted), zone)["ts"]


def test_figures_beside_today_say_what_is_gone(pruned):
    now, _, old = pruned
    rows = list_comparisons(Kpi(topic=TOPIC, aggregate="count"), now, "UTC")
    assert [row["beside"] for row in rows if row["label"].startswith("a week")] == [
        "its minutes are no longer kept"
    ]


def test_a_backtest_takes_a_kept_step_and_refuses_a_finer_one(pruned):
    _, _, old = pruned
    rule = Rule(limit=5, operator="gt", aggregate="count", window=1800, interval=60)
    assert backtest_history(TOPIC, rule, old, old + 5 * HOUR).step == 3600
    for judged in (rule, rule._replace(aggregate="p95")):
        with pytest.raises(BadInput, match="history is kept in hours, expected a multiple of 3600"):
            backtest_history(TOPIC, judged, old, old + 5 * HOUR, step=300)
