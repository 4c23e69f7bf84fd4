"""Whoever edits a row by SQL is found, whatever the column; and what was edited is not believed."""

import json
from contextlib import suppress
from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, connection, models, transaction
from django.template.loader import render_to_string
from django.utils import timezone

from pipelines_app.cards.execution import describe_execution
from pipelines_app.exceptions import Tampered
from pipelines_app.models import (
    AuditEntry,
    AuditHead,
    Decision,
    Delegation,
    Effect,
    Errand,
    Pipeline,
    Policy,
    StopSwitch,
    Version,
)
from pipelines_app.services import (
    approve,
    change_suggestion,
    close,
    delegate,
    propose,
    reject,
    restrict,
    resume,
    retry,
    run_errands,
    stop,
)
from pipelines_app.services.audit import append_audit
from pipelines_app.services.verify import verify_audit
from pipelines_app.templatetags.pipelines_words import stop_banner
from tests.pipelines_app.acting import ORDERS, forget

pytestmark = pytest.mark.django_db

KEY = "it names the row for the database alone; order and links are held by other columns"
WORK = "work at hand: it says when something is tried, and not whether it may be"
# What verify_audit says of an edited column, by table; "{}" is the proposal.
NAMED = {
    Pipeline: {
        "title": "title of proposal #{} differs from its version 2",
        "suggestion": "suggestion of proposal #{} differs",
        "topic": "topic of proposal #{} differs",
        "unit": "unit of proposal #{} differs from its evidence",
        "kpi": "kpi of proposal #{} differs from its evidence",
        "severity": "severity of proposal #{} differs",
        "state": "proposal #{} is effective, but entry",
        "version": "version of proposal #{} differs",
        "quorum": "quorum of proposal #{} differs",
        "deciders_id": "deciders of proposal #{} differs",
        "escalation_id": "escalation of proposal #{} differs",
        "origin": "origin of proposal #{} differs",
        "proposer_id": "proposer of proposal #{} differs",
        "changed_by_id": "changed_by of proposal #{} differs",
        "proposer_name": "proposer_name of proposal #{} differs",
        "program": "program of proposal #{} differs",
        "rationale": "rationale of proposal #{} differs",
        "evidence_text": "the evidence of proposal #{} was changed",
        "evidence_sha256": "the evidence of proposal #{} was changed",
        "action": "action of proposal #{} differs",
        "action_params": "action_params of proposal #{} differs",
        "created_at": "created_at of proposal #{} differs",
        "restricted_to_id": "restricted_to of proposal #{} was changed",
        "reserved_for_id": "reserved_for of proposal #{} was changed",
        "audience": "audience of proposal #{} was changed",
        "due_at": "due_at of proposal #{} differs",
        "decided_at": "decided_at of proposal #{} was changed",
        "carried_out_at": "what came of proposal #{} was changed",
        "outcome": "what came of proposal #{} was changed",
        "overrun": "overrun of proposal #{} was changed",
        "latest_kpi": "latest_kpi of proposal #{} was changed",
        "latest_at": "latest_at of proposal #{} was changed",
        "latest_origin": "latest_origin of proposal #{} was changed",
        "noted": "noted of proposal #{} was changed",
    },
    Version: {
        "pipeline_id": "version 2 of proposal #{} is gone",
        "number": "version 2 of proposal #{} is gone",
        "text": "the text of version 2 of proposal #{} was changed",
        "sha256": "the text of version 2 of proposal #{} was changed",
        "created_at": "created_at of version 2 of proposal #{} was changed",
    },
    Decision: {
        "pipeline_id": "the vote of ada on proposal #{} is gone",
        "by_id": "the vote of ada on proposal #{} is gone",
        "by_name": "the vote of xda on proposal #{}",
        "instead_of_id": "the vote of ada on proposal #{} was changed",
        "instead_of_name": "the vote of ada on proposal #{} was changed",
        "vote": "the vote of ada on proposal #{} was changed",
        "comment": "the vote of ada on proposal #{} was changed",
        "version": "the vote of ada on proposal #{} is gone",
        "created_at": "the vote of ada on proposal #{} was changed",
    },
    Effect: {
        "pipeline_id": "the effect of proposal #{} is gone",
        "text": "the effect of proposal #{} was changed",
        "sha256": "the effect of proposal #{} was changed",
        "judged_at": "the effect of proposal #{} was changed",
        "closed_at": "the closing of the effect of proposal #{} was changed",
        "closed_by_id": "the closing of the effect of proposal #{} was changed",
        "closed_by_name": "the closing of the effect of proposal #{} was changed",
        "closed_reason": "the closing of the effect of proposal #{} was changed",
    },
    Errand: {
        "pipeline_id": "the errand act of proposal #{}, version 2 is gone",
        "version": "the errand act of proposal #{}, version 2 is gone",
        "kind": "the errand act of proposal #{}, version 2 is gone",
        "recipient": "the errand act of proposal #{}, version 2 is gone",
        "done_at": "the errand act of proposal #{}, version 2 was changed",
        "outcome": "the errand act of proposal #{}, version 2 was changed",
        "error": "the errand act of proposal #{}, version 2 was changed",
    },
    Policy: {
        "id": "policy #",
        "name": "name of policy “xousing” was changed",
        "rank": "rank of policy “Housing” was changed",
        "topics": "topics of policy “Housing” was changed",
        "severity": "severity of policy “Housing” was changed",
        "quorum": "quorum of policy “Housing” was changed",
        "deciders_id": "deciders of policy “Housing” was changed",
        "decide_within": "decide_within of policy “Housing” was changed",
        "escalation_id": "escalation of policy “Housing” was changed",
        "guardrails": "guardrails of policy “Housing” was changed",
        "settle_hours": "settle_hours of policy “Housing” was changed",
        "span_weeks": "span_weeks of policy “Housing” was changed",
    },
    Delegation: {
        "id": "delegation #",
        "giver_id": "giver of delegation “",
        "receiver_id": "receiver of delegation “",
        "starts_at": "starts_at of delegation “ada for bob” was changed",
        "ends_at": "ends_at of delegation “ada for bob” was changed",
        "created_at": "created_at of delegation “ada for bob” was changed",
    },
    StopSwitch: {
        "stopped": "the stop switch was turned o",
        "reason": "the reason of the stop switch was changed",
        "by_id": "who turned the stop switch was changed",
        "by_name": "who turned the stop switch was changed",
        "at": "when the stop switch was turned was changed",
    },
    AuditHead: dict.fromkeys(("seq", "hash"), "the chain should end with entry"),
    AuditEntry: {
        "seq": "entry 3 is missing",
        "previous": "entry 3 does not follow the one before it",
        "hash": "entry 3 (proposed, proposal #{}) was changed",
        "pipeline_id": "entry 3 (proposed, proposal #",
        "event": "entry 3 (xroposed, proposal #{}) was changed",
    }
    | dict.fromkeys(("at", "actor", "data_text"), "entry 3 (proposed, proposal #{}) was changed"),
}
EXEMPT = {
    Pipeline: {"id": KEY},
    # Of those that are open more is held against the chain: test_edits_of_errands.py.
    Errand: {"id": KEY}
    | dict.fromkeys(("due_at", "attempts", "claimed_until"), "it has ended: nobody does it again")
    | {"created_at": WORK},
} | {model: {"id": KEY} for model in (Version, Decision, Effect, StopSwitch, AuditHead, AuditEntry)}
# What is written where the type alone does not say it.
VALUES = {
    (Pipeline, "state"): "'effective'",
    (Pipeline, "severity"): "'info'",
    (Pipeline, "overrun"): "7",
    (Pipeline, "latest_kpi"): "7",
    (Pipeline, "action_params"): """'{"amount": 3}'""",
    (Decision, "vote"): "'reject'",
    (Policy, "severity"): "'info'",
    (Policy, "quorum"): "1",
    (Delegation, "ends_at"): "'2099-01-01 00:00:00+00:00'",
}


@pytest.fixture
def measuring(housing, approver, outsider, settings):
    """A proposal that was decided with a vote in another's place, carried out, and waits for its verdict."""
    forget()
    more = {
        "ACTIONS": {"pay": "tests.pipelines_app.acting.act"},
        "MEASUREMENTS": "tests.pipelines_app.measured",
    }
    settings.PIPELINES_APP = settings.PIPELINES_APP | more | {"TOPICS": "", "WATCH": ""}
    now, hour = timezone.now(), timedelta(hours=1)
    bob, cyd = (User.objects.get(username=name) for name in ("bob", "cyd"))
    delegate(by=bob, to=approver, starts_at=now, ends_at=now + 24 * hour)
    words = {"title": "Waiting list", "suggestion": "Open 3 flats", "topic": "housing.wait"}
    made = {"kpi": 5.0, "unit": "h", "origin": "breach:5", "proposer": outsider, "rationale": "Many wait"}
    act = {"action": "pay", "action_params": {"amount": 2}, "evidence": {"value": 5.0}}
    pipeline = propose(**words, **made, **act, now=now)[0]
    change_suggestion(pipeline=pipeline, by=outsider, version=1, suggestion="Open 2 flats", now=now)
    run_errands(now=now + 5 * hour)
    run_errands(now=now + 8 * hour)
    for person in (cyd, approver):
        pipeline = approve(pipeline=pipeline, by=person, version=2, comment="yes", now=now + 9 * hour)
    run_errands(now=now + 10 * hour)
    return Pipeline.objects.get(pk=pipeline.pk)


@pytest.fixture
def lived(measuring, admin_user):
    """The same, once it lived through everything; every table has a row."""
    pipeline, cyd = measuring, User.objects.get(username="cyd")
    run_errands(now=timezone.now() + timedelta(days=30))
    close(pipeline=pipeline, by=cyd, version=2, comment="too short")
    stop(reason="audit", by=admin_user)
    resume(reason="over", by=admin_user)
    propose(title="Other", suggestion="Act")
    return Pipeline.objects.get(pk=pipeline.pk)


def find_row(model, pipeline):
    """The row that is edited: of the proposal, where the table is of proposals."""
    rows = model.objects.order_by("pk")
    kinds = {
        Pipeline: {"pk": pipeline.pk},
        Version: {"pipeline": pipeline, "number": 2},
        Decision: {"by_name": "ada"},
        Errand: {"kind": "act"},
        AuditEntry: {"seq": 3},
    }
    return rows.filter(**kinds.get(model, {})).first()


def choose_value(model, field, row):
    """Another value for a column, as SQL."""
    if found := VALUES.get((model, field.column)):
        return found
    if field.is_relation:
        others = field.related_model.objects.exclude(pk=getattr(row, field.attname)).order_by("-pk")
        return str(others.values_list("pk", flat=True)[0])
    if isinstance(field, models.DateTimeField):
        return "'2020-01-01 00:00:00+00:00'"
    if isinstance(field, models.BooleanField):
        return f"NOT {field.column}"
    number = isinstance(field, models.IntegerField | models.FloatField)
    # As long as before: PostgreSQL counts.
    return f"{field.column} + 1000" if number else f"'x' || substr({field.column}, 2)"


def edit(model, column, value, row):
    """What somebody with a database shell does to one row."""
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {model._meta.db_table} SET {column} = {value} WHERE id = %s", [row.pk])
        assert cursor.rowcount == 1


def list_columns():
    """``(model, field)`` of every column of every table of the app."""
    return [
        (model, field)
        for model in apps.get_app_config("pipelines_app").get_models()
        for field in model._meta.concrete_fields
    ]


def test_every_column_is_either_named_when_it_is_edited_or_is_exempt_with_a_reason():
    for model, field in list_columns():
        lists = [field.column in part.get(model, {}) for part in (NAMED, EXEMPT)]
        assert sum(lists) == 1, f"{model.__name__}.{field.column}: is it to be found when it is edited?"
    assert all(reason for part in EXEMPT.values() for reason in part.values())


def test_an_edit_of_any_column_is_found_and_named(lived):
    assert (lived.state, verify_audit().faults) == ("inconclusive", [])
    missed = []
    for model, field in list_columns():
        if field.column in EXEMPT.get(model, {}):
            continue
        row = find_row(model, lived)
        with transaction.atomic():
            edit(model, field.column, choose_value(model, field, row), row)
            found = verify_audit().faults
            transaction.set_rollback(True)
        told = NAMED[model][field.column].format(lived.pk)
        if not any(told in fault for fault in found):
            missed.append((model.__name__, field.column, found))
    assert missed == [] and verify_audit().faults == []


@pytest.mark.parametrize(
    "how", [lambda data, name: data.pop(name), lambda data, name: data.update({name: []})]
)
def test_an_entry_that_says_nonsense_is_named_and_keeps_nothing_from_being_checked(lived, how, touch):
    entries = list(AuditEntry.objects.all())
    for name in sorted({name for entry in entries for name in entry.data}):
        with transaction.atomic():
            told = [entry for entry in entries if name in entry.data]
            for entry in told:
                how(data := entry.data, name)
                sql = "UPDATE pipelines_app_auditentry SET data_text = %s WHERE seq = %s"
                touch(sql, json.dumps(data), entry.seq)
            found = " ".join(verify_audit().faults)
            transaction.set_rollback(True)
        assert [entry.seq for entry in told if f"entry {entry.seq} (" not in found] == []


def test_what_is_of_no_type_of_its_column_is_named_and_breaks_nothing(lived, touch):
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite takes it")
    written = 0
    for model, field in list_columns():
        if field.primary_key or field.is_relation:
            continue
        with transaction.atomic(), suppress(IntegrityError):  # what the database itself refuses
            touch(f"UPDATE {model._meta.db_table} SET {field.column} = 'née'")
            written += 1
            faults = verify_audit().faults
            # A moment that cannot be read reads as none.
            assert faults or model is not AuditEntry, field.column
            transaction.set_rollback(True)
    assert written > 50


def test_an_entry_that_says_nonsense_where_it_said_nothing_is_named(lived, touch):
    vote = AuditEntry.objects.get(event="voted")
    assert "for" not in vote.data
    sql = "UPDATE pipelines_app_auditentry SET data_text = %s WHERE seq = %s"
    touch(sql, json.dumps(vote.data | {"for": []}), vote.seq)
    assert any(f"entry {vote.seq} (" in fault for fault in verify_audit().faults)


@pytest.mark.parametrize("model", [model for model in NAMED if model not in (AuditHead, StopSwitch)])
def test_a_row_that_was_taken_away_is_found_and_named(lived, model):
    row = find_row(model, lived)
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE id = %s", [row.pk])
        found = " ".join(verify_audit().faults)
        transaction.set_rollback(True)
    assert "is gone" in found or "entry 3 is missing" in found


@pytest.mark.parametrize("kind", ["act", "measure"])
def test_an_errand_that_nothing_led_to_is_found_and_does_nothing(acting, approver, kind):
    now = timezone.now()
    Errand.objects.create(pipeline=acting, version=1, kind=kind, due_at=now)
    name = f"the errand {kind} of proposal #{acting.pk}, version 1"
    assert verify_audit().faults == [f"{name} was made up"]
    run_errands(now=now)
    assert ORDERS == [] and Pipeline.objects.get().state == "awaiting_approval"
    assert verify_audit().faults == [f"{name} was made up"], "nor is it forgotten once it has ended"


def test_a_row_that_was_slipped_in_neither_hastens_nor_prevents_what_is_approved(acting, approver):
    now = timezone.now()
    Errand.objects.create(pipeline=acting, version=1, kind="act", due_at=now)
    run_errands(now=now)
    approved = approve(pipeline=acting, by=approver, version=1, now=now).decided_at
    Errand.objects.filter(kind="act").update(due_at=now)
    run_errands(now=approved + timedelta(seconds=9))
    assert ORDERS == [], "it may still be undone"
    run_errands(now=approved + timedelta(seconds=10))
    assert len(ORDERS) == 1 and verify_audit().faults == []


def test_an_origin_that_was_written_into_a_closed_proposal_suppresses_nothing(acting, approver, touch):
    reject(pipeline=acting, by=approver, version=1, comment="no")
    touch("UPDATE pipelines_app_pipeline SET latest_origin = 'breach:999'")
    assert verify_audit().faults == [f"latest_origin of proposal #{acting.pk} was changed"]
    other, created = propose(title="Slow", suggestion="Hire 2", origin="breach:999")
    assert created and other.pk != acting.pk


def test_an_origin_that_was_written_into_the_place_of_its_own_suppresses_nothing(acting, approver, touch):
    reject(pipeline=acting, by=approver, version=1, comment="no")
    touch("UPDATE pipelines_app_pipeline SET origin = 'breach:999'")
    told = [f"origin of proposal #{acting.pk} differs from its version 1"]
    assert verify_audit().faults == told
    other, created = propose(title="Slow", suggestion="Hire 2", origin="breach:999")
    assert created and propose(title="Slow", suggestion="Hire 2", origin="breach:999") == (other, False)
    assert verify_audit().faults == told


def test_a_repeat_is_in_the_chain_and_on_no_timeline_and_its_origin_is_known_once_all_is_over(
    acting, approver, touch
):
    words = {"title": acting.title, "suggestion": "Act", "topic": acting.topic}
    for number in (2, 2, 3):
        assert propose(**words, origin=f"breach:{number}", kpi=number)[0] == acting
    assert verify_audit().faults == []
    assert (acting.audit.filter(event="noted").count(), acting.moves.filter(event="noted").count()) == (2, 0)
    reject(pipeline=acting, by=approver, version=1, comment="no")
    assert propose(**words, origin="breach:3") == (acting, False)
    touch("UPDATE pipelines_app_auditentry SET data_text = '{}' WHERE event = 'noted'")
    assert propose(**words, origin="breach:3")[1], "an entry that was edited tells of no origin"


@pytest.mark.parametrize("kind", ["remind", "escalate"])
def test_a_deadline_that_was_put_off_or_taken_away_is_found_and_named(flat, touch, kind):
    assert verify_audit().faults == []
    name = f"the errand {kind} of proposal #{flat.pk}, version 1"
    touch("UPDATE pipelines_app_errand SET due_at = '2099-01-01 00:00:00+00:00' WHERE kind = %s", kind)
    assert verify_audit().faults == [f"{name} was put off"]
    touch("DELETE FROM pipelines_app_errand WHERE kind = %s", kind)
    assert verify_audit().faults == [f"{name} is gone"]


def test_a_verdict_or_an_execution_that_was_put_off_is_found_and_named(measuring, acting, approver, touch):
    approve(pipeline=acting, by=approver, version=1)
    assert (measuring.state, verify_audit().faults) == ("measuring", [])
    touch("UPDATE pipelines_app_errand SET due_at = '2099-01-01 00:00:00+00:00' WHERE done_at IS NULL")
    assert {fault for fault in verify_audit().faults if "act" in fault or "measure" in fault} == {
        f"the errand measure of proposal #{measuring.pk}, version 2 was put off",
        f"the errand act of proposal #{acting.pk}, version 1 was put off",
    }
    touch("UPDATE pipelines_app_errand SET error = 'away' WHERE done_at IS NULL")
    assert any("measure" in fault for fault in verify_audit().faults)


def test_the_end_of_the_chain_that_was_cut_off_is_found(lived, touch):
    seq = AuditEntry.objects.last().seq
    touch("DELETE FROM pipelines_app_auditentry WHERE seq > %s", seq - 2)
    assert f"the chain should end with entry {seq}, but ends with {seq - 2}" in verify_audit().faults


def test_entries_that_changed_places_are_found(lived, touch):
    for old, new in ((3, 9003), (4, 3), (9003, 4)):
        touch("UPDATE pipelines_app_auditentry SET seq = %s WHERE seq = %s", new, old)
    assert any(fault.startswith("entry 3 ") for fault in verify_audit().faults)


def test_a_state_that_nobody_decided_carries_nothing_out(acting, approver, touch):
    now = timezone.now()
    touch("UPDATE pipelines_app_pipeline SET state = 'approved', decided_at = created_at")
    Errand.objects.create(pipeline=acting, version=1, kind="act", due_at=now)
    run_errands(now=now)
    assert ORDERS == [] and "its state was changed" in Errand.objects.get(kind="act").outcome
    # Nor does what the refusal wrote into the chain.
    assert Pipeline.objects.get().state == "failed"
    with pytest.raises(Tampered, match="made awaiting_approval failed"):
        retry(pipeline=acting, by=approver, version=1)
    seq = AuditEntry.objects.get(event="failed").seq
    told = (
        f"entry {seq} (failed, proposal #{acting.pk}) cannot follow awaiting_approval: its state was edited"
    )
    assert any(fault.startswith(told) for fault in verify_audit().faults)


def test_a_rejection_that_was_edited_away_takes_no_approval(acting, approver, second, touch):
    reject(pipeline=acting, by=approver, version=1, comment="no")
    touch("UPDATE pipelines_app_pipeline SET state = 'awaiting_approval', decided_at = NULL")
    touch("DELETE FROM pipelines_app_decision")
    with pytest.raises(Tampered, match="its state was changed"):
        approve(pipeline=acting, by=second, version=1)


def test_a_moment_of_approval_that_was_moved_carries_nothing_out(acting, approver, touch):
    now = approve(pipeline=acting, by=approver, version=1).decided_at
    touch("UPDATE pipelines_app_pipeline SET decided_at = '2020-01-01 00:00:00+00:00'")
    run_errands(now=now + timedelta(seconds=10))
    assert ORDERS == [] and "its decided_at was changed" in Errand.objects.get(kind="act").outcome


def test_a_vote_whose_person_was_taken_off_gives_nobody_a_second_one(pair, approver, touch):
    approve(pipeline=pair, by=approver, version=1)
    touch("UPDATE pipelines_app_decision SET by_id = NULL")
    with pytest.raises(Tampered, match="the vote of ada is not in the audit chain"):
        approve(pipeline=pair, by=approver, version=1)
    assert f"the vote of ada on proposal #{pair.pk} was changed" in verify_audit().faults


def test_a_lent_seat_that_was_edited_does_not_become_two(flat, approver, touch):
    now, bob = timezone.now(), User.objects.get(username="bob")
    delegate(by=bob, to=approver, starts_at=now, ends_at=now + timedelta(days=1))
    approve(pipeline=flat, by=approver, version=1)
    touch("UPDATE pipelines_app_decision SET instead_of_id = NULL")
    with pytest.raises(Tampered, match="the vote of ada is not in the audit chain"):
        approve(pipeline=flat, by=bob, version=1)


@pytest.mark.parametrize(
    "sql", ["UPDATE pipelines_app_stopswitch SET stopped = false", "DELETE FROM pipelines_app_stopswitch"]
)
def test_a_switch_that_was_turned_back_in_the_database_lets_nothing_begin(
    acting, approver, admin_user, touch, sql
):
    now = approve(pipeline=acting, by=approver, version=1).decided_at + timedelta(seconds=10)
    stop(reason="audit", by=admin_user)
    touch(sql)
    run_errands(now=now)
    assert ORDERS == [] and "turned in the database" in Errand.objects.get(kind="act").error
    held = describe_execution(Pipeline.objects.get(), admin_user, now=now).progress
    assert held.startswith("It is held: ") and "turned in the database" in held
    banner = render_to_string("pipelines_app/_stop.html", stop_banner())
    assert "“audit”" in banner and "turned in the database" in banner
    touch("UPDATE pipelines_app_auditentry SET event = 'resumed' WHERE event = 'stopped'")
    run_errands(now=now + timedelta(seconds=5))
    assert ORDERS == []
    stop(reason="once more", by=admin_user)
    resume(reason="over", by=admin_user)
    run_errands(now=now + timedelta(seconds=10))
    assert len(ORDERS) == 1


def test_whom_a_proposal_is_restricted_to_follows_its_topic_and_the_chain_tells_it():
    first, second = (Group.objects.create(name=name) for name in ("nurses", "clerks"))
    restrict(topic="er.wait", group=first)
    assert not AuditEntry.objects.exists()  # there was nothing to restrict
    pipeline, _ = propose(title="Slow", suggestion="Hire 2", topic="er.wait")
    other, _ = propose(title="Slow", suggestion="Hire 2", topic="er.other", restricted_to=second)
    for group in (first, second, None, first):
        restrict(topic="er.wait", group=group)
        assert verify_audit().faults == []
    assert AuditEntry.objects.filter(event="restricted").count() == 4
    Pipeline.objects.update(restricted_to=None)
    assert verify_audit().faults == [
        f"restricted_to of proposal #{pipeline.pk} was changed",
        f"restricted_to of proposal #{other.pk} was changed",
    ]


def test_a_proposal_whose_entry_is_older_than_that_is_held_against_what_came_since(monkeypatch):
    said = {}

    def say_less(*, data, **entry):
        said.update(data)
        return append_audit(data={name: data[name] for name in data if name != "restricted_to"}, **entry)

    with monkeypatch.context() as before:
        before.setattr(import_module("pipelines_app.services.propose"), "append_audit", say_less)
        pipeline, _ = propose(title="Slow", suggestion="Hire 2", topic="er.wait")
    group = Group.objects.create(name="nurses")
    assert "restricted_to" in said
    Pipeline.objects.update(restricted_to=group)
    assert verify_audit().faults == []
    restrict(topic="er.wait", group=None)
    Pipeline.objects.update(restricted_to=group)
    assert verify_audit().faults == [f"restricted_to of proposal #{pipeline.pk} was changed"]
