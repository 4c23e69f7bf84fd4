"""How fine a span is drawn."""

import pytest

from metrics_app.core.plans import DAY, HOUR, LONGEST, MINUTE, SHORTEST, SPANS, clamp_span, plan_span


@pytest.mark.parametrize("span", SPANS)
def test_every_span_has_some_hundred_values_at_most(span):
    plan = plan_span(0, SPANS[span], HOUR // 2)
    assert 60 <= SPANS[span] / plan.stride <= 400
    assert plan.stride % plan.step == 0 and plan.is_exact


def test_the_window_of_the_rule_is_drawn_until_values_lie_further_apart():
    assert plan_span(0, DAY, HOUR // 2).drawn == HOUR // 2
    assert plan_span(0, 90 * DAY, HOUR // 2).drawn == 6 * HOUR


def test_a_window_that_the_grain_does_not_fit_is_said_to_be_so():
    assert not plan_span(0, HOUR, 90_000).is_exact
    assert not plan_span(0, HOUR, 7 * DAY).is_exact


def test_a_zoom_stays_in_the_past_and_can_be_drawn():
    now = 10_000 * DAY
    assert clamp_span(now - HOUR, now + DAY, now) == (now - HOUR, now)
    assert clamp_span(now, now - MINUTE, now)[0] == now - MINUTE - SHORTEST
    assert clamp_span(5, now, now) == (now - LONGEST, now)
