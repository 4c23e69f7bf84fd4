"""Points that prove nothing: with nothing to compare them with, or of part of a count."""

from datetime import UTC, datetime

import pytest

from metrics_app import queries
from metrics_app.core.durations import DAY_MS
from metrics_app.models import Breach, Kpi, Loss, Threshold, ThresholdState
from metrics_app.services.archive import archive
from metrics_app.services.explain import describe, explain
from metrics_app.services.watch.evaluate import evaluate
from metrics_app.services.watch.states import read_states
from tests.metrics_app.watching import TOPIC, make_threshold, send

pytestmark = pytest.mark.django_db
MINUTE = 60_000
DAY = 86_400
NOTHING = {"no_data": "fire", "no_data_for": 0, "operator": "gt", "limit": 50.0, "window": 1800}


def judge(base, at, *points, **rule):
    """A threshold made at ``base``, with points, judged up to ``at`` (ms); and its state then."""
    threshold = make_threshold(now=base, **rule)
    born(base - 30 * DAY_MS)
    send(*points)
    # Points of the day before came late: they are read once they are archived.
    archive()
    evaluate(now=at + 1)
    made = datetime.fromtimestamp(base / 1000, UTC)
    Threshold.objects.filter(pk=threshold.pk).update(created_at=made)
    threshold = Threshold.objects.select_related("kpi").get(pk=threshold.pk)
    return threshold, ThresholdState.objects.get(threshold=threshold)


def born(at):
    """Lets the KPI begin at a moment (ms), which is asked for anew."""
    Kpi.objects.filter(topic=TOPIC).update(created_at=datetime.fromtimestamp(at / 1000, UTC))
    queries.births.forget_births(setting="METRICS_APP")


@pytest.mark.parametrize(
    ("rule", "values", "before", "reason"),
    [
        ({"aggregate": "rate_change_week"}, [1.0] * 29, [], "held 29 points, and the one 7 d before that"),
        ({"aggregate": "mean_change_day"}, [1.0, 2.0], [], "held 2 points, and the one 24 h before that"),
        ({"aggregate": "mean_change_day"}, [7.0], [0.0, 0.0], "was 0 s, of which nothing is a share"),
        (
            {"aggregate": "time_until_above", "aggregate_value": 90.0},
            [1.0] * 29,
            [],
            "held 29 points, in 1 whole minute of the 3 that a line needs: no line can be drawn",
        ),
    ],
)
def test_points_without_a_comparison_flag_the_data_and_open_no_data_breach(
    base, rule, values, before, reason
):
    points = [(base + 1_000 + number, value) for number, value in enumerate(values)]
    points += [(base - DAY_MS + 1_000 + number, value) for number, value in enumerate(before)]
    threshold, state = judge(base, base + 3 * MINUTE, *points, **(NOTHING | rule))
    assert (state.slot_class, state.data, state.state) == ("incomparable", "incomparable", "ok")
    assert state.n == len(values) and state.value is None and not state.data_breach
    # The first slot came before the first point: that was a data breach, and the points ended it.
    assert not Breach.objects.filter(recovered_at=None).exists()
    [view] = read_states([threshold], now=base + 3 * MINUTE).values()
    assert (view.data, view.condition.name, view.condition.proves_nothing) == ("incomparable", "silent", True)
    assert "ok" not in view.condition.states, "what cannot be compared is in no state"
    told = describe(explain(threshold, base + 3 * MINUTE, now=base + 4 * MINUTE), threshold)
    assert reason in told["reason"] and told["class"] == "incomparable" and not told["data_breach"]
    if "change" in rule["aggregate"]:
        ago = DAY_MS if rule["aggregate"].endswith("day") else 7 * DAY_MS
        assert told["compared_with"] == {
            "start": base + 3 * MINUTE - ago - 1_800_000,
            "end": base + 3 * MINUTE - ago,
            # Also a rate: a week ago nobody counted.
            "value": 0.0 if before else None,
            "n": len(before),
        }


def test_an_empty_window_is_no_data_whatever_it_would_be_compared_with(base):
    threshold, state = judge(
        base, base + 3 * MINUTE, (base - DAY_MS + 1_000, 5.0), **(NOTHING | {"aggregate": "mean_change_day"})
    )
    assert (state.slot_class, state.data_breach) == ("empty", True)
    told = describe(explain(threshold, base + 3 * MINUTE, now=base + 4 * MINUTE), threshold)
    assert told["reason"].startswith("The window of 30 min held no point.")
    assert told["compared_with"]["n"] == 1


@pytest.mark.parametrize(
    ("operator", "values", "state", "slot_class"),
    [
        ("lt", 5, "ok", "thin"),  # so many came in a minute, of a day that is asked for
        ("lt", 12, "ok", "clear"),  # whatever came before: it is not below
        ("gt", 12, "firing", "breach"),  # nor is it not above
        ("gt", 5, "ok", "thin"),
    ],
)
@pytest.mark.parametrize("why", ["born", "lost"])
def test_a_count_is_judged_by_part_of_a_window_only_where_that_proves_it(
    base, operator, values, state, slot_class, why
):
    rule = {"aggregate": "count", "window": DAY, "operator": operator, "limit": 10.0}
    threshold = make_threshold(now=base, **rule)
    born(base - MINUTE if why == "born" else base - 9 * DAY_MS)
    if why == "lost":
        topics = {TOPIC: [base - 2 * MINUTE, 7]}
        shard, end = queries.shard_for(TOPIC), base - MINUTE
        Loss.objects.create(shard=shard, start=end - MINUTE, looked_at=end, end=end, points=7, topics=topics)
    send(*[(base + 1_000 + number, 1.0) for number in range(values)])
    evaluate(now=base + 3 * MINUTE + 1)
    found = ThresholdState.objects.get(threshold=threshold)
    assert (found.state, found.slot_class) == (state, slot_class)
    if slot_class == "thin":
        [view] = read_states([threshold], now=base + 3 * MINUTE).values()
        assert view.condition.name == "silent", "nothing is green by part of a count"
        Threshold.objects.update(created_at=datetime.fromtimestamp(base / 1000, UTC))
        threshold = Threshold.objects.get(pk=threshold.pk)
        told = describe(explain(threshold, base + 3 * MINUTE, now=base + 4 * MINUTE), threshold)
        assert "is known in part only" in told["reason"]
        assert ("when the KPI began" in told["reason"]) == (why == "born")


def test_a_rule_that_says_so_judges_part_of_a_count(base):
    rule = {"aggregate": "count", "window": DAY, "operator": "lt", "limit": 10.0}
    threshold = make_threshold(now=base, judge_partial=True, **rule)
    born(base - MINUTE)
    send((base + 1_000, 1.0))
    evaluate(now=base + 3 * MINUTE + 1)
    assert ThresholdState.objects.get(threshold=threshold).state == "firing"


def test_a_count_is_judged_once_its_window_lies_within_the_life_of_its_kpi(base):
    rule = {"aggregate": "count", "window": 600, "operator": "lt", "limit": 10.0}
    threshold = make_threshold(now=base, **rule)
    born(base - 5 * MINUTE)
    send((base - 4 * MINUTE, 1.0))
    evaluate(now=base + 4 * MINUTE + 1)
    assert ThresholdState.objects.get(threshold=threshold).slot_class == "thin"
    evaluate(now=base + 5 * MINUTE + 1)
    breach = Breach.objects.get(threshold=threshold)
    assert breach.fired_at == base + 5 * MINUTE


def test_a_kpi_is_as_old_as_the_oldest_point_that_is_kept_of_it(base):
    Kpi.objects.create(topic=TOPIC)
    send((base - 3 * DAY_MS, 1.0))
    archive()
    born(base - MINUTE)
    [found] = queries.read_births([TOPIC]).values()
    assert found == (base - 3 * DAY_MS) // MINUTE * MINUTE
