"""The proposals as KPIs of their own."""

import time

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command

from hms_gov.joins.figures import emit
from hms_gov.joins.process import RULES, watch_process
from metrics_app import queries
from metrics_app.collector import collect_all
from metrics_app.models import Kpi, Threshold
from metrics_app.services.rules.thresholds import save_threshold
from pipelines_app.core.figures import DECISION, EFFECT
from pipelines_app.exceptions import Impossible
from pipelines_app.services import propose, reject, run_errands

pytestmark = pytest.mark.django_db


def test_a_decision_becomes_one_point_of_its_kpi(settings):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"EMIT": "hms_gov.joins.figures.emit"}
    pipeline = propose(title="Slow", suggestion="Pay 2")[0]
    reject(pipeline=pipeline, by=User.objects.create_superuser("root"), version=1, comment="no")
    run_errands()
    collect_all()
    assert queries.stats(DECISION, 3600)["count"] == 1


def test_the_same_key_again_adds_nothing():
    now = int(time.time() * 1000) - 1000
    for value, key in ((4.0, "a"), (4.0, "a"), (6.0, "b")):
        emit(EFFECT, value, at=now, key=key)
    collect_all()
    stats = queries.stats(EFFECT, 3600)
    assert (stats["count"], stats["sum"]) == (2, 10.0)


def test_where_new_topics_are_not_let_in_it_is_refused_for_good(settings):
    settings.METRICS_APP = settings.METRICS_APP | {"AUTO_CREATE_KPIS": False}
    with pytest.raises(Impossible, match="is not a known KPI"):
        emit(DECISION, 1.0, at=int(time.time() * 1000), key="a")


def test_the_ready_made_thresholds_are_made_once_and_keep_what_people_set(capsys):
    Kpi.objects.create(topic=EFFECT)  # as it comes in with its first point
    call_command("watch_process", owner="Heads")
    made = {(row.kpi.topic, row.kpi.unit, row.kpi.direction, row.kpi.owner.name) for row in list_rows()}
    assert made == {
        ("pipeline.decision_hours", "hours", "lower", "Heads"),
        ("pipeline.open", "open", "lower", "Heads"),
        ("pipeline.effect_percent", "%", "higher", "Heads"),
    }
    assert not any(row.title for row in list_rows())
    Kpi.objects.filter(topic=DECISION).update(name="Ours")
    call_command("watch_process", owner="Others")
    assert capsys.readouterr().out.count("Nothing was missing.") == 1
    kpi = Kpi.objects.get(topic=DECISION)
    assert (kpi.name, kpi.owner) == ("Ours", Group.objects.get(name="Heads"))


def test_a_ready_made_threshold_is_switched_on_with_its_first_point_unless_somebody_touched_it():
    assert watch_process() == dict.fromkeys([rule["name"] for rule in RULES.values()], False)
    touched = Threshold.objects.get(kpi__topic=EFFECT)
    touched.limit = -5
    save_threshold(touched, by=None, reason="our own")
    now = int(time.time() * 1000) - 1000
    for topic in (DECISION, EFFECT):
        emit(topic, 1.0, at=now, key="a")
    collect_all()
    assert watch_process() == {"Decided within 12 h": True}
    assert [row.kpi.topic for row in list_rows() if row.enabled] == [DECISION]
    assert watch_process() == {}


def list_rows():
    """The thresholds with their KPIs."""
    return Threshold.objects.select_related("kpi__owner")
