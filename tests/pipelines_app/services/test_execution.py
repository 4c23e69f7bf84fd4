"""What people do between an approval and its end."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from pipelines_app.core.telling import tell_whole_day
from pipelines_app.exceptions import AlreadyDecided, BadInput, Conflict, NotAllowed, VersionChanged
from pipelines_app.models import Errand, Pipeline
from pipelines_app.queries import is_to_do, list_to_do
from pipelines_app.services import (
    approve,
    confirm,
    fail,
    propose,
    retry,
    run_errands,
    stop,
    undo,
    withdraw,
)
from pipelines_app.services.verify import verify_audit
from tests.pipelines_app.acting import FAULTS

pytestmark = pytest.mark.django_db
AFTER = timedelta(seconds=10)


@pytest.fixture
def approved(pipeline, approver):
    """A manual step, approved."""
    return approve(pipeline=pipeline, by=approver, version=1)


@pytest.fixture
def begun(approved):
    """The same, ten seconds later."""
    run_errands(now=approved.decided_at + AFTER)
    return Pipeline.objects.get(pk=approved.pk)


def names(pipeline):
    return list(pipeline.moves.values_list("event", flat=True))


def test_undone_it_waits_again_as_a_version_of_its_own(approved, approver):
    back = undo(pipeline=approved, by=approver, version=1)
    assert (back.state, back.version, back.decided_at) == ("awaiting_approval", 2, None)
    assert names(back) == ["proposed", "approved", "undone"]
    again = undo(pipeline=approved, by=approver, version=1)
    assert again.version == 2 and names(again)[-1] == "undone" and len(names(again)) == 3
    assert approve(pipeline=back, by=approver, version=2).state == "approved"
    assert verify_audit().faults == []


def test_a_quorum_has_to_be_found_anew_after_an_undo(settings, approver, second):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"QUORUM": 2}
    two = propose(title="Two", suggestion="Act")[0]
    approve(pipeline=two, by=approver, version=1)
    approve(pipeline=two, by=second, version=1)
    undo(pipeline=two, by=approver, version=1)
    assert approve(pipeline=two, by=approver, version=2).state == "awaiting_approval"
    assert approve(pipeline=two, by=second, version=2).state == "approved"


def test_only_who_approved_it_undoes_it(approved, second, outsider):
    with pytest.raises(NotAllowed, match="You did not approve"):
        undo(pipeline=approved, by=second, version=1)
    with pytest.raises(NotAllowed, match="Only its proposer and people who may decide"):
        undo(pipeline=approved, by=outsider, version=1)


def test_it_can_be_undone_until_its_time_and_revoked_until_it_has_begun(approved, approver, second):
    with pytest.raises(Conflict, match="too late to undo: revoke it"):
        undo(pipeline=approved, by=approver, version=1, now=approved.decided_at + AFTER)
    gone = withdraw(
        pipeline=approved, by=second, version=1, comment="not now", now=approved.decided_at + AFTER
    )
    assert gone.state == "withdrawn" and gone.decided_at == approved.decided_at + AFTER
    run_errands(now=gone.decided_at)
    errand = Errand.objects.get(kind="act")
    assert errand.outcome == "not done: the proposal is withdrawn"


def test_what_has_begun_is_neither_undone_nor_revoked(begun, approver):
    with pytest.raises(Conflict, match="is executing: there is no approval to undo"):
        undo(pipeline=begun, by=approver, version=1)
    with pytest.raises(AlreadyDecided, match="It is executing now"):
        withdraw(pipeline=begun, by=approver, version=1, comment="stop")


def test_it_is_not_undone_while_another_of_its_title_waits(approved, approver):
    other = propose(title=approved.title, suggestion="Hire 3", severity="critical")[0]
    assert other.pk != approved.pk
    with pytest.raises(Conflict, match="another proposal of this title is open: revoke this one"):
        undo(pipeline=approved, by=approver, version=1)
    assert Pipeline.objects.get(pk=approved.pk).state == "approved"


def test_the_version_that_one_saw_is_asked_for(approved, begun, approver):
    for act, more in ((confirm, {"day": "2026-11-28"}), (fail, {"comment": "no"})):
        with pytest.raises(VersionChanged, match="at version 1 now, you saw version 2"):
            act(pipeline=begun, by=approver, version=2, **more)


def test_a_manual_step_waits_for_a_person_who_says_when(begun, second):
    assert begun.state == "executing" and names(begun)[-1] == "handed over"
    assert Errand.objects.get(kind="act").outcome == "it waits for somebody to do it and to say when"
    today = timezone.localdate()
    done = confirm(pipeline=begun, by=second, version=1, day=str(today), comment="two came")
    assert (done.state, done.outcome) == ("done", f"done by hand on {tell_whole_day(today)}")
    assert done.carried_out_at == datetime(today.year, today.month, today.day, tzinfo=UTC)
    again = confirm(pipeline=begun, by=second, version=1, day=str(today))
    assert again.audit.filter(event="done").count() == 1
    said = again.audit.get(event="done")
    assert (said.actor, said.data["day"], said.data["comment"]) == ("bea", str(today), "two came")
    assert verify_audit().faults == []


def test_a_manual_step_is_not_confirmed_before_its_approval_or_for_a_day_to_come(begun, second):
    for day in (timezone.localdate() + timedelta(days=1), begun.decided_at.date() - timedelta(days=1)):
        with pytest.raises(BadInput, match="day is"):
            confirm(pipeline=begun, by=second, version=1, day=str(day))
    assert Pipeline.objects.get(pk=begun.pk).state == "executing"


def test_nothing_is_confirmed_before_it_has_begun_or_when_an_action_does_it(approved, acting, approver):
    with pytest.raises(Conflict, match="is approved: there is nothing to confirm"):
        confirm(pipeline=approved, by=approver, version=1, day=date.today())
    moment = approve(pipeline=acting, by=approver, version=1).decided_at + AFTER
    FAULTS[:] = [OSError("away")]
    run_errands(now=moment)
    assert Pipeline.objects.get(pk=acting.pk).state == "executing"
    with pytest.raises(Conflict, match="carried out by its action"):
        confirm(pipeline=acting, by=approver, version=1, day=moment.date())


def test_what_could_not_be_done_fails_with_a_reason_and_can_be_tried_again(begun, second):
    with pytest.raises(BadInput, match="comment is required"):
        fail(pipeline=begun, by=second, version=1, comment=" ")
    failed = fail(pipeline=begun, by=second, version=1, comment="nobody is free")
    assert (failed.state, failed.outcome) == ("failed", "could not be done: nobody is free")
    again = retry(pipeline=failed, by=second, version=1)
    assert (again.state, again.outcome) == ("executing", "")
    assert confirm(pipeline=again, by=second, version=1, day=date.today()).state == "done"
    assert names(again) == ["proposed", "approved", "handed over", "failed", "retried", "done"]
    assert verify_audit().faults == []


def test_strangers_confirm_and_retry_nothing(begun, outsider, group):
    for act, more in ((confirm, {"day": date.today()}), (fail, {"comment": "x"}), (retry, {})):
        with pytest.raises(NotAllowed):
            act(pipeline=begun, by=outsider, version=1, **more)
    Pipeline.objects.update(restricted_to=group)
    with pytest.raises(NotAllowed, match="restricted to the group"):
        confirm(pipeline=begun, by=outsider, version=1, day=date.today())


def test_the_proposer_may_say_that_it_was_done(outsider, approver):
    own = propose(title="Mine", suggestion="Do it", proposer=outsider)[0]
    moment = approve(pipeline=own, by=approver, version=1).decided_at + AFTER
    run_errands(now=moment)
    assert confirm(pipeline=own, by=outsider, version=1, day=moment.date(), now=moment).state == "done"


def test_a_manual_step_is_held_by_the_stop_switch_and_one_that_was_done_is_still_confirmed(
    approved, approver, admin_user
):
    stop(reason="audit", by=admin_user)
    run_errands(now=approved.decided_at + AFTER)
    assert Pipeline.objects.get(pk=approved.pk).state == "approved"


def test_people_are_told_what_they_have_to_do_the_oldest_first(begun, acting, approver):
    assert list(list_to_do(Pipeline.objects.all())) == [begun] and is_to_do(begun)
    moment = approve(pipeline=acting, by=approver, version=1).decided_at
    Pipeline.objects.filter(pk=acting.pk).update(state="executing")
    assert acting not in list_to_do(Pipeline.objects.all())
    Pipeline.objects.filter(pk=acting.pk).update(state="failed", decided_at=moment)
    assert list(list_to_do(Pipeline.objects.all())) == [begun, acting]


def test_what_was_approved_before_there_were_errands_is_never_carried_out_but_can_be_revoked(
    approved, approver
):
    Errand.objects.all().delete()
    run_errands(now=approved.decided_at + timedelta(days=1))
    assert Pipeline.objects.get(pk=approved.pk).state == "approved"
    assert withdraw(pipeline=approved, by=approver, version=1, comment="old").state == "withdrawn"
