"""From a year of hours to a verdict: planned before anybody decides, judged once, by the real errand."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from hms_gov.joins import effects, marks
from metrics_app.exceptions import BusUnavailable
from metrics_app.models import HourRollup, Kpi, Note
from metrics_app.registry import forget
from metrics_app.services.rules.thresholds import save_threshold
from pipelines_app.cards.effects import describe_outcome, tell_promise
from pipelines_app.cards.execution import describe_execution
from pipelines_app.exceptions import NotMeasured
from pipelines_app.models import Effect, Pipeline
from pipelines_app.queries import find_plan, list_to_do
from pipelines_app.services import approve, close, confirm, propose, run_errands
from pipelines_app.services.errands import measure
from pipelines_app.services.errands.plan import claim
from pipelines_app.services.verify import verify_audit
from tests.hms_gov.joins.measured import DAY_MS, SECONDS, at, carry_out, find_due, judge, load, seed
from tests.metrics_app.watching import TOPIC, make_threshold

pytestmark = pytest.mark.django_db


def touch(sql):
    """What somebody with a database shell does."""
    with connection.cursor() as cursor:
        cursor.execute(sql)


def read(pipeline):
    return Effect.objects.get(pipeline=pipeline).document


@pytest.mark.parametrize(("factor", "verdict"), [(0.7, "effective"), (1.4, "harmful"), (1.0, "ineffective")])
def test_the_verdict_is_that_of_the_hours_after_the_settling(approver, factor, verdict):
    pipeline = carry_out(seed(factor=factor, noise=0.02), approver)
    assert pipeline.state == "measuring"
    judged = judge(pipeline)
    assert judged.state == verdict
    found = read(judged)["effect"]
    assert found["observed"] == pytest.approx(SECONDS * factor, rel=0.01)
    assert found["expected"] == pytest.approx(SECONDS, rel=0.01)
    assert found["percent_low"] <= found["percent"] <= found["percent_high"]
    assert found["percent"] == pytest.approx((factor - 1) * 100, abs=1.5)
    assert verify_audit().faults == []


def test_where_higher_is_better_the_same_rise_is_a_success(approver):
    assert judge(carry_out(seed(factor=1.4, noise=0.02, direction="higher"), approver)).state == "effective"


def test_what_it_can_prove_is_frozen_and_said_before_anybody_decides(approver):
    fired = seed(noise=0.4)
    pipeline = propose(title="Slow", suggestion="Hire 2", topic=TOPIC, now=at(fired))[0]
    plan = find_plan(pipeline)["plan"]
    assert plan["fired_at"] == fired and (plan["settle"], plan["span"]) == (24, 168)
    assert 1 < plan["half_width_percent"] < 60
    told = tell_promise(find_plan(pipeline), at(fired))
    assert f"in 7 days a change under {plan['half_width_percent']:.0f} % could not be told" in told
    assert told in describe_execution(pipeline, approver, now=at(fired)).follows


@pytest.mark.parametrize(
    ("more", "reason", "words"),
    [
        ({"days": 120}, "short_history", "less than 180 days"),
        ({"gap": 3}, "empty_day", "a day of the span has no points"),
        ({"noise": 1.5}, "wide", "so much change comes by itself"),
    ],
)
def test_what_proves_nothing_says_why_and_shows_the_plain_comparison(approver, more, reason, words):
    judged = judge(carry_out(seed(**more), approver))
    assert judged.state == "inconclusive"
    found = read(judged)["effect"]
    assert found["reason"] == reason and found["plain"]["after"] > 0
    assert words in describe_execution(judged, approver).progress
    assert [one.pk for one in list_to_do(type(judged).objects.all())] == [judged.pk]


def test_it_is_not_judged_an_instant_before_late_points_had_their_time(approver):
    fired = seed(factor=0.7)
    pipeline = carry_out(fired, approver)
    due = find_due(pipeline)
    # 24 hours to settle, 7 days, and a quarter of an hour for what comes late.
    assert due == at(fired + 8 * DAY_MS + 15 * 60_000)
    run_errands(now=due - timedelta(seconds=1))
    assert load(pipeline).state == "measuring" and not Effect.objects.exists()
    progress = describe_execution(pipeline, approver, now=due - timedelta(seconds=1)).progress
    assert "not looked at before" in progress and "%" not in progress
    run_errands(now=due)
    first = Effect.objects.get().text
    HourRollup.objects.update(sum=1.0)
    run_errands(now=due + timedelta(days=3))
    assert Effect.objects.get().text == first


def test_a_step_done_by_hand_counts_from_its_day_and_no_earlier_than_its_approval(approver):
    fired = seed(factor=0.7)
    pipeline = propose(title="Slow", suggestion="Hire 2", topic=TOPIC, now=at(fired))[0]
    approve(pipeline=pipeline, by=approver, version=1, now=at(fired))
    later = at(fired + 4 * DAY_MS)
    run_errands(now=later)
    day = timezone.localdate(at(fired + 3 * DAY_MS))
    for _ in range(2):
        done = confirm(pipeline=pipeline, by=approver, version=1, day=f"{day}", now=later)
    assert done.state == "measuring" and done.audit.filter(event="done").count() == 1
    midnight = timezone.localtime(at(measure.find_span(done)["started_at"]), timezone.get_default_timezone())
    assert (midnight.date(), midnight.hour) == (day, 0)
    assert judge(done).state == "effective"


def test_what_cannot_be_read_is_tried_again_and_never_taken_for_an_empty_week(approver, monkeypatch):
    pipeline = carry_out(seed(factor=0.7), approver)
    due = find_due(pipeline)

    def fall_over(*args):
        raise OSError("the archive is away")

    with monkeypatch.context() as patch:
        patch.setattr("hms_gov.joins.measurements.hours", fall_over)
        run_errands(now=due)
        errand = pipeline.errands.get(kind="measure")
        assert (load(pipeline).state, errand.error) == ("measuring", "the archive is away")
        assert errand.due_at > due and errand.done_at is None
        assert "the archive is away" in describe_execution(pipeline, approver, now=due).progress
    run_errands(now=due + timedelta(hours=1))
    assert load(pipeline).state == "effective"


def test_a_collector_that_stands_still_is_not_silence(approver, monkeypatch, caplog):
    pipeline = carry_out(seed(factor=0.7), approver)
    marks = dict.fromkeys(range(64), measure.find_span(pipeline)["judged_to"] - 1)
    monkeypatch.setattr("metrics_app.queries.collected_through", lambda: marks)
    assert judge(pipeline).state == "measuring"
    assert "not yet to" in pipeline.errands.get(kind="measure").error
    # It was foreseen, and one line says all there is; also of what is proposed meanwhile.
    propose(title="Later", suggestion="x", topic=TOPIC, now=find_due(pipeline) + timedelta(days=1))
    told = [(bool(record.exc_info), "not yet to" in record.getMessage()) for record in caplog.records]
    assert told == [(False, True)] * 2


def test_a_redis_that_is_away_is_foreseen_as_well(monkeypatch):
    def be_away():
        raise BusUnavailable("No Redis at 127.0.0.1:6379")

    monkeypatch.setattr("metrics_app.queries.collected_through", be_away)
    with pytest.raises(NotMeasured, match=f"{TOPIC} cannot be read right now: No Redis at"):
        effects.hours(TOPIC, 0, 1)


def test_a_failure_to_read_keeps_nobody_from_proposing_and_is_judged_all_the_same(
    approver, monkeypatch, caplog
):
    fired = seed(factor=0.7)
    with monkeypatch.context() as patch:
        patch.setattr("hms_gov.joins.measurements.hours", lambda *args: 1 / 0)
        pipeline = propose(title="Slow", suggestion="x", topic=TOPIC, now=at(fired))[0]
    assert find_plan(pipeline)["reason"] == "unreadable"
    assert "could not be read" in caplog.text and "ZeroDivisionError" in caplog.text
    assert "could not be read" in tell_promise(find_plan(pipeline), at(fired))
    with monkeypatch.context() as patch:
        patch.setattr("hms_gov.joins.measurements.hours", lambda *args: 1 / 0)
        other = carry_out(fired, approver, title="Other")
    assert judge(other).state == "effective"


def test_a_kpi_without_a_good_side_is_carried_out_and_not_judged(approver):
    pipeline = carry_out(seed(direction="none"), approver)
    assert pipeline.state == "done" and find_plan(pipeline)["reason"] == "no_direction"
    assert "nobody has said which way" in describe_execution(pipeline, approver).progress


def test_a_topic_without_a_kpi_ends_when_it_is_done(approver):
    done = carry_out(seed(), approver, title="Elsewhere")
    assert done.state == "measuring"
    nowhere = propose(title="No", suggestion="x", topic="no.such")[0]
    assert find_plan(nowhere)["reason"] == "no_kpi"


def test_a_worker_that_dies_while_judging_leaves_it_to_the_next_and_it_is_judged_once(approver, monkeypatch):
    class Killed(BaseException):
        """What no handler of errors catches."""

    pipeline = carry_out(seed(factor=0.7), approver)
    due = find_due(pipeline)

    def die(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(measure, "move", die)
        with pytest.raises(Killed):
            run_errands(now=due)
    assert load(pipeline).state == "measuring" and not Effect.objects.exists()
    run_errands(now=due + timedelta(hours=1))
    assert load(pipeline).state == "effective"
    assert pipeline.audit.filter(event="judged").count() == 1 and verify_audit().faults == []


def test_of_two_drains_only_the_one_that_holds_the_errand_judges(approver):
    pipeline = carry_out(seed(factor=0.7), approver)
    due = find_due(pipeline)
    slow = claim(pipeline.errands.get(kind="measure").pk, due)
    document = measure.make_document(pipeline)
    run_errands(now=due + timedelta(hours=1))
    assert load(pipeline).state == "effective"
    assert measure.finish(slow, document, due).startswith("not judged")
    assert Effect.objects.count() == 1 and pipeline.audit.filter(event="judged").count() == 1


@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        ("UPDATE pipelines_app_effect SET text = REPLACE(text, 'effective', 'harmful')", "was changed"),
        ("UPDATE pipelines_app_effect SET text = '{}', sha256 = 'f'", "was changed"),
        ("DELETE FROM pipelines_app_effect", "is gone"),
        ("UPDATE pipelines_app_pipeline SET state = 'harmful'", "left it effective"),
    ],
)
def test_an_edited_effect_is_found_and_named(approver, edit, fault):
    judged = judge(carry_out(seed(factor=0.7), approver))
    touch(edit)
    [told] = verify_audit().faults
    assert fault in told and f"#{judged.pk}" in told
    if "text" in edit:
        assert "not as it was judged" in describe_execution(judged, approver).progress


def test_a_frozen_plan_that_was_changed_judges_nothing(approver):
    pipeline = carry_out(seed(factor=0.7), approver)
    touch(
        'UPDATE pipelines_app_version SET text = REPLACE(text, \'"better":"lower"\', \'"better":"higher"\')'
    )
    judged = judge(pipeline)
    assert judged.state == "inconclusive" and read(judged)["effect"]["reason"] == "tampered"


def test_a_person_closes_what_proves_nothing_and_the_verdict_stays(approver):
    judged = judge(carry_out(seed(noise=1.5), approver))
    assert "close" in describe_execution(judged, approver).steps
    for _ in range(2):
        closed = close(pipeline=judged, by=approver, version=1, comment="the agents stay")
    assert closed.state == "inconclusive" and closed.audit.filter(event="closed").count() == 1
    assert not list_to_do(type(judged).objects.all())
    progress = describe_execution(closed, approver)
    assert "Closed by ada: “the agents stay”" in progress.progress and not progress.steps
    assert verify_audit().faults == []
    touch("UPDATE pipelines_app_effect SET closed_reason = 'the agents go'")
    assert verify_audit().faults == [f"the closing of the effect of proposal #{judged.pk} was changed"]


def test_what_else_happened_is_named(approver):
    fired = seed(factor=0.7)
    pipeline = carry_out(fired, approver)
    other = carry_out(fired + 3 * DAY_MS, approver, title="Other")
    Note.objects.create(topic=TOPIC, at=fired + 4 * DAY_MS, text="New form went live", author=approver)
    Note.objects.create(topic=TOPIC, at=fired - 4 * DAY_MS, text="Before", author=approver)
    judged = judge(pipeline)
    told = [words for _, words, _ in describe_outcome(judged).confounders]
    assert told == [f"Together with #{other.pk}", "Note: New form went live"]
    assert read(judged)["effect"]["together"]


def test_the_verdict_is_a_mark_on_the_chart(approver):
    judged = judge(carry_out(seed(factor=0.7), approver))
    found = marks.list_marks(TOPIC, 0, 2**41, approver)
    assert [mark["text"] for mark in found if mark["kind"] == "effect"] == ["“Hire 2” proved effective"]
    assert judged.pk


def test_until_it_is_judged_a_repeat_is_noted_and_a_graver_one_opens(approver):
    pipeline = carry_out(seed(factor=0.7), approver)
    for state in ("approved", "executing", "measuring"):
        Pipeline.objects.filter(pk=pipeline.pk).update(state=state)
        same, created = propose(title="Slow", suggestion="Hire 2", topic=TOPIC, kpi=7.0)
        assert (same.pk, created, same.latest_kpi) == (pipeline.pk, False, 7.0)
    milder, created = propose(title="Slow", suggestion="Hire 2", topic=TOPIC, severity="info")
    assert not created and milder.noted == 4
    graver, created = propose(title="Slow", suggestion="Hire 2", topic=TOPIC, severity="critical")
    assert created and graver.pk != pipeline.pk
    assert propose(title="Slow", suggestion="Hire 2", topic=TOPIC)[0].pk == graver.pk
    Pipeline.objects.filter(pk=graver.pk).update(state="rejected")
    judge(pipeline)
    assert propose(title="Slow", suggestion="Hire 2", topic=TOPIC)[1]


def test_a_rule_that_counts_is_judged_by_points_per_hour_and_a_percentile_by_the_mean(db):
    seed(days=1)
    counted = effects.describe_effect(TOPIC, {"aggregate": "count", "window": 60})
    assert (counted["kind"], counted["of"], counted["told"]) == ("total", "points", "")
    slow = effects.describe_effect(TOPIC, {"aggregate": "p95", "window": 60})
    assert (slow["kind"], slow["of"]) == ("mean", "values") and "the mean" in slow["told"]
    assert effects.describe_effect("no.such", None) is None


def test_the_breaches_and_edits_of_a_rule_are_listed(approver):
    fired = seed(days=1)
    threshold = make_threshold(now=fired, by=approver)
    threshold.limit = 50 * 3600.0
    save_threshold(threshold, by=approver, now=fired)
    found = effects.list_events(TOPIC, 0, 2**53)
    assert [one["text"] for one in found["edits"]] and found["breaches"] == []


@pytest.mark.django_db(transaction=True)
def test_two_drains_at_once_judge_it_once(approver):
    pipeline = carry_out(seed(factor=0.7), approver)
    due, start, faults = find_due(pipeline), threading.Barrier(2), []

    def drain():
        try:
            start.wait(60)
            run_errands(now=due)
        except Exception as error:  # the test looks at it
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=drain) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not faults and load(pipeline).state == "effective"
    assert pipeline.audit.filter(event="judged").count() == 1 and verify_audit().faults == []


def test_page_csv_and_api_tell_one_story(approver, client):
    judged = judge(carry_out(seed(factor=0.7), approver))
    client.force_login(approver)
    told = client.get(f"/api/v1/pipelines/{judged.pk}/").json()["effect"]
    assert (told["verdict"], told["intact"], told["closed"]) == ("effective", True, None)
    assert told["numbers"]["observed"] == read(judged)["effect"]["observed"]
    page = client.get(f"/inbox/{judged.pk}/").content.decode()
    assert "What came of it: effective" in page and told["sentence"] in page
    assert '<rect class="band"' in page and page.count("<polyline") == 1
    lines = client.get(f"/inbox/{judged.pk}/effect.csv").content.decode().splitlines()
    assert len(lines) == 1 + 35 and sum(",judged," in line for line in lines) == 7
    touch("UPDATE pipelines_app_effect SET text = '{}'")
    told = client.get(f"/api/v1/pipelines/{judged.pk}/").json()["effect"]
    assert (told["intact"], told["numbers"]) == (False, None)
    assert client.get(f"/inbox/{judged.pk}/effect.csv").status_code == 404
    assert "not as it was judged" in client.get(f"/inbox/{judged.pk}/").content.decode()


def test_it_is_closed_over_http_with_a_reason_and_found_in_the_inbox_until_then(approver, client):
    judged = judge(carry_out(seed(noise=1.5), approver))
    client.force_login(approver)
    assert "Close it" in client.get("/inbox/").content.decode()
    form = {"vote": "close", "version": 1, "comment": ""}
    assert client.post(f"/inbox/{judged.pk}/decide/", form).status_code == 400
    assert client.post(f"/inbox/{judged.pk}/decide/", form | {"comment": "they stay"}).status_code == 302
    assert "Close it" not in client.get("/inbox/").content.decode()
    told = client.get(f"/api/v1/pipelines/{judged.pk}/").json()["effect"]
    assert (told["verdict"], told["closed"]["by"], told["closed"]["reason"]) == (
        "inconclusive",
        "ada",
        "they stay",
    )


@pytest.mark.parametrize(
    ("gap", "told"),
    [
        (None, "all 168 hours"),
        (3, "144 of 168 hours; a total takes the rest as 0, though nobody counted"),
    ],
)
def test_of_a_total_it_says_how_many_of_its_hours_were_recorded(approver, gap, told):
    fired = seed(gap=gap)
    Kpi.objects.filter(topic=TOPIC).update(aggregate="rate_per_hour", window=3600)
    forget()
    pipeline = judge(carry_out(fired, approver))
    assert dict(describe_outcome(pipeline).rows)["Recorded"] == told
    assert verify_audit().faults == []


def test_of_a_mean_nothing_is_taken_as_zero(approver):
    pipeline = judge(carry_out(seed(gap=3), approver))
    assert "Recorded" not in dict(describe_outcome(pipeline).rows)
