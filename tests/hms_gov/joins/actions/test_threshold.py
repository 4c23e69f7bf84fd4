"""The change of a threshold as an action: once, and only of the rule that the approver saw."""

import time

import pytest
from django.contrib.auth.models import User

from hms_gov.joins.actions.threshold import (
    change_threshold,
    check_again,
    check_change,
    describe_change,
    freeze_change,
    thaw_change,
)
from metrics_app.models import Breach, BreachEvent, Kpi, Threshold
from metrics_app.services.rules.thresholds import delete_threshold, save_threshold
from pipelines_app.core.orders import Order
from pipelines_app.exceptions import BadInput, Impossible
from pipelines_app.models import Decision
from pipelines_app.services import propose
from tests.metrics_app.watching import HOUR, make_threshold

pytestmark = pytest.mark.django_db
TOPIC = "complaint.latency"
KPI = {"kpi": {"topic": TOPIC}}


@pytest.fixture
def rule():
    now = int(time.time() * 1000)
    return make_threshold(TOPIC, now=now, name="Answered within 48 h", limit=48 * HOUR)


@pytest.fixture
def order(rule):
    """As an approval of it would ask for it."""
    evidence = {"threshold": {"id": rule.pk, "version": 1}, "kpi": {"topic": TOPIC}}
    params = freeze_change({"limit": "52 h"}, evidence)
    proposal = propose(title="Give them 52 h", suggestion="Raise the limit", topic="")[0]
    ada = User.objects.create_user("ada")
    Decision.objects.create(pipeline=proposal, by=ada, by_name="ada", vote="approve", version=1)
    return Order(proposal=proposal.pk, version=1, title=proposal.title, topic=TOPIC, parameters=params)


def test_it_moves_the_limit_in_the_name_of_the_approver_and_of_the_proposal(rule, order):
    stale = "The name “Answered within 48 h” says 48 h, but the limit is 52 h now"
    assert change_threshold(order) == f"Answered within 48 h: limit: 48 h → 52 h; {stale}"
    rule.refresh_from_db()
    assert (rule.limit, rule.version, rule.edited_by.username) == (52 * HOUR, 2, "ada")
    version = rule.versions.get(version=2)
    assert version.author.username == "ada"
    assert version.reason == f"Proposal #{order.proposal} “Give them 52 h” ({order.key})"


def test_a_running_breach_tells_of_the_change_after_the_proposal_began(rule, order):
    fired, began = int(time.time() * 1000) - 60_000, time.time() * 1000
    Breach.objects.create(threshold=rule, version=1, since=fired, fired_at=fired, value=1.0, n=1, peak=1.0)
    change_threshold(order)
    edited = BreachEvent.objects.get(kind="edited")
    assert began < edited.at <= time.time() * 1000 + 1000


def test_it_changes_it_once_however_often_it_is_asked(rule, order):
    assert change_threshold(order) == change_threshold(order)
    assert rule.versions.count() == 2


def test_a_repeat_after_somebody_else_changed_it_back_does_not_change_it_again(rule, order):
    change_threshold(order)
    rule.refresh_from_db()
    rule.limit = 40 * HOUR
    save_threshold(rule, by=None)
    change_threshold(order)
    rule.refresh_from_db()
    assert (rule.limit, rule.version) == (40 * HOUR, 3)


def test_another_attempt_is_refused_beforehand_once_the_rule_is_another(rule, order):
    check_again(order)
    rule.min_count = 5
    save_threshold(rule, by=None)
    with pytest.raises(BadInput, match="“Answered within 48 h” was changed meanwhile"):
        check_again(order)


def test_it_refuses_for_good_when_the_rule_was_changed_since_the_proposal(rule, order):
    rule.min_count = 5
    save_threshold(rule, by=User.objects.create_user("bea"))
    with pytest.raises(Impossible, match="changed meanwhile by bea to version 2"):
        change_threshold(order)
    rule.refresh_from_db()
    assert rule.limit == 48 * HOUR


def test_it_refuses_for_good_when_the_rule_is_gone(rule, order):
    delete_threshold(rule, by=None)
    with pytest.raises(Impossible, match="deleted meanwhile"):
        change_threshold(order)


def test_it_freezes_what_the_change_means_at_that_moment(rule, order):
    assert order.parameters == {
        "limit": 52.0 * HOUR,
        "threshold": rule.pk,
        "version": 1,
        "name": "Answered within 48 h",
        "before": {"limit": 48 * HOUR},
        "unit": "seconds",
        "aggregate": "mean",
    }
    assert describe_change(order.parameters) == "changes “Answered within 48 h”: limit: 48 h → 52 h"


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "expected a limit"),
        ({"limit": "52 h", "enabled": False}, "unknown field"),
        ({"limit": [52]}, "is no limit such as 52 h"),
        ({"limit": "abc"}, "limit: 'abc' is no limit such as 52 h"),
        ({"limit": None}, "limit: null is no limit"),
        ({"limit": True}, "limit: true is no limit"),
        ({"limit": "52 h", "threshold": 99_999_999}, "there is no threshold 99999999"),
        ({"limit": "52 h", "threshold": "1"}, "there is no threshold"),
    ],
)
def test_it_refuses_parameters_that_name_no_limit_or_no_threshold(rule, params, said):
    with pytest.raises(BadInput, match=said):
        check_change(params)


def test_a_threshold_that_is_named_reads_the_limit_in_its_unit(rule):
    check_change({"limit": "52 h", "threshold": rule.pk})
    with pytest.raises(BadInput, match="limit: "):
        check_change({"limit": "52 °C", "threshold": rule.pk})


@pytest.mark.parametrize(
    ("params", "evidence", "said"),
    [
        ({"limit": "52 h"}, {}, "must say which threshold"),
        ({"limit": "52 h", "threshold": True}, {}, "there is no threshold true"),
        ({"limit": "soon"}, {"kpi": {"topic": TOPIC}}, "limit: "),
        ({"limit": "-1"}, {"kpi": {"topic": TOPIC}}, "cannot be so"),
        ({"recovery_limit": "50 h"}, {"kpi": {"topic": TOPIC}}, "recovers at at most 48|cannot be so"),
        ({"limit": "52 h"}, {"kpi": {"topic": "er.wait"}}, "the proposal is about another KPI"),
    ],
)
def test_it_refuses_to_freeze_what_could_not_be_done(rule, params, evidence, said):
    if evidence:
        evidence = evidence | {"threshold": {"id": rule.pk, "version": 1}}
    with pytest.raises(BadInput, match=said):
        freeze_change(params, evidence)


def test_what_was_asked_for_can_be_asked_again_of_the_rule_as_it_is_now(rule, order):
    frozen = order.parameters
    rule.limit = 50 * HOUR
    save_threshold(rule, by=None, reason="moved since")
    assert thaw_change(frozen) == {"threshold": rule.pk, "limit": 52 * HOUR}
    again = freeze_change(thaw_change(frozen), {"kpi": {"topic": rule.kpi.topic}})
    assert again["version"] == frozen["version"] + 1 and again["limit"] == frozen["limit"]


def test_what_is_so_already_is_refused_when_it_is_proposed_and_never_carried_out(rule, order):
    rule.limit = 52 * HOUR
    save_threshold(rule, by=None, reason="moved since")
    said = "nothing to change: “Answered within 48 h”, whose limit is 52 h already"
    with pytest.raises(BadInput, match=said):
        freeze_change(thaw_change(order.parameters), KPI)
    with pytest.raises(BadInput, match=said):
        check_again(order)
    # Also of what was frozen before that was refused, of the rule as it is.
    order.parameters.update(version=2, before={"limit": 52 * HOUR})
    assert describe_change(order.parameters) == "would change nothing of “Answered within 48 h”"
    with pytest.raises(Impossible, match=said):
        change_threshold(order)
    assert rule.versions.count() == 2
    # One of two is enough.
    both = freeze_change({"limit": 52 * HOUR, "recovery_limit": "40 h", "threshold": rule.pk}, KPI)
    assert describe_change(both).endswith(": recovery limit: none → 40 h")


def test_a_dead_mans_rule_is_not_moved(rule):
    kpi = Kpi.objects.get(topic=TOPIC)
    dead = Threshold.objects.create(kpi=kpi, kind="silence", limit=0)
    with pytest.raises(BadInput, match="there is no threshold"):
        check_change({"limit": 1, "threshold": dead.pk})
