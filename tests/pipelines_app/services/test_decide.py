"""Approve and reject."""

from datetime import timedelta

import pytest
from django.utils import timezone

from pipelines_app import queries
from pipelines_app.exceptions import AlreadyDecided, BadDecision, NotAllowed, Tampered, VersionChanged
from pipelines_app.models import Decision, Pipeline
from pipelines_app.services import approve, change_suggestion, propose, reject

pytestmark = pytest.mark.django_db


def test_it_approves(pipeline, approver):
    after = approve(pipeline=pipeline, by=approver, version=1, comment="yes")
    assert after.state == "approved" and after.decided_at
    assert [(row.by, row.vote, row.comment) for row in after.decisions.all()] == [
        (approver, "approve", "yes")
    ]
    assert list(after.audit.values_list("event", "actor"))[-1] == ("approved", "ada")


def test_it_rejects_with_a_comment(pipeline, approver):
    after = reject(pipeline=pipeline, by=approver, version=1, comment="no money")
    assert after.state == "rejected"


@pytest.mark.parametrize("comment", ["", "   ", None, 5, "a" * 2001, "a\x00"])
def test_it_refuses_a_reject_without_a_comment_that_can_be_stored(pipeline, approver, comment):
    with pytest.raises(BadDecision) as caught:
        reject(pipeline=pipeline, by=approver, version=1, comment=comment)
    assert caught.value.errors[0]["field"] == "comment"
    assert not Decision.objects.exists()


@pytest.mark.parametrize("version", [0, "1", None, True, 2**31])
def test_it_refuses_a_version_that_is_none(pipeline, approver, version):
    with pytest.raises(BadDecision):
        approve(pipeline=pipeline, by=approver, version=version)


def test_it_takes_a_double_click_as_one_vote(pipeline, approver):
    approve(pipeline=pipeline, by=approver, version=1)
    again = approve(pipeline=pipeline, by=approver, version=1)
    assert again.state == "approved"
    assert Decision.objects.count() == 1 and pipeline.audit.count() == 2


def test_it_tells_the_second_who_was_first(pipeline, approver, second):
    reject(pipeline=pipeline, by=approver, version=1, comment="no money")
    with pytest.raises(
        AlreadyDecided, match="ada rejected proposal .* first.*“no money”.*rejected now"
    ) as caught:
        approve(pipeline=pipeline, by=second, version=1)
    assert caught.value.decision.by == approver and caught.value.pipeline.state == "rejected"


def test_it_does_not_let_a_person_vote_both_ways(pair, approver):
    approve(pipeline=pair, by=approver, version=1)
    with pytest.raises(AlreadyDecided, match="one person has one vote"):
        reject(pipeline=pair, by=approver, version=1, comment="changed my mind")


def test_it_waits_for_the_quorum(pair, approver, second):
    assert approve(pipeline=pair, by=approver, version=1).state == "awaiting_approval"
    assert approve(pipeline=pair, by=approver, version=1).state == "awaiting_approval"
    assert approve(pipeline=pair, by=second, version=1).state == "approved"
    assert list(pair.audit.values_list("event", flat=True)) == ["proposed", "voted", "approved"]


def test_it_ends_with_the_first_reject_under_a_quorum(pair, approver, second):
    approve(pipeline=pair, by=approver, version=1)
    assert reject(pipeline=pair, by=second, version=1, comment="no").state == "rejected"


def test_it_refuses_a_vote_on_a_version_that_changed(pair, approver, second, admin_user):
    approve(pipeline=pair, by=approver, version=1)
    change_suggestion(pipeline=pair, by=admin_user, version=1, suggestion="Hire 1 temp agent")
    with pytest.raises(VersionChanged, match="version 2 now, you saw version 1") as caught:
        approve(pipeline=pair, by=second, version=1)
    assert caught.value.pipeline.version == 2
    assert approve(pipeline=pair, by=second, version=2).state == "awaiting_approval"
    assert approve(pipeline=pair, by=approver, version=2).state == "approved"


def test_it_does_not_let_the_proposer_decide(approver):
    own = propose(title="Mine", suggestion="Do it", proposer=approver)[0]
    for act in (approve, reject):
        with pytest.raises(NotAllowed, match="You proposed this yourself"):
            act(pipeline=own, by=approver, version=1, comment="x")


def test_it_does_not_let_the_last_editor_of_the_rule_decide_not_even_a_superuser(admin_user, approver):
    machine = propose(title="Breach", suggestion="Act", origin="breach:1", proposer=admin_user)[0]
    with pytest.raises(NotAllowed, match="last to edit the rule"):
        approve(pipeline=machine, by=admin_user, version=1)
    assert approve(pipeline=machine, by=approver, version=1).state == "approved"


def test_it_does_not_let_a_person_without_the_permission_decide(pipeline, outsider):
    with pytest.raises(NotAllowed, match="decide_pipeline"):
        approve(pipeline=pipeline, by=outsider, version=1)


def test_it_does_not_let_a_person_decide_who_left(pipeline, approver):
    approver.is_active = False
    approver.save()
    with pytest.raises(NotAllowed):
        approve(pipeline=pipeline, by=approver, version=1)


def test_it_lets_members_decide_on_a_restricted_proposal_and_nobody_else(group, member, approver):
    secret = propose(title="Secret", suggestion="Act", restricted_to=group)[0]
    with pytest.raises(NotAllowed, match="restricted to the group air quality"):
        approve(pipeline=secret, by=approver, version=1)
    assert approve(pipeline=secret, by=member, version=1).state == "approved"


def test_it_refuses_an_approval_of_touched_evidence_but_takes_a_reject(pipeline, approver):
    Pipeline.objects.update(evidence_text="{}")
    with pytest.raises(Tampered, match="verify_audit"):
        approve(pipeline=pipeline, by=approver, version=1)
    assert reject(pipeline=pipeline, by=approver, version=1, comment="touched").state == "rejected"


def test_it_expires_instead_of_taking_a_vote_after_the_deadline(pipeline, approver):
    late = pipeline.due_at + timedelta(seconds=1)
    with pytest.raises(AlreadyDecided, match="it is expired") as caught:
        approve(pipeline=pipeline, by=approver, version=1, now=late)
    assert caught.value.decision is None
    pipeline.refresh_from_db()
    assert pipeline.state == "expired" and not Decision.objects.exists()


def test_it_takes_a_vote_in_the_last_second(pipeline, approver):
    in_time = pipeline.due_at - timedelta(seconds=1)
    assert approve(pipeline=pipeline, by=approver, version=1, now=in_time).state == "approved"


@pytest.mark.django_db(transaction=True)
def test_it_counts_four_simultaneous_clicks_of_one_person_as_one_vote(pipeline, approver, race):
    results = race(*[lambda: approve(pipeline=pipeline, by=approver, version=1) for _ in range(4)])
    assert [result.state for result in results] == ["approved"] * 4
    assert Decision.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_it_never_passes_with_a_vote_less_than_the_quorum_under_a_race(
    approver, second, member, race, settings
):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"QUORUM": 3}
    pipeline = propose(title="Three", suggestion="Act")[0]
    voters = (approver, second, member)
    race(*[lambda by=by: approve(pipeline=pipeline, by=by, version=1) for by in voters])
    pipeline.refresh_from_db()
    assert (pipeline.state, Decision.objects.count()) == ("approved", 3)


def test_it_counts_what_was_decided_today(pipeline, approver):
    approve(pipeline=pipeline, by=approver, version=1)
    other = propose(title="Other", suggestion="Act")[0]
    reject(pipeline=other, by=approver, version=1, comment="no")
    counts = queries.count_decided(Pipeline.objects.all(), since=queries.start_of_day(timezone.now()))
    assert counts == {"approved": 1, "rejected": 1, "expired": 0, "withdrawn": 0}
