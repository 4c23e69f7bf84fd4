"""Proposals in the admin: read, searched, never edited."""

import json
import re

import pytest
from django.contrib.auth.models import Permission

from pipelines_app.admin.cells import format_evidence
from pipelines_app.cards.facts import list_facts
from pipelines_app.models import Pipeline
from pipelines_app.queries import find_stop
from pipelines_app.services import propose, reject
from pipelines_app.services.verify import verify_audit

pytestmark = pytest.mark.django_db
LIST = "/admin/pipelines_app/pipeline/"


@pytest.fixture
def secret(group):
    """A proposal that its group alone may see."""
    return propose(title="Secret plan", suggestion="x", restricted_to=group)[0]


@pytest.fixture
def analyst(outsider):
    """Staff with the permission to view proposals, in no group."""
    outsider.is_staff = True
    outsider.save()
    outsider.user_permissions.add(Permission.objects.get(codename="view_pipeline"))
    return outsider


def test_it_lists_filters_and_searches(client, admin_user, approver, pipeline):
    reject(pipeline=pipeline, by=approver, version=1, comment="the budget is empty")
    client.force_login(admin_user)
    assert b"Response time breach" in client.get(LIST).content
    assert b"Response time breach" in client.get(LIST, {"q": "budget"}).content
    assert b"Response time breach" not in client.get(LIST, {"state": "approved"}).content


def test_those_without_a_topic_are_filtered_by_words(client, admin_user):
    propose(title="Extend the opening hours", suggestion="x")
    propose(title="Hire two agents", suggestion="x", topic="er.wait")
    client.force_login(admin_user)
    page = client.get(LIST).content.decode()
    links = dict(re.findall(r'<a href="(\?topic=[^"]*)">([^<]*)</a>', page))
    assert links == {"?topic=": "without a topic", "?topic=er.wait": "er.wait"}
    found = client.get(f"{LIST}?topic=").content.decode()
    assert ("Extend the opening hours" in found, "Hire two agents" in found) == (True, False)


def test_it_shows_one_with_its_evidence_votes_and_audit(client, admin_user, approver):
    evidence = {"value": 5, "minutes": {"ts": [1, 2]}}
    pipeline = propose(title="T", suggestion="x", kpi=187_200, unit="seconds", evidence=evidence)[0]
    reject(pipeline=pipeline, by=approver, version=1, comment="no money")
    client.force_login(admin_user)
    page = client.get(f"{LIST}{pipeline.pk}/change/").content.decode()
    for text in ("2 d 4 h", "no money", "&quot;ts&quot;: [1, 2]", "proposed", "rejected"):
        assert text in page


def test_it_shows_one_whose_evidence_was_touched(client, admin_user, pipeline):
    Pipeline.objects.update(evidence_text="broken")
    client.force_login(admin_user)
    assert client.get(f"{LIST}{pipeline.pk}/change/").status_code == 200


@pytest.mark.parametrize("path", ["add/", "{}/delete/"])
def test_it_lets_not_even_a_superuser_add_or_delete(client, admin_user, pipeline, path):
    client.force_login(admin_user)
    assert client.get(LIST + path.format(pipeline.pk)).status_code == 403


def test_it_changes_nothing_by_post(client, admin_user, pipeline):
    client.force_login(admin_user)
    assert client.post(f"{LIST}{pipeline.pk}/change/", {"state": "approved"}).status_code == 403
    pipeline.refresh_from_db()
    assert pipeline.state == "awaiting_approval"


def test_it_hides_restricted_ones_from_staff_outside_the_group(client, analyst, pipeline, secret, group):
    client.force_login(analyst)
    assert b"Secret plan" not in client.get(LIST).content
    assert client.get(f"{LIST}{secret.pk}/change/").status_code == 302
    analyst.groups.add(group)
    assert b"Secret plan" in client.get(LIST).content


def test_it_shows_values_in_human_units_and_hashes_by_their_beginning(client, admin_user):
    for value in (181_558, 128_471.55987234041):
        pipeline = propose(title="T", suggestion="y" * 200, kpi=value, topic="a.b", unit="seconds")[0]
    client.force_login(admin_user)
    page = client.get(f"{LIST}{pipeline.pk}/change/").content.decode()
    assert "2 d 2 h" in page and "35 h 41 min" in page and "128471" not in page
    sha = pipeline.evidence_sha256
    assert f'<code title="{sha}">{sha[:12]}…</code>' in page and f">{sha}" not in page
    assert f'<span title="{"y" * 200}">{"y" * 48}…</span>' in client.get(LIST).content.decode()


def test_it_lists_the_evidence_of_a_breach_in_words(client, admin_user):
    evidence = {
        "value": 187_200,
        "aggregate": "p50",
        "operator": "gt",
        "limit": 172_800,
        "window": 1800,
        "slot": 1_795_491_060_000,
        "threshold": {"id": 1, "version": 2, "name": "Answered within 48 h"},
        "companions": [{"name": "Open", "unit": "open", "value": 7, "aggregate": "mean", "window": 60}],
    }
    pipeline = propose(title="T", suggestion="x", unit="seconds", topic="a.b", evidence=evidence)[0]
    facts = dict(list_facts(pipeline, pipeline.evidence))
    assert facts == {
        "Value": "2 d 4 h",
        "Aggregate": "p50",
        "Limit": "above 48 h",
        "Window": "30 min",
        "Fired": "2026-11-24 03:31:00 UTC",
        "Threshold": "Answered within 48 h, version 2",
        "Open": "7 open (mean over 1 min)",
    }


def test_it_lists_what_was_measured_by_the_name_and_in_the_unit_the_project_gave_it(client, admin_user):
    quantity = {"label": "share above 48 h over 1 h", "unit": "%"}
    companion = {"name": "Open", "text": "7 open", "label": "mean over 1 min", "value": 7}
    evidence = {"value": 12.5, "aggregate": "share_above", "operator": "gt", "limit": 5.0, "window": 3600}
    evidence |= {"quantity": quantity, "companions": [companion]}
    pipeline = propose(title="T", suggestion="x", unit="%", kpi=12.5, topic="a.b", evidence=evidence)[0]
    facts = dict(list_facts(pipeline, pipeline.evidence))
    assert facts["Measured"] == "share above 48 h over 1 h"
    assert (facts["Value"], facts["Limit"]) == ("12.5 %", "above 5 %")
    assert facts["Open"] == "7 open (mean over 1 min)"
    client.force_login(admin_user)
    assert "12.5 %" in client.get(f"{LIST}{pipeline.pk}/change/").content.decode()


@pytest.mark.parametrize("odd", [[1], {"a": [1]}, "x" * 3_000, None, True, 1e300, -1e300, ""], ids=repr)
def test_it_shows_evidence_of_any_shape(client, admin_user, odd):
    names = ("value", "aggregate", "operator", "limit", "window", "slot", "step", "kpi", "companions", "n")
    evidence = dict.fromkeys(names, odd)
    text = json.dumps(evidence)
    pipeline = propose(title="T", suggestion="x", unit="seconds", topic="a.b", kpi=-1e9)[0]
    Pipeline.objects.update(evidence_text=text)
    client.force_login(admin_user)
    assert client.get(f"{LIST}{pipeline.pk}/change/").status_code == 200
    assert client.get(LIST).status_code == 200


def test_it_writes_evidence_with_a_line_per_field_and_columns_on_one():
    text = format_evidence({"a": {"b": [1, 2]}, "c": [{"d": "ä"}], "e": {}})
    assert (
        text
        == '{\n  "a": {\n    "b": [1, 2]\n  },\n  "c": [\n    {\n      "d": "ä"\n    }\n  ],\n  "e": {}\n}'
    )


def test_what_a_proposer_says_is_told_in_its_own_unit(client, admin_user):
    evidence = {"quantity": {"label": "rate over 1 h", "unit": "per hour"}}
    propose(title="T", suggestion="x", kpi=187_200, unit="days", evidence=evidence)
    client.force_login(admin_user)
    page = client.get(LIST).content.decode()
    assert "187,200 days" in page and "187,200 per hour" not in page


SWITCH = "/admin/pipelines_app/stopswitch/"


def test_the_stop_switch_is_one_page_with_a_reason(client, admin_user):
    client.force_login(admin_user)
    page = client.get(SWITCH, follow=True)
    assert page.redirect_chain[0][0] == f"{SWITCH}1/change/"
    without = client.post(f"{SWITCH}1/change/", {"stopped": "on", "reason": ""})
    assert without.status_code == 200 and find_stop() is None
    assert client.post(f"{SWITCH}1/change/", {"stopped": "on", "reason": "audit"}).status_code == 302
    stopped = find_stop()
    assert (stopped.by, stopped.reason) == (admin_user, "audit")
    again = client.post(f"{SWITCH}1/change/", {"stopped": "on", "reason": "audit"})
    assert "That is so already" in again.content.decode()
    client.post(f"{SWITCH}1/change/", {"reason": "over"})
    assert find_stop() is None and verify_audit().faults == []


def test_the_stop_switch_is_for_those_who_may_turn_it(client, analyst):
    client.force_login(analyst)
    assert client.get(SWITCH).status_code == 403
    assert client.post(f"{SWITCH}1/change/", {"stopped": "on", "reason": "audit"}).status_code in (302, 403)
    assert find_stop() is None
    analyst.user_permissions.add(Permission.objects.get(codename="turn_stopswitch"))
    client.get(SWITCH)
    assert client.post(f"{SWITCH}1/change/", {"stopped": "on", "reason": "audit"}).status_code == 302
    assert find_stop().by == analyst
    assert client.get(f"{SWITCH}add/").status_code == client.get(f"{SWITCH}1/delete/").status_code == 403
