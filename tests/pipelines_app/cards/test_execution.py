"""What an approver reads before the button and after it."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from pipelines_app.cards.execution import describe_execution, tell_following
from pipelines_app.core.moments import to_ms
from pipelines_app.exceptions import Conflict, Impossible
from pipelines_app.models import Errand, Pipeline
from pipelines_app.services import approve, confirm, propose, retry, run_errands, stop
from tests.pipelines_app.acting import FAULTS

pytestmark = pytest.mark.django_db
AFTER = timedelta(seconds=10)


def look(pipeline, user, now=None):
    return describe_execution(Pipeline.objects.get(pk=pipeline.pk), user, now=now)


@pytest.fixture(autouse=True)
def plain(settings):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"FORMAT": "metrics_app.core.text.units.format_value"}


def test_before_the_button_stands_what_follows(acting, pipeline):
    assert (
        tell_following(acting)
        == "Approving carries out “pay” (amount: 2) in 10 s; until then it can be undone."
    )
    assert tell_following(pipeline) == (
        "Approving asks somebody to do it by hand: it stands under To do in 10 s, to be confirmed with its "
        "day; until then it can be undone."
    )


def test_without_a_delay_it_follows_at_once(settings, acting):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"EXECUTE_AFTER": 0}
    assert tell_following(acting) == "Approving carries out “pay” (amount: 2) at once."


def test_while_everything_is_stopped_no_time_is_promised(acting, admin_user):
    stop(reason="audit", by=admin_user)
    assert tell_following(acting) == (
        "Approving carries out “pay” (amount: 2) once what is stopped goes on; until then it can be "
        "taken back."
    )


def test_of_several_approvals_it_says_how_many_are_missing(settings, acting, approver):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"QUORUM": 3}
    three = propose(title="Three", suggestion="Pay", action="pay")[0]
    assert tell_following(three).startswith("After 3 more approvals it carries out “pay” in 10 s")
    approve(pipeline=three, by=approver, version=1)
    assert tell_following(three).startswith("After 2 more approvals it ")


def test_after_the_approval_who_gave_it_may_undo_it_and_others_revoke_it(acting, approver, second, outsider):
    moment = approve(pipeline=acting, by=approver, version=1).decided_at
    mine = look(acting, approver, moment)
    assert mine.steps == ("undo", "withdraw") and mine.begins == to_ms(moment + AFTER)
    assert look(acting, second, moment).steps == ("withdraw",)
    assert look(acting, approver, moment + AFTER).steps == ("withdraw",)
    for nobody in (outsider, AnonymousUser()):
        assert look(acting, nobody, moment).steps == ()


def test_what_is_held_says_by_whom_and_why(acting, approver, admin_user):
    approve(pipeline=acting, by=approver, version=1)
    stop(reason="budget audit", by=admin_user)
    assert "root stopped all actions " in (said := look(acting, approver).progress) and "budget audit" in said


def test_a_manual_step_is_to_be_confirmed_from_its_approval_to_today(pipeline, approver):
    moment = approve(pipeline=pipeline, by=approver, version=1).decided_at
    run_errands(now=moment + AFTER)
    found = look(pipeline, approver, moment + timedelta(days=2))
    assert found.steps == ("confirm", "fail")
    days = (timezone.localdate(moment), timezone.localdate(moment + timedelta(days=2)))
    assert (found.first_day, found.last_day) == tuple(map(str, days))


def test_an_action_that_fails_says_when_it_is_tried_again_and_then_what_is_left(acting, approver):
    FAULTS[:] = [OSError("the desk is shut"), Impossible("no such account")]
    moment = approve(pipeline=acting, by=approver, version=1).decided_at + AFTER
    run_errands(now=moment)
    waiting = look(acting, approver, moment)
    assert "attempt 1 failed (the desk is shut); it is tried again " in waiting.progress
    assert waiting.steps == ("fail",)
    run_errands(now=moment + timedelta(hours=1))
    failed = look(acting, approver, moment)
    assert (failed.progress, failed.steps) == ("It failed: no such account.", ("retry", "withdraw"))


@pytest.mark.parametrize("reason", ["stopped", "gone", "edited"])
def test_another_attempt_is_offered_only_where_it_can_succeed(acting, approver, settings, touch, reason):
    FAULTS[:] = [Impossible("no such account")]
    moment = approve(pipeline=acting, by=approver, version=1).decided_at + AFTER
    run_errands(now=moment)
    if reason == "stopped":
        stop(reason="audit", name="root")
        said = "root stopped all actions"
    elif reason == "gone":
        settings.PIPELINES_APP = settings.PIPELINES_APP | {"ACTIONS": {}}
        said = "Another attempt cannot help: 'pay' is no action of the settings"
    else:
        touch("UPDATE pipelines_app_pipeline SET title = 'Other'")
        said = "is not as it was frozen: its title was changed"
    failed = look(acting, approver, moment)
    assert failed.progress.startswith("It failed: no such account. ") and said in failed.progress
    assert failed.steps == ("withdraw",)
    with pytest.raises(Conflict):
        retry(pipeline=acting, by=approver, version=1)


def test_what_was_done_is_told_with_what_is_not_known_about_it(acting, pipeline, approver):
    moment = approve(pipeline=acting, by=approver, version=1).decided_at + AFTER
    run_errands(now=moment)
    said = look(acting, approver, moment)
    assert said.progress.startswith("It was carried out at ")
    assert "paid 2. Its effect is not measured: no KPI measures it." in said.progress
    assert said.steps == ()
    by_hand = approve(pipeline=pipeline, by=approver, version=1).decided_at + AFTER
    run_errands(now=by_hand)
    confirm(pipeline=pipeline, by=approver, version=1, day=by_hand.date(), now=by_hand)
    # Its day is the site's, wherever the reader is; when it was confirmed is their time.
    day, said = by_hand.date(), "as ada confirmed at "
    for zone in ("UTC", "Pacific/Honolulu", "Pacific/Auckland"):
        with timezone.override(zone):
            told = look(pipeline, approver, by_hand).progress
            local = timezone.localtime(by_hand)
            confirmed = f"{said}{local:%H:%M} {local.tzname()}."
            assert f"It was done by hand on {day.day} {day:%B}, {confirmed}" in told


def test_what_was_approved_before_there_were_errands_promises_nothing(pipeline, approver):
    approve(pipeline=pipeline, by=approver, version=1)
    Errand.objects.all().delete()
    assert look(pipeline, approver).progress.endswith("nothing will be done.")
