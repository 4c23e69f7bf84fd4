"""A card says what an approver needs, in words."""

from datetime import timedelta

import pytest
from django.utils import timezone

from pipelines_app.cards import cards, figures
from pipelines_app.services import approve, propose, reject

pytestmark = pytest.mark.django_db
HOUR, MINUTE = 3600, 60_000


def to_ms(moment):
    return int(moment.timestamp() * 1000)


@pytest.fixture
def now():
    """A full minute."""
    return timezone.now().replace(second=0, microsecond=0)


@pytest.fixture
def measured(monkeypatch):
    """What the project's measurements answer: one point of 50 h a minute over the last hour."""
    answers = {"mean": 50 * HOUR, "count": 1}

    def measure(topic, start, end, step=MINUTE):
        ts = list(range(start, end, step))
        columns = {name: [answers["mean"]] * len(ts) for name in ("mean", "min", "max")}
        summary = dict.fromkeys(("mean", "min", "max"), answers["mean"]) | {"count": 60 * answers["count"]}
        return {"ts": ts, "count": [answers["count"]] * len(ts), **columns, "summary": summary}

    monkeypatch.setattr(
        "pipelines_app.queries.measure", lambda topic, *span: measure(topic, *span) if topic else None
    )
    return answers


def open_breach(now, **fields):
    """A proposal as a breach of the worked example opens it: 54 h over a limit of 48 h, half an hour ago."""
    opened = now - timedelta(minutes=30)
    evidence = {
        "value": 54 * HOUR, "n": 23, "unit": "seconds", "since": to_ms(opened), "window": 1800,
        "aggregate": "mean", "operator": "gt", "limit": 48 * HOUR, "measured_to": to_ms(opened),
        "minutes": {"ts": [to_ms(opened) - MINUTE], "count": [23], "mean": [54 * HOUR]},
    }  # fmt: skip
    facts = {
        "title": "Response time breach",
        "suggestion": "Hire 2 temp agents",
        "topic": "complaint.latency",
    }
    facts |= {"unit": "seconds", "kpi": 54 * HOUR, "severity": "critical", "evidence": evidence}
    return propose(**(facts | fields), now=opened)[0]


def test_it_tells_the_cost_of_waiting_in_the_kpis_own_unit(now, measured, approver):
    card = cards.make_card(open_breach(now), approver, now=now)
    # 30 answers, each 2 h over the limit.
    assert card.cost["amount"] == "2 d 12 h"
    assert "over the limit, all points since" in card.cost["text"]
    assert card.cost["text"].endswith("5 d more each hour")


def test_what_falls_below_a_floor_is_under_the_limit(now, measured, approver):
    floor = open_breach(now).evidence | {"operator": "lt", "limit": 52 * HOUR}
    pipeline = open_breach(now, title="Too few", evidence=floor)
    card = cards.make_card(pipeline, approver, now=now)
    assert "under the limit, all points since" in card.cost["text"]


def test_it_tells_no_rate_of_the_cost_before_it_can_be_known(now, measured, approver):
    pipeline = open_breach(now)
    card = cards.make_card(pipeline, approver, now=pipeline.created_at + timedelta(minutes=5))
    assert "each hour" not in card.cost["text"]


def test_it_says_what_it_was_and_what_it_is(now, measured, approver):
    pipeline = open_breach(now)
    card = cards.make_card(pipeline, approver, now=now)
    assert card.opening == "Mean 54 h over 30 min (23 points; limit 48 h)"
    assert card.present == "Now 50 h, lower than at opening"
    measured["mean"] = 40 * HOUR
    assert cards.make_card(pipeline, approver, now=now).present == "Now 40 h, back within the limit"


def test_its_chart_is_the_frozen_one(now, measured, approver):
    pipeline = open_breach(now)
    chart = cards.make_card(pipeline, approver, now=now).chart
    assert chart["rows"] == [[to_ms(pipeline.created_at) - MINUTE, 23, 54 * HOUR]]
    assert (chart["limit_label"], chart["above"], chart["value"]) == ("48 h", True, 54 * HOUR)


def test_the_live_panel_begins_an_hour_back_and_marks_the_opening(now, measured):
    pipeline = open_breach(now)
    since = cards.describe_since(pipeline, now=now)
    assert since["start"] == to_ms(now) - 60 * MINUTE
    assert since["opened"] == to_ms(pipeline.created_at)
    assert since["rows"][0][0] <= since["start"] - 30 * MINUTE


def test_a_proposal_that_nothing_measures_has_neither_cost_nor_chart(pipeline, approver):
    card = cards.make_card(pipeline, approver)
    assert (card.cost, card.chart, card.present) == (None, None, "")
    assert cards.describe_since(pipeline) is None


@pytest.fixture
def watched(monkeypatch):
    """How the KPI is watched today: `watched(limit=600)` changes its rule."""
    rule = {"id": 7, "limit": 48 * HOUR, "operator": "gt", "aggregate": "mean", "window": 1800}
    watch = {"name": "Response time", "aggregate": "mean", "window": 1800, "rules": [rule]}
    monkeypatch.setattr("pipelines_app.queries.describe_watch", lambda topic: watch if topic else {})
    return rule.update


def test_a_value_is_judged_by_the_limit_of_then_and_that_of_today(now, measured, watched, approver):
    pipeline = open_breach(now)
    pipeline.evidence_text = pipeline.evidence_text.replace('{"', '{"threshold":{"id":7},"', 1)
    measured["mean"] = 40 * HOUR
    assert cards.make_card(pipeline, approver, now=now).present == "Now 40 h, back within the limit"
    watched(limit=600)
    present = cards.make_card(pipeline, approver, now=now).present
    assert present == "Now 40 h, within the 48 h of then; beyond today's 10 min"
    watched(id=8)
    present = cards.make_card(pipeline, approver, now=now).present
    assert present == "Now 40 h, within the 48 h of then; no rule watches it today"


def test_it_says_that_the_rule_behind_it_is_silenced(now, measured, watched):
    pipeline = open_breach(now)
    pipeline.evidence_text = pipeline.evidence_text.replace('{"', '{"threshold":{"id":7},"', 1)
    assert cards.find_silenced(pipeline) == ""
    watched(silenced="silenced until 2026-11-24 08:00 UTC by ann: maintenance")
    assert cards.find_silenced(pipeline) == "silenced until 2026-11-24 08:00 UTC by ann: maintenance"
    watched(id=8)
    assert cards.find_silenced(pipeline) == "", "another rule is"


def test_what_somebody_says_stands_beside_what_was_measured(now, measured, watched, approver):
    measured["mean"] = 8494
    pipeline = propose(title="Complaints surge", suggestion="Look", kpi=88, topic="complaint.size", now=now)[
        0
    ]
    card = cards.make_card(pipeline, approver, now=now + timedelta(minutes=20))
    assert card.opening == "The proposer says 88; measured then: 8,494 (mean over 30 min, 30 points)"
    assert len(card.chart["rows"]) == 60 and card.chart["limit"] is None
    watched(limit=8000)
    card = cards.make_card(pipeline, approver, now=now + timedelta(minutes=20))
    assert card.present == "Now 8,494, as then; beyond today's limit of 8,000"
    assert "over today's limit, all points since" in card.cost["text"]
    since = cards.describe_since(pipeline, now=now + timedelta(minutes=20))
    assert (since["value"], since["opened"]) == (8494, to_ms(now))


def test_the_track_record_tells_what_became_of_like_ones(now, measured, approver):
    for _ in range(2):
        pipeline = open_breach(now)
        approve(pipeline=pipeline, by=approver, version=1, now=now)
    reject(pipeline=open_breach(now), by=approver, version=1, comment="no money", now=now)
    record = cards.make_card(open_breach(now), approver, now=now).record
    assert record["sentence"] == "Proposed 3 times before: 2 approved, 1 rejected."
    assert len(record["squares"]) == 3


def test_a_decided_card_says_who_and_when(pipeline, approver, now):
    decided = reject(pipeline=pipeline, by=approver, version=1, comment="too dear")
    card = cards.make_card(decided, approver)
    assert card.verdict.startswith("Rejected by ada at ")
    assert card.verdict.endswith("“too dear”")
    assert card.cost is None


def test_waiting_is_told_in_one_sentence(pipeline, approver, outsider):
    later = pipeline.created_at + timedelta(hours=1, minutes=12)
    waiting = cards.describe_waiting(approver, now=later)
    assert waiting["sentence"] == "1 proposal waits for a decision, for 1 h 12 min"
    assert waiting["headline"] == "1 proposal waits for you"
    assert waiting["order"] == [pipeline.pk]
    assert cards.describe_waiting(outsider, now=later)["headline"] == "1 proposal waits for a decision"


def test_what_somebody_else_must_decide_is_not_counted_as_theirs(pipeline, approver, second, outsider):
    own = propose(title="Own", suggestion="Do it", proposer=approver)[0]
    waiting = cards.describe_waiting(approver)
    assert (waiting["count"], waiting["headline"]) == (1, "1 proposal waits for you · 1 waits for others")
    assert set(waiting["order"]) == {pipeline.pk, own.pk}
    assert waiting["sentence"].startswith("2 proposals wait for a decision, the oldest for ")
    assert cards.describe_waiting(second)["headline"] == "2 proposals wait for you"
    nobodys = cards.describe_waiting(outsider)
    assert (nobodys["count"], nobodys["headline"]) == (0, "2 proposals wait for a decision")
    type(own).objects.update(proposer=approver)
    assert cards.describe_waiting(approver)["headline"] == "No proposal waits for you · 2 wait for others"


def test_nothing_waits_is_a_sentence_too(approver):
    waiting = cards.describe_waiting(approver)
    assert (waiting["count"], waiting["headline"]) == (0, "No proposal waits for you")


def test_without_a_project_that_formats_it_still_writes_values(settings):
    settings.PIPELINES_APP = {**settings.PIPELINES_APP, "FORMAT": ""}
    assert figures.write(187200.0, "seconds") == "187200 seconds"
    assert figures.write(None) == "—"
