"""Versions: what was frozen decides, whatever somebody writes into the columns."""

import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User

from pipelines_app import queries
from pipelines_app.core.chain import digest
from pipelines_app.exceptions import AlreadyDecided, NotAllowed, Tampered
from pipelines_app.models import Pipeline, Version
from pipelines_app.services import approve, change_suggestion, expire, propose, reject, withdraw
from pipelines_app.services.verify import verify_audit

pytestmark = pytest.mark.django_db

COLUMN_EDITS = {
    "suggestion": "'Hire 20 temp agents'",
    "title": "'Nothing to see'",
    "topic": "'er.wait'",
    "severity": "'info'",
    "action": "'wire_money'",
    "action_params": """'{"amount": 2}'""",
    "quorum": "1",
    "origin": "'breach:7'",
    "proposer_name": "'nobody'",
    "version": "2",
    "evidence_sha256": "'00'",
    "created_at": "'2020-01-01 00:00:00+00:00'",
    "due_at": "'2099-01-01 00:00:00+00:00'",
}


@pytest.fixture
def acting(settings):
    """An open proposal with an action that needs two approvals."""
    more = {"QUORUM": 2, "ACTIONS": {"pay": "tests.pipelines_app.acting.act"}}
    settings.PIPELINES_APP = settings.PIPELINES_APP | more
    return propose(
        title="Slow", suggestion="Hire 2", action="pay", action_params={"amount": 1e22, "on": True}
    )[0]


def edit(touch, column, value):
    """An edit of one column of the only proposal."""
    touch(f"UPDATE pipelines_app_pipeline SET {column} = {value}")


def test_a_proposal_has_one_text_whose_hash_is_in_the_chain(acting):
    version = Version.objects.get()
    said = json.loads(version.text)
    assert (said["suggestion"], said["quorum"], said["action"]) == ("Hire 2", 2, "pay")
    assert said["due_at"] == acting.due_at.isoformat()
    entry = acting.audit.get()
    assert entry.data["version_sha256"] == version.sha256 == digest(version.text)
    assert verify_audit().faults == []


def test_a_change_makes_a_second_text(acting, approver):
    change_suggestion(pipeline=acting, by=approver, version=1, suggestion="Hire 1")
    first, second = Version.objects.all()
    assert [json.loads(row.text)["suggestion"] for row in (first, second)] == ["Hire 2", "Hire 1"]
    assert json.loads(second.text)["changed_by_id"] == approver.pk
    assert acting.audit.last().data["version_sha256"] == second.sha256
    assert verify_audit().faults == []


@pytest.mark.parametrize("column", COLUMN_EDITS)
def test_an_edited_column_is_named_and_lets_no_approval_pass(acting, approver, touch, column):
    edit(touch, column, COLUMN_EDITS[column])
    assert f"{column} of proposal #{acting.pk} differs from its version 1" in verify_audit().faults
    seen = Pipeline.objects.get().version
    with pytest.raises((Tampered, NotAllowed), match="verify_audit"):
        approve(pipeline=acting, by=approver, version=seen)
    with pytest.raises(Tampered):
        change_suggestion(pipeline=acting, by=approver, version=seen, suggestion="Hire 1")
    assert Pipeline.objects.get().state == "awaiting_approval" and not acting.decisions.exists()


def test_an_edited_parameter_is_found_where_true_became_1(acting, touch):
    edit(touch, "action_params", """'{"amount": 10000000000000000000000, "on": 1}'""")
    assert verify_audit().faults == [f"action_params of proposal #{acting.pk} differs from its version 1"]


def test_an_edited_quorum_does_not_let_the_last_missing_vote_be_saved(acting, approver, second, touch):
    approve(pipeline=acting, by=approver, version=1)
    edit(touch, "quorum", "1")
    with pytest.raises(Tampered, match="its quorum was changed"):
        approve(pipeline=acting, by=second, version=1)
    edit(touch, "quorum", "2")
    assert approve(pipeline=acting, by=second, version=1).state == "approved"


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        (
            """UPDATE pipelines_app_version SET text = REPLACE(text, '"quorum":2', '"quorum":1')""",
            "the text of version 1 of proposal #{} was changed",
        ),
        (
            "UPDATE pipelines_app_version SET sha256 = '00'",
            "the text of version 1 of proposal #{} was changed",
        ),
        ("DELETE FROM pipelines_app_version", "version 1 of proposal #{} is gone"),
        ("UPDATE pipelines_app_version SET number = 5", "version 5 of proposal #{} is not in the chain"),
    ],
)
def test_an_edited_text_is_named_and_lets_no_approval_pass(acting, approver, touch, sql, fault):
    touch(sql)
    assert fault.format(acting.pk) in verify_audit().faults
    with pytest.raises(Tampered):
        approve(pipeline=acting, by=approver, version=1)


def test_a_text_that_was_changed_together_with_its_hash_is_found(acting, approver, touch):
    text = Version.objects.get().text.replace('"quorum":2', '"quorum":1')
    touch("UPDATE pipelines_app_version SET text = %s, sha256 = %s", text, digest(text))
    edit(touch, "quorum", "1")
    assert verify_audit().faults == [f"the text of version 1 of proposal #{acting.pk} was changed"]
    with pytest.raises(Tampered):
        approve(pipeline=acting, by=approver, version=1)


def test_what_was_touched_can_still_be_rejected_or_withdrawn(acting, approver, touch):
    other = propose(title="Other", suggestion="Act")[0]
    touch("UPDATE pipelines_app_version SET text = '{}'")
    assert reject(pipeline=acting, by=approver, version=1, comment="touched").state == "rejected"
    assert withdraw(pipeline=other, by=approver, version=1, comment="touched").state == "withdrawn"


def test_an_edited_proposer_gains_no_vote(approver, touch):
    own = propose(title="Mine", suggestion="Act", proposer=approver)[0]
    touch("UPDATE pipelines_app_pipeline SET proposer_id = NULL")
    assert f"proposer of proposal #{own.pk} differs from its version 1" in verify_audit().faults
    with pytest.raises(NotAllowed, match="proposed this yourself"):
        approve(pipeline=own, by=approver, version=1)


def test_an_account_that_was_deleted_is_no_edit(outsider, approver):
    own = propose(title="Mine", suggestion="Act", proposer=outsider)[0]
    outsider.delete()
    assert verify_audit().faults == []
    assert approve(pipeline=own, by=approver, version=1).state == "approved"


def test_what_was_frozen_is_read_without_a_look_at_the_people_it_names(outsider, django_assert_num_queries):
    propose(title="Slow", suggestion="Hire 2", proposer=outsider)
    number = outsider.pk
    outsider.delete()
    [row] = queries.attach_versions(Pipeline.objects.all())
    with django_assert_num_queries(0):
        assert queries.peek_version(row)["proposer_id"] == number
    assert queries.tell_tampering(row) == ""


def test_the_frozen_deadline_counts_whatever_the_column_says(pipeline, approver, touch):
    due = pipeline.due_at
    edit(touch, "due_at", "'2020-01-01 00:00:00+00:00'")
    assert expire(now=due - timedelta(seconds=1)) == 0
    edit(touch, "due_at", "'2099-01-01 00:00:00+00:00'")
    with pytest.raises(AlreadyDecided, match="it is expired"):
        approve(pipeline=pipeline, by=approver, version=1, now=due)


def test_votes_that_could_not_have_led_to_the_state_are_named(acting, approver, second, touch):
    approve(pipeline=acting, by=approver, version=1)
    approve(pipeline=acting, by=second, version=1)
    touch("DELETE FROM pipelines_app_auditentry WHERE event = 'voted'")
    told = f"proposal #{acting.pk} was approved with 1 of the 2 votes that its version 1 asks for"
    assert told in verify_audit().faults


def test_an_inbox_reads_the_texts_of_all_at_once(acting, approver, django_assert_num_queries):
    for number in range(3):
        propose(title=f"Other {number}", suggestion="Act")
    waiting = queries.list_inbox(Pipeline.objects.all())
    with django_assert_num_queries(0):
        assert [queries.peek_version(row)["quorum"] for row in waiting] == [2, 2, 2, 2]


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        (
            "INSERT INTO pipelines_app_decision (pipeline_id, by_id, by_name, instead_of_name, vote, "
            "comment, version, created_at) SELECT id, {second}, 'bea', '', 'approve', '', 1, created_at "
            "FROM pipelines_app_pipeline",
            "the vote of bea is not in the audit chain",
        ),
        ("UPDATE pipelines_app_decision SET by_id = {second}", "the vote of .* is not in the audit chain"),
        ("UPDATE pipelines_app_decision SET by_name = 'x'", "the vote of x is not in the audit chain"),
        ("DELETE FROM pipelines_app_decision", "the vote of ada is gone"),
    ],
)
def test_a_vote_that_nobody_cast_counts_for_nothing(acting, approver, second, admin_user, touch, sql, fault):
    approve(pipeline=acting, by=approver, version=1)
    touch(sql.format(second=second.pk))
    with pytest.raises(Tampered, match=fault):
        approve(pipeline=acting, by=admin_user, version=1)
    assert Pipeline.objects.get().state == "awaiting_approval" and verify_audit().faults


def test_the_vote_of_an_account_that_was_deleted_still_counts(acting, outsider, approver):
    outsider.user_permissions.add(Permission.objects.get(codename="decide_pipeline"))
    approve(pipeline=acting, by=User.objects.get(pk=outsider.pk), version=1)
    outsider.delete()
    assert approve(pipeline=acting, by=approver, version=1).state == "approved"
