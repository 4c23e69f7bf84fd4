"""Why a threshold did or did not fire: from the record, else recomputed."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from metrics_app import queries
from metrics_app.exceptions import BadInput
from metrics_app.models import EvaluationRecord, Threshold
from metrics_app.services.explain import describe, explain
from metrics_app.services.rules.thresholds import save_threshold
from metrics_app.services.watch.evaluate import evaluate
from tests.metrics_app.watching import HOUR, make_threshold, send

pytestmark = pytest.mark.django_db
MINUTE = 60_000


@pytest.fixture
def judged(base):
    """A threshold that fired two minutes after it was made, and was judged for ten."""
    threshold = make_threshold(now=base, window=300)
    send((base + 61_000, 60 * HOUR))
    evaluate(now=base + 10 * MINUTE + 1)
    return made_at(threshold, base)


def made_at(threshold, base):
    """The threshold, as if it had been made at ``base``."""
    Threshold.objects.filter(pk=threshold.pk).update(created_at=datetime.fromtimestamp(base / 1000, UTC))
    return Threshold.objects.get(pk=threshold.pk)


def test_it_tells_from_the_record_why_it_fired(judged, base):
    found = describe(explain(judged, base + 2 * MINUTE + 30_000), judged)
    assert (found["slot"], found["window_start"]) == (base + 2 * MINUTE, base - 3 * MINUTE)
    assert (found["value"], found["n"], found["class"]) == (60 * HOUR, 1, "breach")
    assert (found["before"], found["after"], found["source"]) == ("ok", "firing", "record")
    assert found["reason"] == (
        "The mean 60 h over 5 min (1 point) is above the limit of 48 h. "
        "It fires at once: the rule waits for nothing."
    )
    assert found["breach"] == judged.breaches.get().pk and not found["revised"]


def test_it_tells_why_it_did_not_recover(judged, base):
    found = describe(explain(judged, base + 9 * MINUTE), judged)
    assert (found["class"], found["before"], found["after"]) == ("empty", "firing", "firing")
    assert "silence is not recovery" in found["reason"]


def test_it_says_first_that_it_was_switched_off_since(judged, base):
    off = base + 10 * MINUTE + 5_000
    judged.enabled = False
    save_threshold(judged, by=None, now=off)
    told = describe(explain(judged, off + 1_000), judged)["reason"]
    assert told.startswith("It is switched off since ") and told.index("nobody judges it") < told.index(
        "beyond limit"
    )
    assert f"which ended breach #{judged.breaches.get().pk}." in told
    assert "off" not in describe(explain(judged, base + 9 * MINUTE), judged)["reason"]


def test_a_point_that_came_later_marks_the_slot_as_revised(judged, base):
    send((base + 62_000, 2 * HOUR))
    found = describe(explain(judged, base + 2 * MINUTE), judged)
    assert found["revised"] and (found["n"], found["n_now"]) == (1, 2)
    assert (found["value"], found["value_now"]) == (60 * HOUR, 31 * HOUR)
    assert "Revised: 1 point arrived after it was judged." in found["reason"]


def test_it_recomputes_where_no_record_is_left_and_says_so(judged, base):
    kept = describe(explain(judged, base + 2 * MINUTE), judged)
    EvaluationRecord.objects.all().delete()
    found = describe(explain(judged, base + 2 * MINUTE), judged)
    assert found["source"] == "minutes" and "No record of this slot is left" in found["reason"]
    same = ("slot", "value", "n", "class", "before", "after")
    assert [found[name] for name in same] == [kept[name] for name in same]


def test_it_names_the_rule_that_was_judged_and_not_the_one_of_today(judged, base):
    judged.limit = 100 * HOUR
    save_threshold(judged, by=None, now=base + 11 * MINUTE)
    found = describe(explain(judged, base + 2 * MINUTE), judged)
    assert found["version"] == 1 and "above the limit of 48 h" in found["reason"]


def test_an_open_data_breach_is_told_and_not_called_fine(base):
    rule = make_threshold(now=base, window=60, no_data="fire", no_data_for=120)
    send((base - 5 * MINUTE, 1 * HOUR))
    evaluate(now=base + 10 * MINUTE + 1)
    rule = made_at(rule, base)
    before = describe(explain(rule, base + MINUTE), rule)
    assert "a data breach opens once no point has come for 2 min" in before["reason"]
    found = describe(explain(rule, base + 5 * MINUTE), rule)
    assert "No points for 5 min: a data breach is open." in found["reason"]
    assert found["breach"] == rule.breaches.get().pk
    assert found["data_breach"] and not before["data_breach"]


def test_it_says_that_the_collector_is_behind_and_since_when(judged, base):
    through = queries.collected_through()[queries.shard_for(judged.kpi.topic)]
    late = through + 5 * MINUTE
    assert "the evaluator is behind since" in describe(explain(judged, late, now=late), judged)["reason"]
    evaluate(now=through + 1)
    with timezone.override("America/New_York"):
        found = describe(explain(judged, late, now=late), judged)
    since = datetime.fromtimestamp(through / 1000, ZoneInfo("America/New_York"))
    assert f"the collector is behind since {since:%Y-%m-%d %H:%M %Z}." in found["reason"]
    assert "It was not judged between" not in found["reason"]


def test_it_says_when_it_was_not_judged_at_all(judged, base):
    with pytest.raises(BadInput, match="is in the future"):
        explain(judged, base + MINUTE, now=base)
    with pytest.raises(BadInput, match="before the threshold was made"):
        explain(judged, base - 2 * MINUTE)
