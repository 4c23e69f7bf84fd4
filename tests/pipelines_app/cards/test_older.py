"""Evidence that was frozen before quantities were, or written by a stranger, still has its card."""

import pytest

from pipelines_app.cards import cards
from pipelines_app.services import propose
from tests.pipelines_app.cards.measuring import Project

pytestmark = pytest.mark.django_db
START, MINUTE = 1_795_000_020_000, 60_000
MINUTES = {"ts": [START, START + MINUTE], "count": [2, 0], "mean": [50.0, None]}
# As a share rule froze it: the minutes are those of the KPI, in its unit.
SHARE = {
    "value": 12.5, "n": 40, "unit": "seconds", "since": START, "window": 3600, "aggregate": "share_above",
    "operator": "gt", "limit": 5.0, "recovery_limit": None, "measured_from": START,
    "measured_to": START + 2 * MINUTE, "step": MINUTE, "minutes": MINUTES,
    "threshold": {"id": 3, "version": 1, "name": "Slow", "rule": {"aggregate_value": 172_800.0}},
    "companions": [{"name": "C", "unit": "", "aggregate": "count", "window": 60, "value": 3.0}],
}  # fmt: skip


@pytest.fixture
def project(monkeypatch, settings):
    """The project's measurements."""
    found = Project()
    found.label, found.unit, found.text, found.value = "share above 48 h over 1 h", "%", "9 %", 9.0
    monkeypatch.setattr("pipelines_app.queries.conf.load", {"MEASUREMENTS": found}.get)
    return found


def open_one(evidence, **fields):
    facts = {"title": "T", "suggestion": "S", "topic": "a.b", "unit": "seconds", "kpi": 12.5}
    return propose(**(facts | fields), evidence=evidence)[0]


def test_it_asks_the_project_for_the_rule_that_fired_and_takes_its_words(project, approver):
    card = cards.make_card(open_one(SHARE), approver)
    assert card.opening.startswith("Share above 48 h over 1 h: 12.5")
    assert card.opening.endswith("(40 points; limit 5 seconds)"), "as far as this project formats"
    rule = project.asked[-1]["rule"]
    assert (rule["aggregate"], rule["aggregate_value"], rule["window"]) == ("share_above", 172_800.0, 3600)
    assert card.present == "Now 9 %, lower than at opening"


def test_it_draws_the_means_of_its_minutes_as_what_they_are(project, approver):
    chart = cards.make_card(open_one(SHARE), approver).chart
    assert (chart["label"], chart["unit"]) == ("mean of each minute, without its limit", "seconds")
    assert (chart["values"], chart["limit"]) == ([50.0, None], None)
    mean = SHARE | {"aggregate": "mean", "limit": 48.0}
    chart = cards.make_card(open_one(mean, title="M"), approver).chart
    assert (chart["label"], chart["limit"]) == ("mean of each minute", 48.0)


def test_without_a_project_that_measures_it_is_told_by_its_own_words(settings, approver):
    settings.PIPELINES_APP = {"MEASUREMENTS": "", "FORMAT": "", "WATCH": "", "TOPICS": ""}
    card = cards.make_card(open_one(SHARE), approver)
    assert card.opening == "Share above over 3600 seconds: 12.5 seconds (40 points; limit 5 seconds)"
    assert (card.present, card.cost) == ("", None)


def test_what_a_key_proposed_shows_what_was_measured_over_all_that_was_frozen(settings, approver):
    settings.PIPELINES_APP = {"MEASUREMENTS": "", "FORMAT": "", "WATCH": "", "TOPICS": ""}
    summary = {"count": 2, "mean": 50.0}
    claim = {
        "measured_from": START,
        "measured_to": START + 2 * MINUTE,
        "minutes": MINUTES | {"summary": summary},
    }
    card = cards.make_card(open_one(claim), approver)
    assert card.opening == (
        "The proposer says 12.5 seconds; measured then, mean over 120 seconds: 50 seconds (2 points)"
    )
    assert card.chart["values"] == [50.0, None]


@pytest.mark.parametrize(
    "evidence",
    [
        {},
        {"minutes": None},
        {"aggregate": "mean"},
        {"aggregate": "mean", "limit": 1.0, "operator": "gt", "window": 60},
        {"aggregate": "mean", "minutes": {"ts": [1], "mean": []}},
        {"minutes": {"summary": {"count": 0}}},
        {"quantity": None, "threshold": "x", "aggregate": "p95"},
        SHARE,
    ],
    ids=lambda evidence: ",".join(evidence) or "none",
)
def test_every_page_of_it_renders(client, approver, evidence):
    pipeline = open_one(evidence, topic="never.measured")
    client.force_login(approver)
    for path in ("", f"{pipeline.pk}/", f"{pipeline.pk}/card/", f"{pipeline.pk}/since/"):
        assert client.get(f"/inbox/{path}").status_code == 200


def test_a_quantity_that_is_not_whole_is_read_as_evidence_of_before(project, client, approver):
    pipeline = open_one(SHARE | {"quantity": {"value": 1.0}})
    client.force_login(approver)
    assert client.get(f"/inbox/{pipeline.pk}/").status_code == 200
