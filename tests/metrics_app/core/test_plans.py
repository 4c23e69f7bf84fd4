"""How fine a span is drawn."""

from bisect import bisect_left
from datetime import timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

import pytest

from metrics_app.core.durations import DAY_MS, HOUR_MS, MINUTE_MS
from metrics_app.core.plans import LONGEST, SHORTEST, SPANS, clamp_span, list_earlier, plan_span
from tests.clocks import NIGHTS, walk


@pytest.mark.parametrize("span", SPANS)
def test_every_span_has_some_hundred_values_at_most(span):
    plan = plan_span(0, SPANS[span], HOUR_MS // 2)
    assert 60 <= SPANS[span] / plan.stride <= 400
    assert plan.stride % plan.step == 0 and plan.is_exact


def test_the_window_of_the_rule_is_drawn_until_values_lie_further_apart():
    assert plan_span(0, DAY_MS, HOUR_MS // 2).drawn == HOUR_MS // 2
    assert plan_span(0, 90 * DAY_MS, HOUR_MS // 2).drawn == 6 * HOUR_MS


def test_a_window_that_the_grain_does_not_fit_is_said_to_be_so():
    assert not plan_span(0, HOUR_MS, 90_000).is_exact
    assert not plan_span(0, HOUR_MS, 7 * DAY_MS).is_exact


def test_a_zoom_stays_in_the_past_and_can_be_drawn():
    now = 10_000 * DAY_MS
    assert clamp_span(now - HOUR_MS, now + DAY_MS, now) == (now - HOUR_MS, now)
    assert clamp_span(now, now - MINUTE_MS, now)[0] == now - MINUTE_MS - SHORTEST
    assert clamp_span(5, now, now) == (now - LONGEST, now)


@pytest.mark.parametrize(("name", "day"), NIGHTS, ids=map(" ".join, NIGHTS))
def test_each_value_is_compared_by_the_clock_of_its_own_time(name, day):
    minutes = walk(name, day, 40)
    shown = list(accumulate((local for _, local in minutes), max))
    asked = minutes[30 * 60 :: 7]
    earlier = list_earlier([moment for moment, _ in asked], "yesterday", MINUTE_MS, ZoneInfo(name))
    walked = [minutes[bisect_left(shown, local - timedelta(days=1))][0] for _, local in asked]
    assert earlier == walked
