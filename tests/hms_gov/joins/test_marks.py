"""What proposals leave on the chart of their KPI."""

import pytest
from django.contrib.auth.models import Group, User

from hms_gov.joins.marks import list_marks, phrase
from pipelines_app.core.states import State
from pipelines_app.services import approve, propose

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


def test_who_may_not_see_a_proposal_sees_no_mark_of_it():
    group = Group.objects.create(name="owners")
    propose(title="Slow", suggestion="Hire 2", topic="er.wait", restricted_to=group)
    member, other = (User.objects.create_user(name) for name in ("member", "other"))
    member.groups.add(group)
    assert len(list_marks("er.wait", *EVER, member)) == 1
    assert list_marks("er.wait", *EVER, other) == []
