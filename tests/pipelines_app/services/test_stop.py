"""The stop switch: who, why, and that the chain knows."""

from io import StringIO

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command

from pipelines_app.exceptions import BadInput, NotAllowed
from pipelines_app.models import AuditEntry, StopSwitch
from pipelines_app.queries import find_stop
from pipelines_app.services import resume, stop
from pipelines_app.services.verify import verify_audit

pytestmark = pytest.mark.django_db


def told():
    return [(row.event, row.actor, row.data["reason"], row.pipeline) for row in AuditEntry.objects.all()]


def test_it_is_off_until_somebody_turns_it():
    assert find_stop() is None and verify_audit().faults == []


def test_it_stops_and_resumes_with_author_and_reason_in_the_chain(admin_user):
    switch = stop(reason="budget audit", by=admin_user)
    assert (switch.by_name, switch.reason) == ("root", "budget audit") and find_stop() == switch
    resume(reason="the audit is over", by=admin_user)
    assert find_stop() is None
    assert told() == [
        ("stopped", "root", "budget audit", None),
        ("resumed", "root", "the audit is over", None),
    ]
    assert verify_audit().faults == []


def test_turning_it_to_where_it_is_changes_nothing(admin_user):
    resume(reason="it runs", by=admin_user)
    for _ in range(2):
        stop(reason="first", by=admin_user)
    assert told() == [("stopped", "root", "first", None)]


def test_who_stops_it_for_another_reason_is_heard_too(admin_user):
    stop(reason="first", by=admin_user)
    switch = stop(reason="second", name="bea")
    assert (switch.reason, switch.by_name, find_stop().reason) == ("second", "bea", "second")
    assert told() == [("stopped", "root", "first", None), ("stopped", "bea", "second", None)]
    assert verify_audit().faults == []


def test_it_needs_a_reason_a_name_and_the_permission(approver):
    with pytest.raises(BadInput, match="reason is required"):
        stop(reason=" ", name="ada")
    with pytest.raises(BadInput, match="name is required"):
        stop(reason="audit")
    with pytest.raises(NotAllowed, match="turn_stopswitch"):
        stop(reason="audit", by=approver)
    approver.user_permissions.add(Permission.objects.get(codename="turn_stopswitch"))
    approver = type(approver).objects.get(pk=approver.pk)
    assert stop(reason="audit", by=approver).stopped


def test_the_command_stops_and_resumes():
    out = StringIO()
    call_command("stop_actions", reason="audit", by="operator", stdout=out)
    assert out.getvalue() == "All actions are stopped, by operator: audit\n"
    call_command("stop_actions", "--resume", reason="over", by="operator", stdout=out)
    assert find_stop() is None and told()[-1][:2] == ("resumed", "operator")
    with pytest.raises(CommandError, match="reason is required"):
        call_command("stop_actions", reason="", by="operator")


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ("stopped = false", "the stop switch was turned off: the chain says it is on"),
        ("reason = 'nothing'", "the reason of the stop switch was changed: the chain says “audit”"),
        ("by_name = 'nobody'", "who turned the stop switch was changed: the chain says “root”"),
    ],
)
def test_an_edit_of_the_switch_is_found_and_named(admin_user, touch, edit, said):
    stop(reason="audit", by=admin_user)
    touch(f"UPDATE pipelines_app_stopswitch SET {edit}")
    assert verify_audit().faults == [said]


def test_an_account_that_was_written_to_what_was_stopped_at_the_shell_is_found(admin_user, touch):
    stop(reason="audit", name="operator")
    assert verify_audit().faults == []
    touch("UPDATE pipelines_app_stopswitch SET by_id = %s", admin_user.pk)
    said = "who turned the stop switch was changed: the chain says “operator”"
    assert verify_audit().faults == [said]


def test_a_switch_that_was_slipped_in_is_found():
    StopSwitch.objects.create(pk=1, stopped=True, by_name="nobody", reason="none")
    assert verify_audit().faults[0] == "the stop switch was turned on: the chain says it is off"
