"""Withdrawing, and changing the suggestion."""

import pytest

from pipelines_app.exceptions import AlreadyDecided, BadInput, NotAllowed, VersionChanged
from pipelines_app.services import approve, change_suggestion, propose, reject, withdraw

pytestmark = pytest.mark.django_db


def test_it_withdraws_with_a_reason(pipeline, approver):
    after = withdraw(pipeline=pipeline, by=approver, version=1, comment="solved itself")
    assert after.state == "withdrawn"
    assert after.audit.last().data["comment"] == "solved itself"


def test_it_lets_the_proposer_withdraw_without_the_permission_to_decide(outsider):
    own = propose(title="Mine", suggestion="Do it", proposer=outsider)[0]
    assert withdraw(pipeline=own, by=outsider, version=1, comment="no need").state == "withdrawn"


def test_it_does_not_let_others_withdraw(pipeline, outsider):
    with pytest.raises(NotAllowed):
        withdraw(pipeline=pipeline, by=outsider, version=1, comment="x")


def test_it_withdraws_what_was_approved_and_not_yet_started(pipeline, approver, second):
    approve(pipeline=pipeline, by=approver, version=1)
    assert withdraw(pipeline=pipeline, by=second, version=1, comment="too late").state == "withdrawn"


def test_it_does_not_withdraw_what_was_rejected(pipeline, approver):
    reject(pipeline=pipeline, by=approver, version=1, comment="no")
    with pytest.raises(AlreadyDecided, match="ada rejected"):
        withdraw(pipeline=pipeline, by=approver, version=1, comment="x")


@pytest.mark.parametrize("fields", [{"comment": ""}, {"version": 0}])
def test_it_refuses_a_withdrawal_without_reason_or_version(pipeline, approver, fields):
    with pytest.raises(BadInput):
        withdraw(pipeline=pipeline, by=approver, **{"version": 1, "comment": "x"} | fields)


def test_it_makes_a_new_version_and_clears_the_votes(pair, approver, second):
    approve(pipeline=pair, by=approver, version=1)
    after = change_suggestion(pipeline=pair, by=second, version=1, suggestion="Hire 1 temp agent")
    assert (after.version, after.suggestion, after.state) == (2, "Hire 1 temp agent", "awaiting_approval")
    assert after.audit.last().data["before"] == "Hire 2 temp agents"


def test_it_does_not_let_the_author_of_a_change_approve_it_nor_the_first_proposer(approver, second, member):
    own = propose(title="Mine", suggestion="Hire 2", proposer=approver)[0]
    change_suggestion(pipeline=own, by=second, version=1, suggestion="Hire 1")
    for person in (approver, second):
        with pytest.raises(NotAllowed):
            approve(pipeline=own, by=person, version=2)
    assert approve(pipeline=own, by=member, version=2).state == "approved"


def test_it_keeps_the_version_when_nothing_changes(pipeline, approver):
    after = change_suggestion(pipeline=pipeline, by=approver, version=1, suggestion=" Hire 2 temp agents ")
    assert (after.version, after.audit.count()) == (1, 1)


def test_it_refuses_a_change_of_what_changed_meanwhile_or_is_decided(pipeline, approver, second):
    change_suggestion(pipeline=pipeline, by=second, version=1, suggestion="Hire 1")
    with pytest.raises(VersionChanged):
        change_suggestion(pipeline=pipeline, by=approver, version=1, suggestion="Hire 3")
    approve(pipeline=pipeline, by=approver, version=2)
    with pytest.raises(AlreadyDecided):
        change_suggestion(pipeline=pipeline, by=second, version=2, suggestion="Hire 4")
