"""Whoever changes a rule is told at every door which texts repeat what it was."""

import time

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics_app.models import Kpi, Threshold
from metrics_app.services.rules.changes import write_plan
from metrics_app.services.rules.files import apply_import, export_rules, plan_import
from metrics_app.services.rules.repeats import sign, warn_of_repeats
from metrics_app.services.rules.thresholds import save_threshold
from tests.metrics_app.admin.test_thresholds import LIST, fill
from tests.metrics_app.watching import HOUR, TOPIC, make_threshold

pytestmark = pytest.mark.django_db
NAME = "Answered within 48 h"
STALE = f"The name “{NAME}” says 48 h, but the limit is 10 min now"


@pytest.fixture
def rule():
    return make_threshold(now=int(time.time() * 1000), name=NAME, limit=48 * HOUR, recovery_limit=None)


def change(rule, **fields):
    for name, value in fields.items():
        setattr(rule, name, value)
    return save_threshold(rule, by=None, judge=False)


def test_texts_of_rule_action_and_kpi_are_held_against_every_version(rule):
    kpi = rule.kpi
    kpi.description = "Complaints are answered within 48 hours."
    kpi.save()
    params = {"to": "hr@example.org", "text": "Nobody answered within 48 h.", "limit": "48 h"}
    change(rule, title="Over 48 h", suggestion="Hire 2, to be under 48 h again", action_params=params)
    assert warn_of_repeats([rule]) == [[]]
    change(rule, limit=600.0)
    change(rule, severity="critical")
    [told] = warn_of_repeats([rule])
    assert told[0] == STALE
    assert [sentence.partition(" “")[0] for sentence in told] == [
        *("The name", "The title", "The suggestion", "The text in the action's parameters"),
        "The KPI's description",
    ]


def test_a_rule_without_numbers_in_its_texts_asks_the_database_nothing(rule):
    change(rule, name="Slow", title="", suggestion="")
    with CaptureQueriesContext(connection) as asked:
        assert warn_of_repeats([rule]) == [[]]
    assert not asked.captured_queries


def test_it_signs_with_the_rule_where_its_name_no_longer_says_it(rule):
    assert sign(rule) == NAME
    change(rule, limit=600.0)
    assert sign(rule) == f"{NAME}, now mean over 30 min above 10 min"


def test_the_api_answers_a_change_and_a_look_with_it(admin_client, rule):
    url = f"/api/v1/thresholds/{rule.pk}/"
    assert admin_client.get(url).json()["warnings"] == []
    answer = admin_client.patch(url, {"limit": 600}, content_type="application/json").json()
    listed = admin_client.get("/api/v1/thresholds/").json()["results"]
    assert answer["warnings"] == admin_client.get(url).json()["warnings"] == listed[0]["warnings"] == [STALE]
    answer = admin_client.patch(url, {"name": "Slow"}, content_type="application/json").json()
    assert answer["warnings"] == []


def test_the_form_warns_while_one_types_and_once_it_is_saved(admin_client, rule):
    typed = fill(rule, name=NAME, limit="10 min", recovery_limit="")
    tried = admin_client.post(f"{LIST}backtest/", typed | {"backtest_of": rule.pk}).json()
    assert tried["warning"].endswith(f"{STALE}.")
    answer = admin_client.post(f"{LIST}{rule.pk}/change/", typed)
    assert f"{STALE}." in [str(one) for one in get_messages(answer.wsgi_request)]


def test_an_import_shows_it_with_the_difference(admin_client, rule):
    text = export_rules(Kpi.objects.all()).replace("limit: 48h", "limit: 10m")
    plan = plan_import({"rules.yaml": text})
    assert f"    warning: {STALE}" in list(write_plan(plan))
    page = admin_client.post(f"{LIST}import/", {"text": text, "again": "1"}).content.decode()
    assert f"▲ {STALE}." in page
    apply_import({"rules.yaml": text}, by=None)
    assert warn_of_repeats(Threshold.objects.select_related("kpi")) == [[STALE]]


def test_a_kpi_that_is_saved_with_an_old_number_says_so(admin_client, rule):
    change(rule, limit=600.0)
    kpi = rule.kpi
    fields = {"topic": TOPIC, "name": "Answers within 48 h", "unit": "seconds", "direction": "lower"}
    fields |= {"aggregate": "mean", "window": "30 min"}
    answer = admin_client.post(f"/admin/metrics_app/kpi/{kpi.pk}/change/", fields)
    said = [str(one) for one in get_messages(answer.wsgi_request)]
    assert "The KPI's name “Answers within 48 h” says 48 h, but the limit is 10 min now." in said


def test_the_page_of_the_kpi_tells_every_reader(admin_client, rule):
    change(rule, limit=600.0)
    assert STALE in admin_client.get(f"/kpis/{TOPIC}/").content.decode()
