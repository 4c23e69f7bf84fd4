"""No, unless: a rejection waits for a value until an end, and nothing is proposed in its place."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.utils import timezone

from pipelines_app.cards.cards import make_card
from pipelines_app.exceptions import AlreadyDecided, BadInput, NotAllowed, NotMeasured
from pipelines_app.models import AuditEntry, Errand, Pipeline
from pipelines_app.queries.unless import find_acting
from pipelines_app.services import approve, change_suggestion, plans, propose, reject, run_errands, withdraw
from pipelines_app.services.errands import watch
from pipelines_app.services.verify import verify_audit
from tests.pipelines_app.waiting import KPI, TITLE, TOPIC, forget, open_breach

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 2, 1, 10, tzinfo=UTC)
UNTIL = {"value": "60 h", "until": "2026-03-03"}
LATER, OVER = NOW + timedelta(days=2), datetime(2026, 3, 4, tzinfo=UTC)


@pytest.fixture(autouse=True)
def project(settings):
    forget()
    more = {"MEASUREMENTS": "tests.pipelines_app.waiting", "FORMAT": "", "WATCH": "", "TOPICS": ""}
    settings.PIPELINES_APP = settings.PIPELINES_APP | more
    settings.TIME_ZONE = "UTC"


@pytest.fixture
def breach():
    """A proposal that a rule has opened: 54 h, above 48 h."""
    return open_breach(now=NOW)[0]


@pytest.fixture
def refused(breach, approver):
    """The same, rejected unless above 60 h, until 3 March."""
    return reject(pipeline=breach, by=approver, version=1, comment="wait", unless=UNTIL, now=NOW)


def names(pipeline):
    return list(pipeline.moves.values_list("event", flat=True))


def test_until_it_fires_its_title_proposes_nothing_however_severe(refused):
    for number, severity in enumerate(("info", "critical"), 2):
        again, created = open_breach(number, severity=severity, now=LATER)
        assert (again.pk, created, again.noted) == (refused.pk, False, number - 1)
    assert open_breach(3, now=LATER)[0].noted == 2, "the same message changes nothing"
    assert open_breach(4, title="Another", now=LATER)[1]
    assert Pipeline.objects.filter(title=TITLE).count() == 1


def test_when_it_fires_it_waits_again_as_a_new_version_with_its_history(refused, approver, second):
    run_errands(now=LATER)
    assert Errand.objects.get(kind="watch").error == "not yet: 54 h"
    KPI["value"] = 61.0
    moment = LATER + timedelta(minutes=1)
    run_errands(now=moment)
    back = Pipeline.objects.get()
    assert (back.state, back.version, back.decided_at) == ("awaiting_approval", 2, None)
    assert (back.due_at, back.latest_kpi) == (moment + timedelta(days=1), 61.0)
    assert names(back) == ["proposed", "rejected", "reopened"]
    frozen = json.loads(back.versions.get(number=2).text)["reopened"]
    assert (frozen["by"], frozen["comment"], frozen["text"]) == ("ada", "wait", "61 h")
    told = make_card(back, second, now=moment).reopened
    rejected = "Rejected by ada on 1 Feb at 10:00 UTC unless above 60 h, until 3 March 2026: “wait” Now"
    assert told.startswith(rejected)
    assert told.endswith("Now it has come: mean over 30 min 61 h at 10:01 UTC.")
    kinds = Errand.objects.filter(version=2, done_at=None).values_list("kind", "due_at")
    assert ("remind", moment + timedelta(hours=12)) in kinds
    assert approve(pipeline=back, by=approver, version=2, now=moment).state == "approved"
    assert verify_audit().faults == []


def test_those_who_may_decide_are_mailed_with_its_history(refused, second):
    second.email = "bea@example.org"
    second.save()
    KPI["value"] = 61.0
    run_errands(now=LATER)
    run_errands(now=LATER)
    [sent] = mail.outbox
    assert sent.subject == f"{TITLE}: waits for your decision again: what its rejection waited for has come"
    assert (
        "Rejected by ada on 1 Feb 2026, 10:00 UTC unless above 60 h, until 3 March 2026: “wait”" in sent.body
    )


def test_it_fires_once_and_its_version_is_changed_with_its_history(refused, approver, second):
    KPI["value"] = 61.0
    for _ in range(3):
        run_errands(now=LATER)
    back = Pipeline.objects.get()
    assert names(back).count("reopened") == 1 and back.version == 2
    changed = change_suggestion(pipeline=back, by=second, version=2, suggestion="Hire 1", now=LATER)
    assert make_card(changed, approver, now=LATER).reopened.startswith("Rejected by ada")
    again = {"value": 70, "until": "2026-03-03"}
    reject(pipeline=changed, by=approver, version=3, comment="wait", unless=again, now=LATER)
    assert not open_breach(5, now=LATER)[1]
    assert verify_audit().faults == []


def test_the_next_card_tells_what_was_rejected_and_not_what_became_of_it_since(refused, approver, second):
    KPI["value"] = 61.0
    run_errands(now=LATER)
    changed = change_suggestion(
        pipeline=Pipeline.objects.get(), by=second, version=2, suggestion="Hire 1", now=LATER
    )
    withdraw(pipeline=changed, by=second, version=3, comment="no need", now=LATER)
    told = make_card(open_breach(6, suggestion="Hire 1", now=LATER)[0], approver, now=LATER).rejected
    assert (told.comment, told.suggestion) == ("wait", "Hire 2 temp agents")


def test_at_its_end_by_the_clock_nothing_fires_and_proposing_is_free(refused):
    late = OVER - timedelta(seconds=1)
    run_errands(now=late)
    assert not open_breach(2, now=late)[1]
    KPI["value"] = 99.0
    fresh, created = open_breach(3, now=OVER)
    assert created and fresh.version == 1
    run_errands(now=OVER)
    refused.refresh_from_db()
    assert (refused.state, names(refused)[-1]) == ("rejected", "watch ended")
    assert Errand.objects.get(kind="watch").outcome == "ended: its time is over"
    assert verify_audit().faults == []


def test_withdrawn_by_who_decides_it_waits_for_nothing(settings, outsider, approver, second):
    mine, _ = open_breach(now=NOW, proposer=outsider)
    told = {"version": 1, "comment": "no longer"}
    reject(pipeline=mine, by=approver, version=1, comment="wait", unless=UNTIL, now=NOW)
    with pytest.raises(NotAllowed):
        withdraw(pipeline=mine, by=outsider, now=LATER, **told)
    assert withdraw(pipeline=mine, by=second, now=LATER, **told).state == "withdrawn"
    assert open_breach(2, now=LATER)[1]
    run_errands(now=LATER)
    assert Errand.objects.get(kind="watch").outcome == "not done: the proposal is withdrawn"
    assert verify_audit().faults == []


def test_what_was_rejected_for_good_is_not_withdrawn(breach, approver, second):
    reject(pipeline=breach, by=approver, version=1, comment="no", now=NOW)
    with pytest.raises(AlreadyDecided, match="ada rejected"):
        withdraw(pipeline=breach, by=second, version=1, comment="no", now=NOW)
    assert open_breach(2, now=NOW)[1]


@pytest.mark.parametrize(
    ("given", "field", "told"),
    [
        ({"value": "50 h"}, "unless.value", "value is 50 h, no worse than the 54 h that it was opened with"),
        ({"value": 54}, "unless.value", "expected a value above 54 h"),
        ({"value": "much"}, "unless.value", "'much' is not a value: expected such as 60 h"),
        ({"value": 1e308}, "unless.value", r"value is 1e\+308, more than 1,000 times 54 h, the largest of"),
        ({"value": 54_001}, "unless.value", "expected one that can come"),
        ({"value": None}, "unless.value", "value must be a number or a text such as '60 h', not null"),
        ({"value": True}, "unless.value", "value must be a number or a text such as '60 h', not true"),
        ({"until": "2026-01-31"}, "unless.until", "expected a day from 2026-02-01 to 2027-02-01"),
        ({"until": "2027-02-02"}, "unless.until", "until is 2027-02-02: expected a day from"),
        ({"until": "2026-02-01T10:00:00+00:00"}, "unless.until", "or a moment in that time"),
    ],
)
def test_a_value_that_is_not_worse_and_an_end_that_is_none_are_refused(breach, approver, given, field, told):
    with pytest.raises(BadInput, match=told) as wrong:
        reject(pipeline=breach, by=approver, version=1, comment="no", unless=UNTIL | given, now=NOW)
    assert wrong.value.errors[0]["field"] == field
    breach.refresh_from_db()
    assert breach.is_open and not Errand.objects.filter(kind="watch").exists()


def test_a_value_that_has_come_already_is_refused_and_nothing_waits_for_what_cannot_be_read(breach, approver):
    KPI["value"] = 61.0
    with pytest.raises(BadInput, match="value is 60 h, and it is 61 h now"):
        reject(pipeline=breach, by=approver, version=1, comment="no", unless=UNTIL, now=NOW)
    KPI["away"] = True
    with pytest.raises(NotMeasured, match=f"{TOPIC} cannot be read right now"):
        reject(pipeline=breach, by=approver, version=1, comment="no", unless=UNTIL, now=NOW)


def test_without_a_kpi_or_a_rule_it_is_not_offered_and_refused_in_words(approver, breach, settings):
    none = propose(title="Plant trees", suggestion="Plant 5")[0]
    ruleless = propose(title="Plant trees", suggestion="Plant 5", topic=TOPIC)[0]
    for pipeline, why in ((none, "no KPI measures"), (ruleless, "no rule judged the KPI")):
        assert make_card(pipeline, approver).offer is None
        with pytest.raises(BadInput, match=why) as wrong:
            reject(pipeline=pipeline, by=approver, version=1, comment="no", unless=UNTIL)
        assert wrong.value.errors[0]["field"] == "unless"
    assert make_card(breach, approver, now=NOW).offer["asks"] == "mean over 30 min is above"
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"MEASUREMENTS": ""}
    assert make_card(breach, approver, now=NOW).offer is None


def test_whoever_may_not_decide_learns_that_before_anything_else(breach, outsider):
    with pytest.raises(NotAllowed):
        reject(pipeline=breach, by=outsider, version=1, comment="no", unless=UNTIL | {"value": 1}, now=NOW)


def test_the_card_says_what_is_waited_for_and_what_it_is_now(refused, approver, outsider):
    card = make_card(refused, approver, now=LATER)
    said = "Rejected by ada unless above 60 h, until 3 March 2026; now 54 h. On 1 Feb at 10:00 UTC: “wait”"
    assert card.verdict == said
    assert card.execution.progress.startswith("It waits for a decision again once the mean over 30 min is")
    assert card.execution.steps == ("withdraw",)
    assert make_card(refused, outsider, now=LATER).execution.steps == ()
    assert "no longer waited for" in make_card(refused, approver, now=OVER).verdict


def test_without_a_reader_of_texts_only_numbers_are_understood(breach, approver, monkeypatch):
    monkeypatch.delattr("tests.pipelines_app.waiting.read_value")
    said = {"pipeline": breach, "by": approver, "version": 1, "comment": "wait", "now": NOW}
    with pytest.raises(BadInput, match="value is '60 h': expected a number such as 60") as caught:
        reject(unless=UNTIL, **said)
    assert caught.value.errors[0]["field"] == "unless.value"
    assert reject(unless=UNTIL | {"value": " 60 "}, **said).state == "rejected"


def test_a_reopening_that_fails_is_tried_again_after_longer_and_longer(refused, monkeypatch):
    def fail(*args):
        raise RuntimeError("no plan")

    KPI["value"] = 61.0
    moment, waits = LATER, []
    with monkeypatch.context() as patch:
        patch.setattr(watch, "plan_again", fail)
        for _ in range(3):
            run_errands(now=moment)
            errand = Errand.objects.get(kind="watch", done_at=None)
            waits.append((errand.due_at - moment).total_seconds())
            moment = errand.due_at
    assert (waits, errand.error) == ([5, 15, 60], "no plan")
    run_errands(now=moment)
    assert Pipeline.objects.get().state == "awaiting_approval"


def test_a_project_that_is_away_is_asked_again_until_it_answers(refused):
    KPI["away"] = True
    for minute in range(20):
        run_errands(now=LATER + timedelta(minutes=minute))
    errand = Errand.objects.get(kind="watch")
    assert (errand.error, errand.attempts) == ("it cannot be read: no answer", 0)
    KPI.update(away=False, value=61.0)
    run_errands(now=LATER + timedelta(minutes=20))
    assert Pipeline.objects.get().is_open


def test_a_watch_that_meets_another_open_proposal_ends_and_says_so(refused):
    # By a database shell, or a project without the constraint's help: nobody else opens one.
    open_breach(9, title="Other", now=LATER)
    Pipeline.objects.filter(title="Other").update(title=TITLE)
    KPI["value"] = 61.0
    run_errands(now=LATER)
    assert Errand.objects.get(kind="watch").outcome == "ended: another proposal of its title is open"
    refused.refresh_from_db()
    assert refused.state == "rejected" and find_acting(refused, now=LATER) is None


def test_an_edit_of_what_is_waited_for_is_named_and_fires_nothing(refused, touch):
    entry = AuditEntry.objects.get(event="rejected")
    touch(
        "UPDATE pipelines_app_auditentry SET data_text = %s WHERE id = %s",
        entry.data_text.replace('"value":60.0', '"value":50.0').replace('"limit":60.0', '"limit":50.0'),
        entry.pk,
    )
    assert f"entry {entry.seq} (rejected, proposal #{refused.pk}) was changed" in verify_audit().faults
    run_errands(now=LATER)
    assert Pipeline.objects.get().state == "rejected"
    assert Errand.objects.get(kind="watch").outcome.endswith("is not as it was frozen")
    assert open_breach(2, now=LATER)[1], "what was slipped in silences nobody"


def test_a_watch_that_was_taken_away_or_put_off_is_named(approver, touch):
    breach, _ = open_breach()
    unless = {"value": 60, "until": timezone.now() + timedelta(days=30)}
    reject(pipeline=breach, by=approver, version=1, comment="no", unless=unless)
    assert verify_audit().faults == []
    touch("UPDATE pipelines_app_errand SET due_at = %s WHERE kind = 'watch'", "2099-01-01 00:00:00+00:00")
    assert verify_audit().faults == [f"the watch of proposal #{breach.pk} was put off beyond its end"]
    touch("DELETE FROM pipelines_app_errand WHERE kind = 'watch'")
    assert verify_audit().faults == [f"the watch of proposal #{breach.pk} is gone"]
    entry = AuditEntry.objects.get(event="rejected")
    without_offset = entry.data | {"unless": entry.data["unless"] | {"until": "2099-03-03"}}
    touch(
        "UPDATE pipelines_app_auditentry SET data_text = %s WHERE id = %s",
        json.dumps(without_offset),
        entry.pk,
    )
    assert f"entry {entry.seq} (rejected, proposal #{breach.pk}) was changed" in verify_audit().faults


def test_its_plan_of_measuring_is_made_anew_by_the_same_clock_for_the_same_guardrails(breach, monkeypatch):
    asked = []

    def plan(topic, rule, fired_at, hours, *, beside=""):
        asked.append((topic, fired_at, hours, beside))
        return {"reason": "", "measure": None, "plan": {"fired_at": fired_at}}

    monkeypatch.setattr(plans, "plan_kpi", plan)
    hours = {"settle": 24, "span": 336}
    frozen = {"reason": "", "plan": hours | {"fired_at": 1}, "guardrails": [{"topic": "complaint.open"}]}
    again = plans.plan_again(breach, frozen, 2)
    assert asked == [("complaint.open", 2, hours, TOPIC), (TOPIC, 2, hours, "")]
    assert (again["plan"]["fired_at"], again["guardrails"][0]["topic"]) == (2, "complaint.open")
    unplanned = {"reason": "no_kpi", "plan": None}
    assert plans.plan_again(breach, unplanned, 2) is unplanned
