"""Deadlines."""

from datetime import timedelta

import pytest
from django.utils import timezone

from pipelines_app.models import Pipeline
from pipelines_app.services import approve, expire, propose
from pipelines_app.tasks import expire as expire_task

pytestmark = pytest.mark.django_db


def test_it_expires_what_is_overdue_and_nothing_else(pipeline):
    later = propose(title="Later", suggestion="Act", now=pipeline.created_at + timedelta(hours=1))[0]
    assert expire(now=pipeline.due_at) == 1
    states = dict(Pipeline.objects.values_list("pk", "state"))
    assert states == {pipeline.pk: "expired", later.pk: "awaiting_approval"}
    assert pipeline.audit.last().event == "expired"


def test_it_expires_nothing_twice(pipeline):
    assert expire(now=pipeline.due_at) == 1
    assert expire(now=pipeline.due_at) == 0
    assert pipeline.audit.count() == 2


def test_it_leaves_what_was_decided(pipeline, approver):
    approve(pipeline=pipeline, by=approver, version=1)
    assert expire(now=pipeline.due_at) == 0


def test_it_runs_as_a_task():
    pipeline = propose(title="Old", suggestion="Act", now=timezone.now() - timedelta(days=3))[0]
    expire_task()
    pipeline.refresh_from_db()
    assert pipeline.state == "expired"


@pytest.mark.django_db(transaction=True)
def test_it_is_claimed_by_one_of_two_drains(pipeline, race):
    due = pipeline.due_at
    assert sorted(race(lambda: expire(now=due), lambda: expire(now=due))) == [0, 1]
    assert pipeline.audit.count() == 2
