"""What proposals leave on the chart of their KPI."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client

from hms_gov.joins.marks import list_marks, phrase
from hms_gov.joins.timeline import note_moves
from metrics_app.models import Breach
from pipelines_app.core.states import State
from pipelines_app.models import AuditEntry, Pipeline
from pipelines_app.services import approve, change_suggestion, fail, propose, retry, run_errands, stop, undo
from tests.metrics_app.watching import make_threshold

pytestmark = pytest.mark.django_db
EVER = (0, 4_102_444_800_000)


UNMARKED = {State.AWAITING_APPROVAL, State.MEASURING}


# In the order of the states: workers that run tests in parallel must list them alike.
@pytest.mark.parametrize("state", [state for state in State if state not in UNMARKED])
def test_every_end_and_every_step_of_an_action_is_marked(state):
    kind, words = phrase(state.value, "ada")
    assert kind in {"decision", "action", "effect"} and words


def test_a_proposal_is_marked_when_it_was_made_and_when_it_was_decided():
    boss = User.objects.create_superuser("boss")
    pipeline, _ = propose(title="Slow", suggestion="Hire 2", topic="er.wait")
    approve(pipeline=pipeline, by=boss, version=1)
    marks = list_marks("er.wait", *EVER, boss)
    assert [mark["text"].partition("” ")[2].split()[0] for mark in marks[:2]] == ["was", "approved"]
    assert marks[0]["href"] == f"/inbox/{pipeline.pk}/"
    assert list_marks("er.other", *EVER, boss) == []
    assert list_marks("er.wait", 0, 1, boss) == []


def test_what_was_undone_handed_over_and_tried_again_is_marked_as_that():
    boss = User.objects.create_superuser("boss")
    pipeline, _ = propose(title="Slow", suggestion="Hire 2", topic="er.wait")
    approve(pipeline=pipeline, by=boss, version=1)
    undo(pipeline=pipeline, by=boss, version=1)
    moment = approve(pipeline=pipeline, by=boss, version=2).decided_at + timedelta(seconds=10)
    run_errands(now=moment)
    fail(pipeline=pipeline, by=boss, version=2, comment="nobody is free")
    retry(pipeline=pipeline, by=boss, version=2)
    marks = list_marks("er.wait", *EVER, boss)
    assert [(mark["kind"], mark["text"].partition("” ")[2]) for mark in marks[1:]] == [
        ("decision", "approved by boss"),
        ("decision", "waits again, the approval taken back by boss"),
        ("decision", "approved by boss"),
        ("action", "is to be done by hand"),
        ("action", "failed, by boss: could not be done: nobody is free"),
        ("action", "is tried again, by boss"),
    ]


def test_a_stop_of_everything_is_no_mark_of_one_kpi():
    boss = User.objects.create_superuser("boss")
    propose(title="Slow", suggestion="Hire 2", topic="er.wait")
    stop(reason="audit", by=boss)
    assert len(list_marks("er.wait", *EVER, boss)) == 1


def test_who_may_not_see_a_proposal_sees_no_mark_of_it():
    group = Group.objects.create(name="owners")
    propose(title="Slow", suggestion="Hire 2", topic="er.wait", restricted_to=group)
    member, other = (User.objects.create_user(name) for name in ("member", "other"))
    member.groups.add(group)
    assert len(list_marks("er.wait", *EVER, member)) == 1
    assert list_marks("er.wait", *EVER, other) == []


def test_a_change_is_marked_and_what_was_before_it_keeps_its_words():
    boss, ada = User.objects.create_superuser("boss"), User.objects.create_superuser("ada")
    pipeline, _ = propose(title="Slow", suggestion="Hire 2", topic="er.wait")
    for version, words in enumerate(("Hire 1", "Hire " + "x" * 400), 1):
        change_suggestion(pipeline=pipeline, by=ada, version=version, suggestion=words)
    approve(pipeline=pipeline, by=boss, version=3)
    cut = "Hire " + "x" * 194 + "…"
    assert [mark["text"] for mark in list_marks("er.wait", *EVER, boss)] == [
        "“Hire 2” was proposed by the system",
        "“Hire 2” was changed to “Hire 1” by ada",
        f"“Hire 1” was changed to “{cut}” by ada",
        f"“{cut}” approved by boss",
    ]


@pytest.mark.parametrize("also_its_hash", [False, True])
def test_an_entry_that_was_edited_is_told_as_that_everywhere_and_never_as_what_it_says_now(also_its_hash):
    boss = User.objects.create_superuser("boss")
    breach = Breach.objects.create(
        threshold=make_threshold("er.wait", now=1_800_000_000_000),
        version=1,
        since=1,
        fired_at=2,
        value=5,
        n=1,
    )
    pipeline, _ = propose(title="Slow", suggestion="Hire 2", topic="er.wait", origin=f"breach:{breach.pk}")
    approve(pipeline=pipeline, by=boss, version=1, comment="go on")
    entry = AuditEntry.objects.get(event="approved")
    entry.data_text = entry.data_text.replace("go on", "numbat").replace("approved", "withdrawn")
    new_hash = entry.compute_hash() if also_its_hash else entry.hash
    with connection.cursor() as cursor:
        table = AuditEntry._meta.db_table
        cursor.execute(
            f"UPDATE {table} SET data_text = %s, hash = %s WHERE id = %s",
            [entry.data_text, new_hash, entry.pk],
        )
    note_moves(Pipeline.objects.get(pk=pipeline.pk))
    client = Client()
    client.force_login(boss)
    page = client.get(f"/inbox/{pipeline.pk}/").content.decode()
    told = [mark["text"] for mark in list_marks("er.wait", *EVER, boss)]
    told += breach.timeline.values_list("text", flat=True)
    assert "numbat" not in page + "".join(told) and "withdrawn" not in "".join(told)
    assert sum("this entry of the audit chain was changed" in text for text in told) == 2
    assert "this entry of the audit chain was changed" in page
