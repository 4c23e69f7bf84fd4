"""Undo, confirm, fail, retry and revoke over HTTP: people only, and only by POST."""

from datetime import timedelta

import pytest
from django.utils import timezone

from pipelines_app.core.telling import tell_whole_day
from pipelines_app.models import Pipeline
from pipelines_app.services import approve, run_errands

pytestmark = pytest.mark.django_db
AFTER = timedelta(seconds=10)
STEPS = ("undo", "confirm", "fail", "retry", "withdraw")
BODIES = {"confirm": {"day": "2026-11-28"}, "fail": {"comment": "x"}, "withdraw": {"comment": "x"}}


def post(client, pipeline, step, **body):
    return client.post(
        f"/api/v1/pipelines/{pipeline.pk}/{step}/", {"version": 1} | body, content_type="application/json"
    )


def read(client, pipeline):
    return client.get(f"/api/v1/pipelines/{pipeline.pk}/").json()


@pytest.fixture
def ada(client, approver):
    client.force_login(approver)
    return client


@pytest.fixture
def begun(ada, pipeline, approver):
    """A manual step that waits for its day."""
    run_errands(now=approve(pipeline=pipeline, by=approver, version=1).decided_at + AFTER)
    return pipeline


def test_it_tells_what_follows_and_how_far_it_has_come(ada, pipeline):
    before = read(ada, pipeline)
    assert before["execution"]["text"].startswith("Approving asks somebody to do it by hand")
    assert (before["execution"]["steps"], before["execution"]["undo_until"]) == ([], None)
    after = post(ada, pipeline, "approve").json()
    assert after["execution"]["steps"] == ["undo", "withdraw"]
    assert abs(after["execution"]["undo_until"] - after["decided_at"] - 10_000) <= 1
    assert (after["carried_out_at"], after["outcome"]) == (None, "")


def test_it_is_undone_and_approved_again(ada, pipeline):
    post(ada, pipeline, "approve")
    back = post(ada, pipeline, "undo")
    assert back.status_code == 200 and (back.json()["state"], back.json()["version"]) == (
        "awaiting_approval",
        2,
    )
    # The vote on the version that was undone counts no more, and nobody is told that it did.
    assert post(ada, pipeline, "approve").status_code == 409
    assert post(ada, pipeline, "approve", version=2).json()["state"] == "approved"


def test_it_is_confirmed_with_its_day(ada, begun):
    today = timezone.localdate()
    done = post(ada, begun, "confirm", day=str(today), comment="two came").json()
    assert (done["state"], done["outcome"]) == ("done", f"done by hand on {tell_whole_day(today)}")
    assert done["carried_out_at"] % 86_400_000 == 0


@pytest.mark.parametrize(
    "day", [None, "", "28.11.2026", 5, ["2026-11-28"], "2026-02-30", "1999-01-01", "2999-01-01", True]
)
def test_it_refuses_what_is_no_day_from_the_approval_to_today(ada, begun, day):
    answer = post(ada, begun, "confirm", day=day)
    assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == "day"
    assert Pipeline.objects.get().state == "executing"


def test_it_could_not_be_done_is_tried_again_and_withdrawn(ada, begun):
    assert post(ada, begun, "fail").status_code == 400
    assert post(ada, begun, "fail", comment="nobody is free").json()["state"] == "failed"
    assert read(ada, begun)["execution"]["steps"] == ["retry", "withdraw"]
    assert post(ada, begun, "retry").json()["state"] == "executing"
    post(ada, begun, "fail", comment="still nobody")
    assert post(ada, begun, "withdraw", comment="we give up").json()["state"] == "withdrawn"


@pytest.mark.parametrize("step", STEPS)
def test_a_step_at_the_wrong_time_is_a_conflict_that_names_the_state(ada, pipeline, second, step):
    if step == "withdraw":
        run_errands(now=approve(pipeline=pipeline, by=second, version=1).decided_at + AFTER)
    answer = post(ada, pipeline, step, **BODIES.get(step, {}))
    assert answer.status_code == 409
    assert answer.json()["state"] == Pipeline.objects.get().state


@pytest.mark.parametrize("step", STEPS)
def test_a_step_is_for_people_who_may_and_never_a_get(client, ada, pipeline, outsider, step):
    assert ada.get(f"/api/v1/pipelines/{pipeline.pk}/{step}/").status_code == 405
    assert post(ada, pipeline, step, version=0, **BODIES.get(step, {})).status_code == 400
    assert post(ada, pipeline, step, force=True, **BODIES.get(step, {})).status_code == 400
    client.force_login(outsider)
    assert post(client, pipeline, step, **BODIES.get(step, {})).status_code == 403
    client.logout()
    assert post(client, pipeline, step, **BODIES.get(step, {})).status_code in (401, 403)
    assert Pipeline.objects.get().state == "awaiting_approval"
