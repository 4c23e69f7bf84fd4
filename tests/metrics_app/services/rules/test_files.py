"""Thresholds to YAML and back."""

import re
import time
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.classes import is_beyond
from metrics_app.exceptions import BadInput
from metrics_app.models import Breach, Kpi, Restriction, Threshold, ThresholdState, ThresholdVersion
from metrics_app.services.rules import many, thresholds
from metrics_app.services.rules.changes import RULE_FIELDS, take, write_plan
from metrics_app.services.rules.deadman import save_expectation
from metrics_app.services.rules.fields import list_faults
from metrics_app.services.rules.files import apply_import, export_rules, plan_import
from metrics_app.services.rules.thresholds import save_threshold
from tests.examples import examples
from tests.metrics_app.watching import HOUR, make_threshold, send

TEXT = """\
# Thresholds and the KPIs they watch, as `manage.py export_thresholds` writes them and
# `manage.py import_thresholds` reads them. Fields that are left out are what a new one begins with.
kpis:
  complaint.latency:
    kpi:
      name: Response time
      unit: seconds
      expected_interval: 15m
    thresholds:
      # share within 48 h over 1 h below 90 %; switched off
      answered-in-time:
        aggregate: share_within
        aggregate_value: 48h
        window: 1h
        operator: lt
        limit: 90%
        enabled: false
      # mean over 30 min above 48 h; proposes “Response time breach”
      slow-answers:
        name: Slow answers
        aggregate: mean
        window: 30m
        operator: gt
        limit: 48h
        recovery_limit: 2592m
        pending_for: 10m
        severity: critical
        title: Response time breach
        suggestion: Hire 2 temp agents
        action_params: {agents: 2, note: 'yes, please'}

  er.wait:
    kpi: {}
    thresholds:
      # count over 24 h above 90.5
      count-24h:
        aggregate: count
        window: 24h
        operator: gt
        limit: 90.5
"""
LATENCY = "kpis.complaint.latency.thresholds"


def load(text=TEXT, **options):
    return apply_import({"rules.yaml": text}, by=None, **options)


def export():
    return export_rules(Kpi.objects.all())


def lines(plan):
    return list(write_plan(plan))


def swap(old, new):
    assert old in TEXT
    return TEXT.replace(old, new, 1)


@pytest.mark.django_db
def test_what_is_imported_is_exported_as_the_same_text():
    assert load().summary == "5 new"
    assert export() == TEXT
    slow = Threshold.objects.get(key="slow-answers")
    assert (slow.limit, slow.recovery_limit, slow.pending_for) == (48 * HOUR, 43.2 * HOUR, 600)
    assert slow.action_params == {"agents": 2, "note": "yes, please"}
    assert Kpi.objects.get(topic="complaint.latency").expected_interval == 900
    assert Threshold.objects.filter(kind="silence", kpi__topic="complaint.latency", enabled=True).exists()


@pytest.mark.django_db
def test_a_second_import_has_nothing_to_change():
    load()
    again = load()
    assert not again.differs and again.summary == "nothing to change (3 unchanged)"
    assert set(Threshold.objects.values_list("version", flat=True)) == {1}


@pytest.mark.django_db
def test_a_change_is_a_new_version_with_author_and_reason_and_the_difference_in_human_units():
    load()
    text = swap("limit: 48h", "limit: 40h").replace("recovery_limit: 2592m", "recovery_limit: 36h")
    text = text.replace("unit: seconds", "unit: seconds\n      direction: none").replace(
        "limit: 90%", "limit: 95%"
    )
    amy = get_user_model().objects.create(username="amy")
    plan = apply_import({"rules.yaml": text}, by=amy, reason="The law changed.")
    assert lines(plan) == [
        "~ complaint.latency KPI Response time",
        "    direction: lower → none",
        "~ complaint.latency answered-in-time: share within 48 h over 1 h below 95 %; switched off",
        "    limit: 90 % → 95 %",
        "~ complaint.latency slow-answers: mean over 30 min above 40 h; proposes “Response time breach”",
        "    limit: 48 h → 40 h",
        "    recovery limit: 2592 min → 36 h",
        "= er.wait count-24h: count over 24 h above 90.5",
    ]
    assert plan.summary == "3 changed, 1 unchanged"
    version = Threshold.objects.get(key="slow-answers").versions.first()
    assert (version.version, version.author, version.reason) == (2, amy, "The law changed.")


@pytest.mark.django_db
def test_a_new_name_keeps_the_threshold():
    load()
    plan = load(swap("name: Slow answers", "name: Far too slow"))
    assert [change.kind for change in plan.changes if change.key] == ["same", "changed", "same"]
    slow = Threshold.objects.get(key="slow-answers")
    assert (slow.name, slow.version) == ("Far too slow", 1)


@pytest.mark.django_db
def test_what_a_file_leaves_out_stays_unless_it_is_pruned_and_then_on_its_topics_only():
    load()
    assert not plan_import({"a": TEXT.split("  er.wait:")[0]}).differs
    plan = load("kpis: {er.wait: {thresholds: {}}}", prune=True)
    assert lines(plan) == ["- er.wait count-24h: count over 24 h above 90.5"]
    assert not Threshold.objects.filter(key="count-24h").exists()
    assert Threshold.objects.filter(key="slow-answers").exists()


@pytest.mark.django_db
def test_a_pruned_threshold_keeps_its_breaches_on_record():
    now = int(time.time() * 1000)
    threshold = make_threshold(now=now)
    Breach.objects.create(threshold=threshold, version=1, since=now, fired_at=now)
    plan = plan_import({"a": "kpis: {complaint.latency: {thresholds: {}}}"}, prune=True)
    line = "- complaint.latency mean-30m: mean over 30 min above 48 h; its 1 breach stays on record"
    assert lines(plan) == [line]
    load("kpis: {complaint.latency: {thresholds: {}}}", prune=True)
    assert Breach.objects.get().threshold == threshold
    assert Threshold.objects.get().retired_at and "thresholds:" not in export_rules(Kpi.objects.all())
    again = "{aggregate: mean, window: 30m, operator: gt, limit: 48h}"
    load(f"kpis: {{complaint.latency: {{thresholds: {{mean-30m: {again}}}}}}}")
    assert Threshold.objects.get(retired_at=None).key == "mean-30m"


@pytest.mark.django_db
def test_a_topic_without_a_kpi_part_keeps_its_kpi():
    load()
    rule = "{aggregate: max, window: 5m, operator: gt, limit: 9d}"
    load(f"kpis: {{complaint.latency: {{thresholds: {{more: {rule}}}}}}}")
    kpi = Kpi.objects.get(topic="complaint.latency")
    assert (kpi.name, kpi.unit, kpi.expected_interval) == ("Response time", "seconds", 900)
    assert Threshold.objects.get(key="more").limit == 9 * 24 * HOUR


@pytest.mark.django_db(transaction=True)
def test_an_imported_threshold_is_judged_at_once():
    now = int(time.time() * 1000)
    Kpi.objects.create(topic="complaint.latency", unit="seconds")
    send((now - 60_000, 60 * HOUR))
    load(swap("pending_for: 10m", "pending_for: 0s"))
    threshold = Threshold.objects.get(key="slow-answers")
    assert ThresholdState.objects.get(threshold=threshold).state == "firing"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("limit: 48h", "limit: 48 parsecs", f"24: {LATENCY}.slow-answers.limit: '48 parsecs' is not"),
        ("limit: 90%", "limit: lots", f"16: {LATENCY}.answered-in-time.limit: 'lots' is not a value"),
        ("window: 30m", "window: 30.5s", f"22: {LATENCY}.slow-answers.window: 30.5 is not a whole number"),
        ("operator: gt", "operator: over", "operator: 'over' is not one of gt, gte, lt, lte"),
        ("        operator: lt\n", "", "thresholds.answered-in-time.operator: is missing"),
        ("severity: critical", "severity: yes", "severity: true is not one of info, warning, critical"),
        ("severity:", "severty:", "slow-answers.severty: is not known here: expected name, aggregate,"),
        ("recovery_limit: 2592m", "recovery_limit: 50h", "recovery_limit: 180000 is above the limit"),
        ("    kpi: {}", "    kpi: {colour: red}", "er.wait.kpi.colour: is not known here: expected name"),
        ("unit: seconds", "unit: 5", "7: kpis.complaint.latency.kpi.unit: 5 is not a text: put it in quotes"),
        ("15m", "1s", "kpi.expected_interval: 1 cannot be: expected whole seconds from 10 s to 31 d"),
        ("  er.wait:", "  Er wait:", "kpis.Er wait: 'Er wait' is not a topic"),
        ("count-24h:", "Count 24:", "thresholds.Count 24: 'Count 24' is no key"),
        ("limit: 48h", "limit: -48h", "limit: -172800 is negative: complaint.latency is a duration"),
        ("pending_for: 10m", "pending_for:", "slow-answers.pending_for: is empty"),
        ("kpis:", "kpi:", "3: kpi: is not known here: expected kpis"),
        ("      count-24h:", "      slow: &x", "the anchor 'x' is not read here"),
        ("window: 24h\n", "window: 24h\n        window: 2h\n", "'window' stands here twice"),
        ("        limit: 90.5", "        limit: [", "is not YAML"),
    ],
)  # fmt: skip
def test_a_fault_refuses_all_and_names_line_field_value_and_what_is_expected(old, new, fault):
    with pytest.raises(BadInput) as refused:
        load(swap(old, new))
    assert fault in str(refused.value)
    assert str(refused.value).startswith("rules.yaml:")
    assert not Kpi.objects.exists() and not Threshold.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["5", "1.5", "yes", "~", "[ms]", "{a: ms}"])
@pytest.mark.parametrize(
    "field", ["name", "unit", "aggregate", "severity", "operator", "suggestion", "title"]
)
def test_a_value_of_another_type_is_a_fault_of_its_field(field, value):
    """Whatever type YAML reads, the fault names the field, and nothing breaks on the way to it."""
    text = re.sub(rf"(?m)^( +){field}: .*$", rf"\g<1>{field}: {value}", TEXT)
    with pytest.raises(BadInput) as refused:
        load(text)
    assert f".{field}: " in str(refused.value)
    assert not Kpi.objects.exists() and not Threshold.objects.exists()


@pytest.mark.django_db
def test_all_faults_of_all_files_are_told_at_once():
    wrong = swap("limit: 48h", "limit: x").replace("operator: gt", "operator: over", 1)
    texts = {
        "a.yaml": wrong,
        "b.yaml": swap("window: 24h", "window: y"),
        "c.yaml": "- 1",
    }
    with pytest.raises(BadInput) as refused:
        plan_import(texts)
    told = str(refused.value).splitlines()
    assert any(line.startswith("a.yaml:24: ") and "limit: 'x'" in line for line in told)
    assert any(line.startswith("a.yaml:23: ") and "operator: 'over' is not one of" in line for line in told)
    assert any(line.startswith("b.yaml:") and "window: 'y'" in line for line in told)
    assert "b.yaml:11: kpis.complaint.latency.thresholds.answered-in-time: stands in a.yaml too" in told
    assert "c.yaml:1: [1] is no mapping of names" in told


@pytest.mark.django_db
def test_two_thresholds_of_one_name_have_two_keys():
    now = int(time.time() * 1000)
    keys = [make_threshold(now=now, name="Über 48 h!").key for _ in range(2)]
    keys += [make_threshold(now=now).key, make_threshold(now=now, aggregate="p95").key]
    assert keys == ["uber-48-h", "uber-48-h-2", "mean-30m", "p95-30m"]


def write_many(count, start=0):
    """The YAML of KPIs that say how often a point is expected, with a threshold each."""
    rule = "{aggregate: mean, window: 30m, operator: gt, limit: 48h, delay: 90s}"
    said = "{unit: seconds, expected_interval: 15m}"
    rows = [
        f"  many.t{at}: {{kpi: {said}, thresholds: {{slow: {rule}}}}}" for at in range(start, start + count)
    ]
    return "\n".join(["kpis:", *rows])


@pytest.mark.django_db
def test_what_is_new_is_saved_together_as_each_would_be_alone(django_user_model, monkeypatch):
    by = django_user_model.objects.create_user("ann")
    Restriction.objects.create(topic="many.t3")
    monkeypatch.setattr(thresholds, "read_clocks", lambda topics: dict.fromkeys(topics, 10_000_500))
    monkeypatch.setattr(many, "read_clocks", thresholds.read_clocks)
    counts = []
    for size, start in ((5, 0), (45, 5)):
        with CaptureQueriesContext(connection) as asked:
            apply_import({"a": write_many(size, start)}, by=by, reason="All of them.")
        counts.append(len(asked))
    assert counts[1] - counts[0] < 40, "less than one question more for each"
    kpi = Kpi.objects.create(topic="alone", unit="seconds", expected_interval=900)
    # Each by itself, through the door that everything else takes.
    save_expectation(kpi, by=by)
    rule = take(Threshold.objects.get(kpi__topic="many.t7", key="slow"), RULE_FIELDS)
    save_threshold(Threshold(kpi=kpi, key="slow", **rule), by=by, reason="All of them.", judge=False)

    def read(topic):
        rows = Threshold.objects.filter(kpi__topic=topic).order_by("key")
        apart = {"id", "kpi_id", "created_at", "updated_at"}
        states = ThresholdState.objects.filter(threshold__in=rows).order_by("threshold__key")
        versions = ThresholdVersion.objects.filter(threshold__in=rows).order_by("threshold__key")
        return (
            [{name: v for name, v in row.items() if name not in apart} for row in rows.values()],
            [take(row, ("due_at", "extra_slot", "last_slot", "rule_version", "state")) for row in states],
            [take(row, ("version", "rule", "author", "reason")) for row in versions],
        )

    assert len(read("alone")[2]) == 2
    assert [topic for topic in (f"many.t{at}" for at in range(50)) if read(topic) != read("alone")] == []
    assert list(Kpi.objects.filter(restricted=True).values_list("topic", flat=True)) == ["many.t3"]


@pytest.mark.django_db
def test_an_import_that_is_not_the_one_that_was_shown_does_nothing():
    load()
    text = swap("limit: 48h", "limit: 50h")
    shown = plan_import({"rules.yaml": text})
    slow = Threshold.objects.get(key="slow-answers")
    Threshold.objects.filter(pk=slow.pk).update(limit=49 * HOUR)
    now = load(text, mark=shown.mark)
    assert now.mark != shown.mark and Threshold.objects.get(pk=slow.pk).limit == 49 * HOUR
    load(text, mark=now.mark)
    assert Threshold.objects.get(pk=slow.pk).limit == 50 * HOUR


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
durations = st.sampled_from([0, 1, 59, 60, 90, 600, 3600, 5400, 86_400, 604_800])
numbers = st.floats(0, allow_nan=False, allow_infinity=False) | st.integers(0, 10**6).map(float)
plain = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | numbers | texts
nested = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
)
words = {
    "aggregate": ["mean", "count", "p95", "rate_per_hour", "share_within", "mean_change_day"],
    "operator": ["gt", "gte", "lt", "lte"],
    "no_data": ["keep", "fire", "ok"],
    "severity": ["info", "warning", "critical"],
    "interval": [1, 60, 3600],
    "delay": [0, 90, 86_400],
}
rules = st.fixed_dictionaries(
    dict.fromkeys(("name", "title", "suggestion"), texts)
    | dict.fromkeys(("aggregate_value", "limit"), numbers)
    | dict.fromkeys(("pending_for", "keep_firing_for", "cooldown", "no_data_for"), durations)
    | {name: st.sampled_from(choices) for name, choices in words.items()}
    | {
        "action_params": st.dictionaries(texts, nested, max_size=3),
        "recovery_limit": st.none() | numbers,
        "window": durations.filter(bool),
        "min_count": st.integers(1, 10**9),
        "enabled": st.booleans(),
    }
)


@pytest.mark.django_db(transaction=True)
@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["", "seconds", "%", "open", "5"]), texts, st.lists(rules, min_size=1, max_size=3))
def test_whatever_is_exported_is_imported_as_it_was_and_exported_as_the_same_text(unit, name, found):
    Kpi.objects.all().delete()
    kpi = Kpi.objects.create(topic="er.wait", unit=unit, name=name)
    for number, fields in enumerate(found):
        threshold = Threshold(kpi=kpi, key=f"rule-{number}", **fields)
        if get_aggregate(fields["aggregate"]).kind != "share":
            threshold.aggregate_value = None
        else:
            threshold.limit %= 100
            threshold.recovery_limit = threshold.recovery_limit and threshold.recovery_limit % 100
        recovery = threshold.recovery_limit
        if recovery is not None and is_beyond(recovery, threshold.operator, threshold.limit):
            threshold.recovery_limit = None
        assert list_faults(threshold) == []
        threshold.save()
    text = export()
    assert plan_import({"a": text}).differs is False
    Kpi.objects.all().delete()
    apply_import({"a": text}, by=None)
    assert export() == text


def test_the_example_in_the_documentation_is_one_that_is_read(django_db_blocker):
    page = (Path(__file__).resolve().parents[4] / "docs" / "thresholds.md").read_text()
    example = page.split("## Thresholds in files")[1].split("```yaml\n")[1].split("```")[0]
    with django_db_blocker.unblock():
        assert plan_import({"docs": example}).differs
