"""A threshold on a trend, and the sentence that says how soon a limit is crossed."""

import numpy as np
import pytest
from django.contrib.auth.models import User

from metrics_app import queries
from metrics_app.core.text.phrases import tell_observation
from metrics_app.core.watch import Rule
from metrics_app.core.windows import make_pieces, view_windows
from metrics_app.exceptions import BadInput
from metrics_app.models import Breach, Kpi, ThresholdState
from metrics_app.services.explain import describe, explain
from metrics_app.services.forecasts import tell_forecast
from metrics_app.services.rules import backtest
from metrics_app.services.rules.backtest import backtest_last
from metrics_app.services.watch.evaluate import evaluate
from tests.metrics_app.watching import HOUR, TOPIC, make_threshold, send

pytestmark = pytest.mark.django_db
MINUTE = 60_000
TREND = {
    "aggregate": "time_until_above",
    "aggregate_value": 48.0 * HOUR,
    "operator": "lt",
    "limit": 3.0 * HOUR,
}


def climb(base, hours=range(20, 40)):
    """One point a minute up to ``base``: each an hour more than the one before."""
    points = [(base - (len(hours) - at) * MINUTE + 30_000, hour * HOUR) for at, hour in enumerate(hours)]
    send(*points)
    return points


def test_it_fires_before_the_limit_is_crossed(base):
    threshold = make_threshold(now=base, **TREND)
    points = climb(base)
    evaluate(now=base + 1)
    state = ThresholdState.objects.get(threshold=threshold)
    # 39 h half a minute ago, an hour more each minute: 48 h is 8.5 minutes away.
    assert (state.state, state.n) == ("firing", 20) and state.value == pytest.approx(8.5 * 60)
    assert Breach.objects.get().timeline.first().text == (
        "Fired: time until above 48 h at 8 min 30 s over 30 min, 20 points; below 3 h."
    )
    pieces, rule = make_pieces(*zip(*points, strict=True)), Rule(**TREND, window=1800)
    views = view_windows(pieces, np.array([base]), rule.aggregate, rule.window, rule.aggregate_value)
    assert views.values[0] == pytest.approx(state.value)


def test_what_is_not_in_sight_is_clear_and_what_nobody_knows_is_not_compared(base):
    falling = make_threshold(now=base, **TREND)
    unknown = make_threshold("er.wait", now=base, **TREND)
    climb(base, hours=range(40, 20, -1))
    send((base - 90_000, 1.0), topic="er.wait")
    evaluate(now=base + 1)
    state = ThresholdState.objects.get(threshold=falling)
    assert (state.state, state.slot_class) == ("ok", "clear")
    assert tell_observation(falling, "seconds", state).startswith("time until above 48 h (not in sight)")
    assert ThresholdState.objects.get(threshold=unknown).slot_class == "incomparable"


def test_the_sentence_says_when_a_mean_crosses_its_limit(base, client):
    threshold = make_threshold(now=base)
    climb(base)
    said = tell_forecast(TOPIC, "seconds", threshold, base)
    assert said == "At the pace of the last 20 min, 48 h is crossed in about 9 min (9 min to 9 min)"
    threshold.operator = "lt"
    assert tell_forecast(TOPIC, "seconds", threshold, base) == ""
    threshold.aggregate = "max"
    assert tell_forecast(TOPIC, "seconds", threshold, base) == ""


def test_it_stands_on_the_page_of_the_kpi_and_in_the_explanation(client):
    now = queries.redis_now()
    Kpi.objects.create(topic=TOPIC, unit="seconds")
    climb(now // MINUTE * MINUTE)
    threshold = make_threshold(now=now, **TREND)
    make_threshold(now=now)
    client.force_login(User.objects.create_superuser("ann"))
    page = client.get(f"/kpis/{TOPIC}/").content.decode()
    assert page.count("48 h is crossed in about") == 2
    assert client.get("/").status_code == 200
    evaluate(now=now)
    found = describe(explain(threshold, queries.redis_now()), threshold)
    assert "is below the limit of 3 h." in found["reason"] and "48 h is crossed in about" in found["reason"]


@pytest.mark.parametrize("ago", [range(840), range(1800, 18_000)], ids=["among its points", "before them"])
def test_a_kpi_that_began_today_is_tried_over_today(base, ago, monkeypatch):
    # Of a month's windows, hours apart, the last ends so many seconds ago.
    far = next(step for step in range(18_000, 250_000, 60) if base // 1000 % step in ago)
    monkeypatch.setattr(backtest, "FAR_STEPS", (*backtest.STEPS[:7], far))
    threshold = make_threshold(now=base, **TREND)
    climb(base)
    found = backtest_last(threshold, TOPIC, now=base)
    assert found.end - found.start == 86_400_000 and found.usual_n > 0


def test_it_is_tried_on_history_as_live(base):
    threshold = make_threshold(now=base, **TREND)
    climb(base)
    found = backtest_last(threshold, TOPIC, now=base, span=30 * MINUTE)
    assert found.result.breaches and found.result.state.value == pytest.approx(8.5 * 60)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"aggregate_value": None}, "time_until_above asks which value it leads to"),
        ({"window": 60}, "60 s is no window of a trend: expected 300"),
        ({"window": 8 * 86_400}, "is no window of a trend"),
    ],
)
def test_what_no_trend_can_be_is_refused(base, rule, message):
    with pytest.raises(BadInput, match=message):
        make_threshold(now=base, **TREND | rule)
