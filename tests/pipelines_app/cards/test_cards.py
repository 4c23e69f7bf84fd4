"""A card says what an approver needs, in the words of the project that measures."""

from datetime import timedelta

import pytest
from django.utils import timezone

from pipelines_app.cards import cards, curves, writing
from pipelines_app.cards.waiting import describe_waiting
from pipelines_app.core.moments import to_ms
from pipelines_app.exceptions import NotMeasured
from pipelines_app.models import Pipeline
from pipelines_app.services import approve, propose, reject
from tests.pipelines_app.cards.measuring import HOUR, MINUTE, RULE, Project

pytestmark = pytest.mark.django_db
CLAIM = {"title": "Complaints surge", "suggestion": "Look", "kpi": 88, "topic": "complaint.size"}

# What is frozen where the rule judged silence: a curve without a single value.
NO_VALUES = {
    "quantity": {
        "rule": RULE, "label": "mean over 30 min", "unit": "seconds", "value": None,
        "text": "nothing measured", "limit_text": "48 h",
        "curve": {"ts": [0, MINUTE], "values": [None, None]},
    },
}  # fmt: skip


@pytest.fixture
def now():
    """A full minute."""
    return timezone.now().replace(second=0, microsecond=0)


@pytest.fixture
def project(monkeypatch):
    """The project's measurements, and no rule that watches anything today."""
    found = Project()
    monkeypatch.setattr(
        "pipelines_app.conf.load", lambda name: {"MEASUREMENTS": found, "FORMAT": write_plainly}.get(name)
    )
    return found


def write_plainly(value, unit="", aggregate="", beside=None):
    return "—" if value is None else f"{value:g} {unit} {aggregate}".strip()


def open_breach(now, **fields):
    """A proposal as a breach of the worked example opens it: 54 h over a limit of 48 h, half an hour ago."""
    opened = now - timedelta(minutes=30)
    curve = {"ts": [to_ms(opened) - MINUTE, to_ms(opened)], "values": [51 * HOUR, 54 * HOUR]}
    quantity = {"rule": RULE, "label": "mean over 30 min", "unit": "seconds", "value": 54 * HOUR}
    quantity |= {"text": "54 h", "limit_text": "48 h", "curve": curve}
    evidence = {
        "value": 54 * HOUR, "n": 23, "since": to_ms(opened), "limit": 48 * HOUR, "operator": "gt",
        "measured_to": to_ms(opened), "threshold": {"id": 7, "version": 1}, "quantity": quantity,
    }  # fmt: skip
    facts = {"title": "Response time breach", "suggestion": "Hire 2 temp agents"}
    facts |= {"topic": "complaint.latency", "unit": "seconds", "kpi": 54 * HOUR, "evidence": evidence}
    return propose(**(facts | fields), now=opened)[0]


def test_it_writes_the_cost_that_the_project_counts(now, project, approver):
    project.cost = {"value": 12.0, "per_hour": 24.0, "unit": "calls", "words": "over {limit} since {since}"}
    card = cards.make_card(open_breach(now), approver, now=now)
    since = timezone.localtime(now - timedelta(minutes=30))
    assert card.cost == {
        "amount": "About 12 calls",
        "text": "so far, 24 calls more each hour at this pace: "
        f"over the limit since {writing.tell_time(since, now)}",
    }
    assert project.asked[-1]["rule"] == RULE


def test_it_tells_no_rate_of_the_cost_before_it_can_be_known(now, project, approver):
    project.cost = {"value": 12.0, "per_hour": 24.0, "unit": "", "words": "since {since}"}
    pipeline = open_breach(now)
    card = cards.make_card(pipeline, approver, now=pipeline.created_at + timedelta(minutes=5))
    assert "each hour" not in card.cost["text"]


def test_a_cost_of_nothing_is_said_in_words(now, project, approver, client):
    project.cost = {"value": 0.0, "per_hour": 0.0, "unit": "seconds", "words": "over {limit} since {since}"}
    pipeline = open_breach(now)
    since = writing.tell_time(timezone.localtime(pipeline.created_at), now)
    cost = cards.make_card(pipeline, approver, now=now).cost
    assert cost == {"amount": "Nothing yet", "text": f"counted since {since}"}
    client.force_login(approver)
    assert "<b>Nothing yet</b>counted since" in client.get("/inbox/").content.decode()


def test_what_has_just_been_opened_waits_for_no_zero_minutes(approver, client):
    propose(title="Parking", suggestion="Ask Bea")
    client.force_login(approver)
    assert ">less than a minute</b>no KPI measures it" in client.get("/inbox/").content.decode()


def test_a_cost_without_a_meaning_is_not_shown(now, project, approver, client):
    pipeline = open_breach(now)
    card = cards.make_card(pipeline, approver, now=now)
    assert (card.cost, card.no_cost) == (None, "the mean over 30 min has no cost that adds up")
    client.force_login(approver)
    for path in ("/inbox/", f"/inbox/{pipeline.pk}/"):
        assert "Cost of waiting" not in client.get(path).content.decode()


def test_it_says_what_it_was_and_what_it_is(now, project, approver):
    pipeline = open_breach(now)
    card = cards.make_card(pipeline, approver, now=now)
    assert card.opening == "Mean over 30 min: 54 h (23 points; limit 48 h)"
    project.value, project.text = 50 * HOUR, "50 h"
    assert cards.make_card(pipeline, approver, now=now).present == "Now 50 h, lower than at opening"
    project.value, project.text = 54 * HOUR, "54 h"
    assert cards.make_card(pipeline, approver, now=now).present == "Now 54 h, as at opening"
    project.value, project.text = 40 * HOUR, "40 h"
    assert cards.make_card(pipeline, approver, now=now).present == "Now 40 h, back within the limit"
    project.value = None
    assert cards.make_card(pipeline, approver, now=now).present == "Nothing is measured in its window now"


def test_frozen_and_live_panel_show_one_quantity(now, project, approver):
    pipeline = open_breach(now)
    frozen = cards.make_card(pipeline, approver, now=now).chart
    live = curves.describe_since(pipeline, now=now)
    same = ("label", "unit", "limit", "limit_label", "above")
    assert {name: frozen[name] for name in same} == {name: live[name] for name in same}
    assert (frozen["values"][-1], frozen["end"]) == (54 * HOUR, to_ms(pipeline.created_at))
    assert project.asked[-1]["rule"] == RULE
    assert (live["start"], live["mark"]) == (to_ms(now) - 60 * MINUTE, to_ms(pipeline.created_at))


def test_a_curve_of_nothing_is_said_and_not_drawn(now, project, approver, client, monkeypatch):
    pipeline = open_breach(now, evidence=NO_VALUES)
    measure = project.measure
    empty = {"curve": NO_VALUES["quantity"]["curve"]}
    monkeypatch.setattr(project, "measure", lambda *asked, **wanted: measure(*asked, **wanted) | empty)
    project.value = None
    card = cards.make_card(pipeline, approver, now=now)
    assert (card.chart, card.no_chart) == (None, "Nothing was measured in the hour before it was opened")
    client.force_login(approver)
    for path in ("/inbox/", f"/inbox/{pipeline.pk}/"):
        page = client.get(path).content.decode()
        assert "<figure" not in page and f"{card.no_chart}." in page
    assert "Nothing is measured in its window now." in page


def test_figures_that_cannot_be_read_are_said_where_it_is_decided_and_are_no_missing_kpi(
    now, project, approver, client, monkeypatch
):
    pipeline = open_breach(now)

    def be_away(*asked, **wanted):
        raise NotMeasured("Redis does not answer.")

    monkeypatch.setattr(project, "measure", be_away)
    told = "Its figures cannot be read at the moment: Redis does not answer"
    card = cards.make_card(pipeline, approver, now=now)
    assert (card.present, card.unread, card.cost, card.no_cost[1:]) == (told, told, None, told[1:])
    client.force_login(approver)
    inbox, page, since = (
        client.get(path).content.decode()
        for path in ("/inbox/", f"/inbox/{pipeline.pk}/", f"/inbox/{pipeline.pk}/since/")
    )
    assert told in inbox and since.count(told) == 1 and page.count(told) == 2
    assert page.rindex(told) > page.index('id="decision"'), "beside Approve as well"
    assert "Nothing measures this KPI" not in page + since


def test_a_proposal_that_nothing_measures_has_neither_cost_nor_chart(pipeline, approver):
    card = cards.make_card(pipeline, approver)
    assert (card.cost, card.chart, card.present) == (None, None, "")
    assert curves.describe_since(pipeline) is None


@pytest.fixture
def watched(monkeypatch):
    """How the KPI is watched today: `watched(limit=600)` changes its rule."""
    rule = {"id": 7} | RULE
    watch = {"name": "Response time", "aggregate": "mean", "window": 1800, "rules": [rule]}
    monkeypatch.setattr("pipelines_app.queries.describe_watches", lambda topics: dict.fromkeys(topics, watch))
    return rule.update


def test_a_value_is_judged_by_the_limit_of_then_and_that_of_today(now, project, watched, approver):
    pipeline = open_breach(now)
    project.value, project.text = 40 * HOUR, "40 h"
    assert cards.make_card(pipeline, approver, now=now).present == "Now 40 h, back within the limit"
    watched(limit=600)
    project.limit_text = "10 min"
    present = cards.make_card(pipeline, approver, now=now).present
    assert present == "Now 40 h, within the 48 h of then; beyond today's 10 min"
    watched(id=8)
    present = cards.make_card(pipeline, approver, now=now).present
    assert present == "Now 40 h, within the 48 h of then; no rule watches it today"


def test_what_is_measured_is_called_within_no_limit_while_nobody_judges(now, project, watched, approver):
    pipeline = open_breach(now)
    project.value, project.text = 40 * HOUR, "40 h"
    watched(unjudged_since=to_ms(now) - 60_000)
    since = writing.tell_time(now - timedelta(minutes=1), now)
    told = f"its rule has not been judged since {since}"
    assert cards.make_card(pipeline, approver, now=now).present == f"Now 40 h; {told}"
    assert curves.describe_since(pipeline, now=now)["sentence"] == f"Now 40 h; {told}"
    project.value = None
    present = cards.make_card(pipeline, approver, now=now).present
    assert present == f"Nothing is measured in its window now; {told}"


def test_nothing_is_called_now_while_figures_stand_still(now, project, watched, approver):
    pipeline = open_breach(now)
    project.value, project.text, project.behind = 40 * HOUR, "40 h", to_ms(now) - 600_000
    at = f"{writing.tell_when(now - timedelta(minutes=10), now)}, since when figures stand still"
    assert cards.make_card(pipeline, approver, now=now).present == f"40 h {at}, back within the limit"
    project.value = None
    assert cards.make_card(pipeline, approver, now=now).present == f"Nothing is measured in its window {at}"


def test_it_says_that_the_rule_behind_it_is_silenced(now, project, watched):
    pipeline = open_breach(now)
    assert curves.find_silenced(pipeline) == ""
    watched(silenced="silenced until 2026-11-24 08:00 UTC by ann: maintenance")
    assert curves.find_silenced(pipeline) == "silenced until 2026-11-24 08:00 UTC by ann: maintenance"
    watched(id=8)
    assert curves.find_silenced(pipeline) == "", "another rule is"


def test_what_somebody_says_stands_beside_what_was_measured(now, project, watched, approver):
    project.value, project.text = 8494, "8,494"
    pipeline = propose(**CLAIM, now=now)[0]
    later = now + timedelta(minutes=20)
    card = cards.make_card(pipeline, approver, now=later)
    assert card.opening == "The proposer says 88; measured then, mean over 30 min: 8,494 (30 points)"
    assert card.chart["limit"] is None and card.chart["values"][-1] == 8494
    watched(limit=8000)
    project.limit_text = "8,000"
    project.cost = {"value": 1.0, "per_hour": 3.0, "unit": "", "words": "over {limit} since {since}"}
    card = cards.make_card(pipeline, approver, now=later)
    assert card.present == "Now 8,494, as then; beyond today's limit of 8,000"
    assert "so far, 3 more each hour at this pace: over today's limit since" in card.cost["text"]
    since = curves.describe_since(pipeline, now=later)
    assert (since["values"][-1], since["mark"]) == (8494, to_ms(now))


def test_the_track_record_tells_what_became_of_like_ones(now, project, approver):
    for _ in range(2):
        pipeline = open_breach(now)
        approve(pipeline=pipeline, by=approver, version=1, now=now)
        Pipeline.objects.filter(pk=pipeline.pk).update(state="done")
    reject(pipeline=open_breach(now), by=approver, version=1, comment="no money", now=now)
    record = cards.make_card(open_breach(now), approver, now=now).record
    assert record["parts"][0][0] == "approved twice"
    assert record["sentence"] == "Besides, proposed once under this title: 1 rejected."
    assert len(record["squares"]) == 3


def test_a_decided_card_says_who_and_when(pipeline, approver, now):
    decided = reject(pipeline=pipeline, by=approver, version=1, comment="too dear")
    card = cards.make_card(decided, approver)
    assert card.verdict.startswith("Rejected by ada ")
    assert card.verdict.endswith("“too dear”")
    assert card.cost is None


def test_waiting_is_told_in_one_sentence(pipeline, approver, outsider):
    later = pipeline.created_at + timedelta(hours=1, minutes=12)
    waiting = describe_waiting(approver, now=later)
    assert waiting["sentence"] == "1 proposal waits for a decision, for 1 h 12 min"
    assert waiting["headline"] == "1 proposal waits for you"
    assert waiting["order"] == [pipeline.pk]
    assert describe_waiting(outsider, now=later)["headline"] == "1 proposal waits for a decision"


def test_what_somebody_else_must_decide_is_not_counted_as_theirs(pipeline, approver, second, outsider):
    own = propose(title="Own", suggestion="Do it", proposer=approver)[0]
    waiting = describe_waiting(approver)
    assert (waiting["count"], waiting["headline"]) == (1, "1 proposal waits for you · 1 waits for others")
    assert set(waiting["order"]) == {pipeline.pk, own.pk}
    assert waiting["sentence"].startswith("2 proposals wait for a decision, the oldest for ")
    assert describe_waiting(second)["headline"] == "2 proposals wait for you"
    nobodys = describe_waiting(outsider)
    assert (nobodys["count"], nobodys["headline"]) == (0, "2 proposals wait for a decision")
    reject(pipeline=pipeline, by=second, version=1, comment="no")
    assert describe_waiting(approver)["headline"] == "No proposal waits for you · 1 waits for others"


def test_nothing_waits_is_a_sentence_too(approver):
    waiting = describe_waiting(approver)
    assert (waiting["count"], waiting["headline"]) == (0, "No proposal waits for you")


def test_that_there_is_none_is_said_of_what_its_reader_may_see(outsider, group, admin_user, client):
    none = "No proposal that you may see waits for a decision"
    for hidden in (False, True):
        if hidden:
            secret = propose(title="Secret", suggestion="x", restricted_to=group)[0]
            reject(pipeline=secret, by=admin_user, version=1, comment="no")
            propose(title="Secret too", suggestion="x", restricted_to=group)
        waiting = describe_waiting(outsider)
        assert (waiting["sentence"], waiting["headline"]) == (none, none)
        client.force_login(outsider)
        decided = client.get("/inbox/decided/").content.decode()
        assert "</span>No proposal that you may see was decided<" in decided
        assert "Nothing that you may see has been decided yet." in decided
        assert "Nothing that you may see waits for a decision." in client.get("/inbox/").content.decode()
    Pipeline.objects.filter(state="awaiting_approval").update(state="expired")
    assert describe_waiting(admin_user)["sentence"] == "No proposal waits for a decision"


def test_without_a_project_that_formats_it_still_writes_values(settings):
    settings.PIPELINES_APP = {**settings.PIPELINES_APP, "FORMAT": ""}
    assert writing.write(187200.0, "seconds") == "187200 seconds"
    assert writing.write(None) == "—"
