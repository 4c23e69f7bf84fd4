"""Guardrails: what an action must not harm is judged beside what it was meant to mend, by the same code."""

import csv
import json

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.management import call_command

from hms_gov.joins import measurements
from metrics_app.models import Kpi
from metrics_app.registry import forget, get_kpi
from pipelines_app.cards.execution import describe_execution
from pipelines_app.core import measuring
from pipelines_app.models import AuditEntry, Effect, Policy
from pipelines_app.queries import find_plan
from pipelines_app.services import approve, propose, run_errands
from pipelines_app.services.records import save_record
from pipelines_app.services.verify import verify_audit
from tests.hms_gov.joins.measured import DAY_MS, at, carry_out, find_due, judge, load, seed
from tests.metrics_app.watching import TOPIC

pytestmark = pytest.mark.django_db
OPEN, OLDEST = "complaint.open", "complaint.oldest_age"
DAYS = 210  # of history: fewer rows, and just enough to judge


def find_guardrails(pipeline):
    """The frozen plans of a proposal's guardrails, by topic."""
    return {one["topic"]: one for one in find_plan(pipeline)["guardrails"]}


def add_policy(by, **fields):
    return save_record(Policy(**{"name": "Answers", "topics": "complaint.*"} | fields), by=by)


def test_what_a_success_harmed_is_said_beside_it_on_every_door(approver, client, capsys):
    fired = seed(factor=0.7, noise=0.02, days=DAYS)
    seed(topic=OPEN, factor=1.4, noise=0.02, days=DAYS, seed=2)
    pipeline = carry_out(fired, approver)
    planned = find_guardrails(pipeline)
    assert list(planned) == [OPEN, OLDEST] and planned[OLDEST]["reason"] == measuring.NO_KPI
    assert 0 < planned[OPEN]["plan"]["half_width_percent"] < 20
    judged = judge(pipeline)
    # Never averaged: the verdict is that of the KPI, the harm stands beside it.
    assert judged.state == "effective"
    told = json.loads(Effect.objects.get().text)["guardrails"]
    assert [(one["topic"], one["reason"]) for one in told] == [(OPEN, ""), (OLDEST, measuring.NO_KPI)]
    assert told[0]["effect"]["verdict"] == "harmful" and told[0]["effect"]["percent"] > 30
    progress = describe_execution(judged, approver).progress
    assert "It was effective" in progress and f"it did harm beside it. {OPEN}: " in progress
    client.force_login(approver)
    page = client.get(f"/inbox/{judged.pk}/").content.decode()
    assert f"What came of it: effective, with harm to {OPEN}" in page
    assert f"{OLDEST}: not judged, nothing measures its KPI." in page
    text = client.get(f"/inbox/{judged.pk}/effect.csv").content.decode()
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["kpi"] for row in rows] == [TOPIC] * 35 + [OPEN] * 35
    whole = [row for row in rows if row["part"] == "judged"]
    assert [row["verdict"] for row in whole] == ["effective"] * 7 + ["harmful"] * 7
    assert float(whole[-1]["percent"]) == told[0]["effect"]["percent"]
    shown = client.get(f"/api/v1/pipelines/{judged.pk}/").json()["effect"]["guardrails"]
    assert [(one["topic"], one["verdict"]) for one in shown] == [(OPEN, "harmful"), (OLDEST, "")]
    call_command("export_audit", "--proposal", f"{judged.pk}")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [entry] = [line for line in lines if line["effect_text"]]
    assert entry["event"] == "judged" and entry["effect_text"] == Effect.objects.get().text
    assert json.loads(entry["data"])["guardrails"] == [
        {"topic": OPEN, "verdict": "harmful", "reason": ""},
        {"topic": OLDEST, "verdict": "", "reason": "no_kpi"},
    ]
    assert verify_audit().faults == []
    edited = Effect.objects.get().text.replace('"verdict":"harmful"', '"verdict":"ineffective"')
    Effect.objects.update(text=edited)
    assert verify_audit().faults == [f"the effect of proposal #{judged.pk} was changed"]


def test_what_was_not_harmed_is_said_too_and_before_anybody_decides_what_could_be_seen(approver):
    fired = seed(factor=0.7, noise=0.02, days=DAYS)
    seed(topic=OPEN, noise=0.3, days=DAYS, seed=2)
    pipeline = propose(title="Slow", suggestion="Hire 2", topic=TOPIC, now=at(fired))[0]
    percent = find_guardrails(pipeline)[OPEN]["plan"]["harmful_percent"]
    follows = describe_execution(pipeline, approver, now=at(fired)).follows
    assert f"Judged beside it: {OPEN} (harm from +{percent:.0f} % on would show), " in follows
    assert f"{OLDEST} (not at all: nothing measures its KPI)." in follows
    judged = judge(carry_out(fired, approver, title="Slower"))
    [told, _] = json.loads(Effect.objects.get(pipeline=judged).text)["guardrails"]
    assert told["effect"]["verdict"] in ("ineffective", "inconclusive")
    assert "harm" not in describe_execution(judged, approver).progress


def test_a_guardrail_that_cannot_be_read_is_tried_again_and_judged_once(approver, monkeypatch):
    fired = seed(factor=0.7, days=DAYS)
    seed(topic=OPEN, days=DAYS)
    pipeline = carry_out(fired, approver)
    due, read_hours = find_due(pipeline), measurements.hours

    def read(topic, start, end):
        if topic == OPEN:
            raise OSError("its shard is away")
        return read_hours(topic, start, end)

    with monkeypatch.context() as patch:
        patch.setattr(measurements, "hours", read)
        run_errands(now=due)
        errand = pipeline.errands.get(kind="measure")
        assert (load(pipeline).state, errand.error) == ("measuring", "its shard is away")
        assert not Effect.objects.exists() and errand.done_at is None
    assert judge(pipeline).state == "effective"
    assert AuditEntry.objects.filter(event="judged").count() == 1


def test_what_an_earlier_proposal_moved_is_not_taken_for_the_guardrails_own_course(approver):
    fired = seed(factor=0.7, days=DAYS)
    seed(topic=OPEN, days=DAYS)
    pipeline = carry_out(fired, approver)
    carry_out(fired + 3 * DAY_MS, approver, title="Other")
    judge(pipeline)
    [told, _] = json.loads(Effect.objects.get(pipeline=pipeline).text)["guardrails"]
    assert len(told["effect"]["together"]) == 1


def test_a_policy_says_how_long_is_waited_and_judged_and_the_approver_reads_it(approver):
    fired = seed(factor=0.7, days=DAYS)
    Kpi.objects.create(topic="er.wait")
    policy = add_policy(approver, settle_hours=48, span_weeks=2, guardrails=f"er.wait, er.wait {TOPIC}")
    assert policy.guardrails == f"er.wait {TOPIC}"
    pipeline = propose(title="Slow", suggestion="Hire 2", topic=TOPIC, now=at(fired))[0]
    plan = find_plan(pipeline)["plan"]
    assert (plan["settle"], plan["span"]) == (48, 14 * 24)
    # What a proposal is about is no guardrail of itself.
    assert list(find_guardrails(pipeline)) == ["er.wait", OPEN, OLDEST]
    due = at(fired + 16 * DAY_MS + 15 * 60_000)
    follows = describe_execution(pipeline, approver, now=at(fired)).follows
    assert f"Its effect is judged on {due.day} {due:%B}" in follows and "in 14 days a change under" in follows
    approve(pipeline=pipeline, by=approver, version=1, now=at(fired))
    done = carry_out(fired, approver, title="Slower")
    assert find_due(done) == due
    judged = json.loads(Effect.objects.get(pipeline=judge(done)).text)["effect"]
    assert judged["judged_to"] - judged["judged_from"] == 14 * DAY_MS
    assert verify_audit().faults == []


@pytest.mark.parametrize(
    ("guardrails", "told"),
    [
        ("no.such", "no.such is no KPI of this project"),
        ("er.side", "Nobody has said which way er.side is better"),
        ("Not A Topic", "is not a topic"),
        ("a.a a.b a.c a.d a.e a.f", "6 guardrails are named, at most 5 are judged"),
    ],
)
def test_a_policy_names_only_what_can_be_judged(approver, guardrails, told):
    Kpi.objects.create(topic="er.side", direction=Kpi.Direction.NONE)
    forget()
    with pytest.raises(ValidationError) as refused:
        add_policy(approver, guardrails=guardrails)
    assert told in str(refused.value.message_dict["guardrails"]) and not Policy.objects.exists()


@pytest.mark.parametrize(
    "fields", [{"settle_hours": 673}, {"settle_hours": -1}, {"span_weeks": 0}, {"span_weeks": 5}]
)
def test_a_policy_that_could_judge_nothing_is_refused(approver, fields):
    with pytest.raises(ValidationError) as refused:
        add_policy(approver, **fields)
    assert list(refused.value.message_dict) == list(fields)


def test_a_guardrail_of_another_group_tells_nobody_its_values(approver):
    fired = seed(factor=0.7, days=DAYS)
    seed(topic=OPEN, days=DAYS)
    # Another process restricts it: this one remembers it as open.
    assert not get_kpi(OPEN).restricted
    Kpi.objects.filter(topic=OPEN).update(restricted=True, owner=Group.objects.create(name="board"))
    hidden = propose(title="Other", suggestion="x", topic=TOPIC, now=at(fired))[0]
    assert find_guardrails(hidden)[OPEN] == {
        "topic": OPEN,
        "reason": "hidden",
        "measure": None,
        "plan": None,
    }
    Kpi.objects.filter(topic=OPEN).update(restricted=False)
    forget()
    pipeline = carry_out(fired, approver)
    Kpi.objects.filter(topic=OPEN).update(restricted=True)
    forget()
    judge(pipeline)
    [told, _] = json.loads(Effect.objects.get(pipeline=pipeline).text)["guardrails"]
    assert (told["reason"], told["effect"], told["days"]) == ("hidden", None, None)
