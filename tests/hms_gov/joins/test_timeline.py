"""What becomes of a proposal stands on the timeline of its breach, once."""

import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from hms_gov.joins.timeline import note_moves
from pipelines_app.core.telling import tell_whole_day
from pipelines_app.models import Pipeline
from pipelines_app.services import approve, change_suggestion, confirm, propose, reject, run_errands, undo
from tests.metrics_app.telling import open_breach

pytestmark = pytest.mark.django_db


@pytest.fixture
def breach():
    return open_breach(fired_at=int(time.time() // 60 - 40) * 60_000)


@pytest.fixture
def boss():
    return User.objects.create_superuser("boss")


def told(breach):
    return list(breach.timeline.filter(kind="proposal").order_by("at", "pk").values_list("text", flat=True))


def test_every_move_is_told_from_the_approval_to_the_end(breach, boss, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        pipeline = propose(title="Slow", suggestion="Hire 2", origin=f"breach:{breach.pk}")[0]
        approve(pipeline=pipeline, by=boss, version=1)
        undo(pipeline=pipeline, by=boss, version=1)
        moment = approve(pipeline=pipeline, by=boss, version=2).decided_at + timedelta(seconds=10)
        run_errands(now=moment)
        today = timezone.localdate(moment)
        confirm(pipeline=pipeline, by=boss, version=2, day=today, now=moment)
        run_errands(now=moment)
    name = f"Proposal #{pipeline.pk} “Hire 2”"
    assert sorted(told(breach)) == sorted(
        [
            f"{name} approved by boss",
            f"{name} waits again, the approval taken back by boss",
            f"{name} approved by boss",
            f"{name} is to be done by hand",
            f"{name} was done by hand on {tell_whole_day(today)}, as boss confirmed",
        ]
    )
    # As lines were written that told the day otherwise.
    older = f"{name} was done by hand on {today}, as boss confirmed"
    breach.timeline.filter(text__contains="by hand on").update(text=older)
    note_moves(Pipeline.objects.get(pk=pipeline.pk))
    assert len(told(breach)) == 5


def test_no_line_is_lost_where_every_doorbell_is(breach, boss, monkeypatch):
    monkeypatch.setattr("pipelines_app.services.moves.tell", lambda pipeline: 1 / 0)
    pipeline = propose(title="Slow", suggestion="Hire 2", origin=f"breach:{breach.pk}")[0]
    reject(pipeline=pipeline, by=boss, version=1, comment="No money")
    assert told(breach) == []
    # A worker that dies after it has written has not ended the errand: the next one calls again.
    note_moves(Pipeline.objects.get(pk=pipeline.pk))
    run_errands()
    assert told(breach) == [f"Proposal #{pipeline.pk} “Hire 2” rejected by boss: No money"]


def test_what_could_not_be_written_is_written_later(breach, boss, monkeypatch):
    pipeline = propose(title="Slow", suggestion="Hire 2", origin=f"breach:{breach.pk}")[0]
    reject(pipeline=pipeline, by=boss, version=1, comment="No money")
    with monkeypatch.context() as patch:
        patch.setattr("hms_gov.joins.timeline.describe_move", lambda entry: 1 / 0)
        run_errands()
    assert told(breach) == []
    run_errands(now=timezone.now() + timedelta(seconds=10))
    assert len(told(breach)) == 1


def test_a_change_is_told_once_and_rewrites_no_line_before_it(breach, boss):
    pipeline = propose(title="Slow", suggestion="Hire 2", origin=f"breach:{breach.pk}")[0]
    pipeline = undo(pipeline=approve(pipeline=pipeline, by=boss, version=1), by=boss, version=1)
    note_moves(pipeline)
    note_moves(
        change_suggestion(pipeline=pipeline, by=boss, version=2, suggestion="Hire 1", comment="Cheaper")
    )
    name = f"Proposal #{pipeline.pk} “Hire 2”"
    lines = [
        f"{name} approved by boss",
        f"{name} waits again, the approval taken back by boss",
        f"{name} was changed to “Hire 1” by boss: Cheaper",
    ]
    assert told(breach) == lines
    # As lines were written that told of an earlier move in the words of the newest version.
    breach.timeline.filter(text=lines[0]).update(text=lines[0].replace("Hire 2", "Hire 1"))
    note_moves(Pipeline.objects.get(pk=pipeline.pk))
    assert len(told(breach)) == 3


@pytest.mark.parametrize("origin", ["breach", "agent:7", ""])
def test_a_breach_that_was_noted_on_a_proposal_hears_what_comes_of_it(breach, boss, origin):
    again = open_breach("complaint.other", fired_at=breach.fired_at)
    words = {"title": "Slow", "suggestion": "Hire 2"}
    pipeline = propose(**words, origin=f"breach:{breach.pk}" if origin == "breach" else origin)[0]
    pipeline = undo(pipeline=approve(pipeline=pipeline, by=boss, version=1), by=boss, version=1)
    assert propose(**words, origin=f"breach:{again.pk}") == (pipeline, False)
    # The last repeat comes from somebody who names no origin.
    propose(**words)
    reject(pipeline=pipeline, by=boss, version=2, comment="No money")
    run_errands()
    note_moves(Pipeline.objects.get(pk=pipeline.pk))
    last = f"Proposal #{pipeline.pk} “Hire 2” rejected by boss: No money"
    assert told(again) == [last], "once, and nothing of what was before"
    assert told(breach)[-1:] == ([last] if origin == "breach" else [])


def test_what_no_breach_opened_is_told_nowhere(breach, boss):
    for origin in ("", "agent:7", "breach:99999999"):
        pipeline = propose(title=f"From {origin}", suggestion="Hire 2", origin=origin)[0]
        note_moves(approve(pipeline=pipeline, by=boss, version=1))
    assert told(breach) == []
