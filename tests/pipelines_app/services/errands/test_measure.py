"""A project that measures nothing: what was carried out ends there, and says so."""

from datetime import timedelta

import pytest

from pipelines_app.cards.execution import describe_execution
from pipelines_app.models import Errand, Pipeline
from pipelines_app.queries import find_plan
from pipelines_app.services import approve, change_suggestion, propose, run_errands

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("topic", "reason", "words"),
    [("", "no_topic", "no KPI measures it"), ("er.wait", "no_kpi", "nothing measures its KPI")],
)
def test_without_measurements_it_ends_when_it_is_done(acting, approver, settings, topic, reason, words):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"MEASUREMENTS": "", "TOPICS": "", "WATCH": ""}
    pipeline = propose(title="Other", suggestion="Pay 2", topic=topic, action="pay")[0]
    assert find_plan(pipeline)["reason"] == reason
    assert words in describe_execution(pipeline, approver).follows
    approved = approve(pipeline=pipeline, by=approver, version=1)
    run_errands(now=approved.decided_at + timedelta(seconds=10))
    done = Pipeline.objects.get(pk=pipeline.pk)
    assert done.state == "done" and not Errand.objects.filter(kind="measure").exists()
    assert words in describe_execution(done, approver).progress


def test_a_changed_suggestion_keeps_the_plan(pipeline, approver):
    before = find_plan(pipeline)
    changed = change_suggestion(pipeline=pipeline, by=approver, version=1, suggestion="Hire 1")
    assert changed.version == 2 and find_plan(changed) == before
