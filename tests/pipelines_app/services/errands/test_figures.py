"""The figures of the process, each told once."""

from datetime import timedelta

import pytest

from metrics_app.models import Kpi
from metrics_app.registry import forget
from pipelines_app.core.moments import to_ms
from pipelines_app.exceptions import Impossible
from pipelines_app.models import Errand, Pipeline
from pipelines_app.services import approve, emit_open, expire, propose, reject, run_errands, undo, withdraw
from pipelines_app.services.verify import verify_audit
from tests.pipelines_app.judging import judge, make_effect, make_plain

pytestmark = pytest.mark.django_db
TOLD, FAULTS = [], []
HOUR = timedelta(hours=1)


def emit(topic, value, *, at, key):
    """Writes down what it is told, after its faults."""
    if FAULTS:
        raise FAULTS.pop(0)
    TOLD.append((topic, round(value, 3), at, key))


@pytest.fixture(autouse=True)
def listening(settings):
    TOLD.clear()
    FAULTS.clear()
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"EMIT": f"{__name__}.emit"}


def test_an_approval_is_told_once_it_can_no_longer_be_undone(pipeline, approver):
    at = pipeline.created_at + 3 * HOUR
    approve(pipeline=pipeline, by=approver, version=1, now=at)
    run_errands(now=at + timedelta(seconds=9))
    assert TOLD == []
    for _ in range(2):
        run_errands(now=at + timedelta(seconds=10))
    assert [("pipeline.decision_hours", 3.0, to_ms(at), f"pipeline.decision_hours:{pipeline.pk}:1")] == TOLD


def test_a_figure_that_was_told_leaves_the_audit_without_a_fault(pipeline, approver):
    reject(pipeline=pipeline, by=approver, version=1, comment="no")
    run_errands()
    assert len(TOLD) == 1 and verify_audit().faults == []


def test_what_is_undone_is_not_told_and_the_next_decision_counts_from_the_opening(pipeline, approver, second):
    at = pipeline.created_at + HOUR
    approve(pipeline=pipeline, by=approver, version=1, now=at)
    undo(pipeline=pipeline, by=approver, version=1, now=at)
    reject(pipeline=pipeline, by=second, version=2, comment="no", now=at + HOUR)
    run_errands(now=at + 2 * HOUR)
    assert [(value, when) for _, value, when, _ in TOLD] == [(2.0, to_ms(at + HOUR))]


def test_what_was_revoked_was_decided_all_the_same(pipeline, approver):
    at = pipeline.created_at + HOUR
    approve(pipeline=pipeline, by=approver, version=1, now=at)
    withdraw(pipeline=pipeline, by=approver, version=1, comment="x", now=at + timedelta(seconds=1))
    run_errands(now=at + HOUR)
    assert [value for _, value, _, _ in TOLD] == [1.0]


def test_what_expires_counts_with_all_of_its_time_and_what_is_withdrawn_does_not(pipeline, approver):
    other = propose(title="Other", suggestion="x")[0]
    withdraw(pipeline=other, by=approver, version=1, comment="x")
    expire(now=pipeline.due_at)
    run_errands(now=pipeline.due_at)
    assert [(value, key) for _, value, _, key in TOLD] == [(24.0, f"pipeline.decision_hours:{pipeline.pk}:1")]


def test_it_is_tried_again_under_the_same_key_until_it_is_out(pipeline, approver):
    at = pipeline.created_at + HOUR
    reject(pipeline=pipeline, by=approver, version=1, comment="no", now=at)
    FAULTS.extend([OSError("the bus is away")] * 12)
    for hours in range(1, 14):
        run_errands(now=at + hours * HOUR)
    assert [value for _, value, _, _ in TOLD] == [1.0]


def test_what_the_project_refuses_for_good_ends_with_the_reason(pipeline, approver):
    reject(pipeline=pipeline, by=approver, version=1, comment="no")
    FAULTS.append(Impossible("no new topics here"))
    run_errands()
    assert Errand.objects.get(kind="figure").outcome == "failed after 1 attempt: no new topics here"


def test_an_effect_is_told_as_a_change_to_the_better_at_the_moment_of_its_verdict(approver):
    judged = judge(approver, make_effect("harmful", 0.2, 0.01))
    run_errands(now=judged.effect.judged_at)
    [(_, value, at, _)] = [told for told in TOLD if told[0] == "pipeline.effect_percent"]
    assert value == pytest.approx(-22.14, abs=0.01) and at == to_ms(judged.effect.judged_at)


@pytest.mark.parametrize(
    ("effect", "why"),
    [
        (make_effect("effective", -0.2, 0.01, together=(5,)), "another action fell into its span"),
        (make_plain("effective", -2.0, 0.1), "it has no change in per cent"),
    ],
)
def test_what_is_not_counted_is_not_told_and_says_why(approver, effect, why):
    judged = judge(approver, effect)
    run_errands(now=judged.effect.judged_at)
    assert [told[0] for told in TOLD] == ["pipeline.decision_hours"]
    assert Errand.objects.get(recipient="pipeline.effect_percent").outcome == f"not emitted: {why}"


@pytest.mark.parametrize("alike", [False, True])
def test_what_a_group_alone_may_know_is_told_where_the_figure_is_for_the_same_group(approver, group, alike):
    if alike:
        Kpi.objects.create(topic="pipeline.effect_percent", owner=group, restricted=True)
        forget()
    judged = judge(approver, make_effect("harmful", 0.2, 0.01))
    Pipeline.objects.update(restricted_to=group)
    run_errands(now=judged.effect.judged_at)
    assert ("pipeline.effect_percent" in [told[0] for told in TOLD]) is alike
    why = "emitted -22.1403" if alike else "not emitted: it is restricted to a group, and this figure is not"
    assert Errand.objects.get(recipient="pipeline.effect_percent").outcome == why


def test_how_many_wait_is_told_under_one_key_a_minute(pipeline):
    minute = pipeline.created_at.replace(second=0, microsecond=0)
    for seconds in (1, 59, 60):
        assert emit_open(now=minute + timedelta(seconds=seconds)) == 1
    keys = [key for _, _, _, key in TOLD]
    assert keys[0] == keys[1] != keys[2] and TOLD[0][:2] == ("pipeline.open", 1.0)


def test_where_nobody_listens_nothing_is_kept_for_it(settings, pipeline, approver):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"EMIT": ""}
    reject(pipeline=pipeline, by=approver, version=1, comment="no")
    assert emit_open() == 0 and not Errand.objects.filter(kind="figure").exists() and TOLD == []
