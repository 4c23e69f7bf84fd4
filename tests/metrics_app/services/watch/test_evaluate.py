"""The evaluator on a real bus and a real database."""

import sqlite3
from contextlib import nullcontext
from unittest.mock import Mock

import psycopg
import pytest
from django.db import OperationalError

from metrics_app import queries
from metrics_app.collector import collect_all
from metrics_app.core.records import unpack_records
from metrics_app.models import Breach, EvaluationRecord, ThresholdState
from metrics_app.services.rules.thresholds import save_threshold
from metrics_app.services.watch.announce import announce
from metrics_app.services.watch.evaluate import evaluate, evaluate_now
from metrics_app.services.watch.states import read_states
from tests.metrics_app.watching import HOUR, TOPIC, events_of, make_threshold, send

pytestmark = pytest.mark.django_db
MINUTE = 60_000


def get_state(threshold):
    return ThresholdState.objects.get(threshold=threshold)


def test_it_opens_one_breach_when_the_mean_crosses_the_limit(base):
    threshold = make_threshold(now=base)
    send((base + 1000, 47 * HOUR), (base + 61_000, 60 * HOUR))
    assert evaluate(now=base + MINUTE + 1) == 1
    assert get_state(threshold).state == "ok"
    evaluate(now=base + 2 * MINUTE + 1)
    breach = Breach.objects.get()
    assert (breach.fired_at, breach.since, breach.n) == (base + 2 * MINUTE, base + 2 * MINUTE, 2)
    assert breach.value == breach.peak == 53.5 * HOUR
    assert breach.version == 1 and breach.recovered_at is None and not breach.caught_up
    assert breach.timeline.get().text == "Fired: mean 53 h 30 min over 30 min, 2 points; above 48 h."
    evaluate(now=base + 3 * MINUTE + 1)
    assert Breach.objects.count() == 1


def test_it_judges_a_slot_only_once_the_mark_has_passed_it(base):
    threshold = make_threshold(now=base)
    collect_all()
    assert evaluate(now=base + MINUTE) == 1  # the extra slot of the save, at base itself
    assert get_state(threshold).last_slot == base
    assert evaluate(now=base + MINUTE) == 0
    assert evaluate(now=base + MINUTE + 1) == 1
    assert evaluate(now=base + MINUTE + 1) == 0


def test_it_waits_for_late_points_as_long_as_it_is_told(base):
    threshold = make_threshold(now=base, delay=90)
    collect_all()
    evaluate(now=base + MINUTE + 90_000)
    assert get_state(threshold).last_slot == base
    evaluate(now=base + MINUTE + 90_001)
    assert get_state(threshold).last_slot == base + MINUTE


@pytest.mark.parametrize(
    ("cause", "ends"),
    [
        (psycopg.errors.ReadOnlySqlTransaction("cannot execute UPDATE"), pytest.raises(OperationalError)),
        (sqlite3.OperationalError("database is locked"), pytest.raises(OperationalError)),
        (psycopg.errors.DeadlockDetected("deadlock detected"), nullcontext()),
    ],
)
def test_a_round_that_could_not_be_written_is_not_told_as_gone_over(base, monkeypatch, cause, ends):
    """Else every light whose next slot is far off would read as judged, while nothing is."""
    make_threshold(now=base)
    collect_all()
    refused, noted = OperationalError("x"), []
    refused.__cause__ = cause
    monkeypatch.setattr("metrics_app.services.watch.evaluate.judge_chunk", Mock(side_effect=refused))
    monkeypatch.setattr("metrics_app.services.watch.evaluate.note_work", noted.append)
    with ends:
        evaluate()
    assert not noted
    monkeypatch.setattr("metrics_app.services.watch.evaluate.judge_chunk", Mock(return_value=([], 0)))
    evaluate()
    assert set(noted) == {"evaluator"}


def test_it_judges_nothing_while_nothing_is_collected(base):
    threshold = make_threshold(now=base)
    assert evaluate() == 0
    assert get_state(threshold).slot_class == ""
    view = read_states([threshold])[threshold.pk]
    assert (view.data, view.data_since) == ("behind", None)


def test_a_stopped_collector_reads_as_behind_and_never_as_silence(base):
    threshold = make_threshold(now=base + 39 * MINUTE, no_data="fire", no_data_for=60)
    send((base + 38 * MINUTE, 60 * HOUR))
    evaluate()
    mark = queries.collected_through()[queries.shard_for(TOPIC)]
    assert read_states([threshold], now=mark + 9_000)[threshold.pk].data == "fresh"
    later = mark + 3 * 3_600_000
    assert evaluate(now=later) == 0
    view = read_states([threshold], now=later)[threshold.pk]
    assert (view.state, view.data, view.data_since) == ("firing", "behind", mark)
    assert Breach.objects.filter(kind="data").count() == 0


def test_a_stopped_evaluator_reads_as_behind_too(base):
    threshold = make_threshold(now=base)
    collect_all()
    evaluate(now=base + 1)
    view = read_states([threshold], now=base + 40 * MINUTE)[threshold.pk]
    # From the slot that was judged to the one that was due, as far as points are collected.
    assert view.data == "behind" and base <= view.data_since <= base + MINUTE


def test_it_says_behind_when_redis_is_away(base, settings):
    threshold = make_threshold(now=base)
    settings.METRICS_APP = {**settings.METRICS_APP, "REDIS_URL": "redis://127.0.0.1:1/0"}
    assert read_states([threshold])[threshold.pk].data == "behind"


def test_it_catches_up_slot_by_slot_and_a_breach_that_came_and_went_proposes_nothing(base):
    threshold = make_threshold(now=base, window=60)
    send((base + 61_000, 60 * HOUR), (base + 121_000, 10 * HOUR))
    evaluate(now=base + 10 * MINUTE + 1)
    breach = Breach.objects.get()
    assert (breach.fired_at, breach.recovered_at) == (base + 2 * MINUTE, base + 3 * MINUTE)
    assert breach.caught_up and events_of(breach) == ["fired", "recovered"]
    assert announce() == 1
    breach.refresh_from_db()
    assert "catching up" in breach.outcome
    assert get_state(threshold).last_slot == base + 10 * MINUTE
    slots = EvaluationRecord.objects.filter(interval=60).order_by("slot").values_list("slot", flat=True)
    assert list(slots) == [base + n * MINUTE for n in range(11)]


def test_a_breach_that_is_still_open_after_catching_up_is_announced(base, monkeypatch):
    make_threshold(now=base, window=60)
    send(*((base + n * MINUTE + 1000, 60 * HOUR) for n in range(1, 10)))
    # Few windows per read, so that catching up takes several writes.
    monkeypatch.setattr("metrics_app.services.watch.agenda.WINDOWS", 3)
    evaluate(now=base + 10 * MINUTE + 1)
    breach = Breach.objects.get()
    assert breach.fired_at == base + 2 * MINUTE and not breach.caught_up
    assert announce() == 1


def test_nobody_is_told_of_a_breach_before_the_catching_up_is_over(base):
    threshold = make_threshold(now=base)
    Breach.objects.create(
        threshold=threshold, version=1, since=base, fired_at=base, caught_up=True, value=1, n=1
    )
    assert announce() == 0
    collect_all()
    evaluate()
    assert Breach.objects.get().announced_at is None
    assert announce() == 1


def test_it_counts_slots_that_are_no_longer_hot_and_lets_no_timer_grow_by_them(base):
    threshold = make_threshold(now=base, pending_for=7200, window=60)
    send((base + 1000, 60 * HOUR), (base - 1000, 60 * HOUR))
    evaluate(now=base + MINUTE + 1)
    assert get_state(threshold).state == "pending"
    timer = get_state(threshold).timer_ms
    # As if the evaluator had slept for three hours before.
    slept = 180 * MINUTE
    ThresholdState.objects.update(last_slot=base + MINUTE - slept, due_at=base + 2 * MINUTE - slept)
    send((base + 38 * MINUTE, 60 * HOUR))
    evaluate(now=base + 38 * MINUTE + 1)
    state = get_state(threshold)
    assert state.missed > 100
    assert state.timer_ms - timer <= 40 * MINUTE


def test_a_failing_window_is_an_error_of_its_own(base, monkeypatch):
    sound, broken = make_threshold(now=base), make_threshold("broken.topic", now=base)
    send((base - 1000, 60 * HOUR))
    observe_many = queries.observe_many

    def fail(asked):
        if "broken.topic" in asked.topics:
            raise ValueError("unreadable")
        return observe_many(asked)

    monkeypatch.setattr(queries, "observe_many", fail)
    evaluate(now=base + 1)
    assert get_state(sound).state == "firing"
    state = get_state(broken)
    assert (state.slot_class, state.data, state.n, state.value) == ("error", "error", -1, None)


def test_it_keeps_the_peak_and_the_story_of_an_incident(base):
    threshold = make_threshold(now=base, window=60, keep_firing_for=60, recovery_limit=40 * HOUR)
    hours = [50, 70, 60, 45, 30, 50, 30, 30]
    send(*((base + n * MINUTE - 30_000, h * HOUR) for n, h in enumerate(hours)))
    for n in range(len(hours)):
        evaluate(now=base + n * MINUTE + 1)
    breach = Breach.objects.get()
    assert breach.peak == 70 * HOUR and breach.recovered_at == base + 7 * MINUTE
    assert events_of(breach) == ["fired", "recovering", "relapsed", "recovering", "recovered"]
    assert breach.timeline.last().text == (
        "Recovered after 7 min: mean 30 h over 1 min, 1 point. Worst 70 h."
    )
    assert get_state(threshold).state == "ok"


def test_it_reopens_the_same_breach_within_the_cool_down(base):
    make_threshold(now=base, window=60, cooldown=120)
    hours = [50, 30, 30, 55, 30, 30, 30, 60]
    send(*((base + n * MINUTE - 30_000, h * HOUR) for n, h in enumerate(hours)))
    for n in range(len(hours)):
        evaluate(now=base + n * MINUTE + 1)
        announce()
    first, second = Breach.objects.order_by("pk")
    assert (first.reopened, first.peak) == (1, 55 * HOUR)
    texts = [event.kind for event in first.timeline.exclude(kind="announced")]
    assert texts == ["fired", "recovered", "reopened", "recovered"]
    assert second.fired_at == base + 7 * MINUTE


def test_silence_opens_a_data_breach_and_points_close_it(base):
    threshold = make_threshold(now=base, window=60, no_data="fire", no_data_for=120)
    send((base - 1000, HOUR), (base + 5 * MINUTE - 1000, 60 * HOUR))
    for n in range(6):
        evaluate(now=base + n * MINUTE + 1)
        assert Breach.objects.filter(recovered_at=None).count() <= 1
    data, limit = Breach.objects.order_by("pk")
    assert (data.kind, data.since, data.fired_at) == ("data", base + MINUTE, base + 3 * MINUTE)
    assert data.recovered_at == limit.fired_at == base + 5 * MINUTE
    assert (limit.kind, limit.recovered_at) == ("limit", None)
    assert data.timeline.first().text == "No points for 2 min."
    announce()
    data.refresh_from_db()
    assert "points are missing" in data.outcome
    assert get_state(threshold).data == "fresh"


def test_silence_never_closes_a_breach(base):
    threshold = make_threshold(now=base, window=60, no_data="fire", no_data_for=60)
    send((base - 1000, 60 * HOUR))
    for n in range(5):
        evaluate(now=base + n * MINUTE + 1)
    breach = Breach.objects.get()
    assert breach.recovered_at is None and events_of(breach) == ["fired", "no_data"]
    assert (get_state(threshold).state, get_state(threshold).data) == ("firing", "empty")


def test_it_judges_an_empty_window_of_counts(base):
    quiet = make_threshold(
        now=base, aggregate="count", operator="lt", limit=1, window=60, title="", min_count=5
    )
    busy = make_threshold(now=base, aggregate="rate_per_hour", operator="gt", limit=90, window=60, title="")
    send(*((base - 500 + n, HOUR) for n in range(3)))
    evaluate(now=base + 1)
    assert (get_state(quiet).state, get_state(busy).state) == ("ok", "firing")
    evaluate(now=base + MINUTE + 1)
    assert (get_state(quiet).state, get_state(busy).state) == ("firing", "ok")
    assert Breach.objects.get(threshold=quiet).timeline.get().text == (
        "Fired: count 0 over 1 min, no point; below 1."
    )


def test_an_edit_keeps_the_state_and_is_judged_at_once(base):
    threshold = make_threshold(now=base, limit=100 * HOUR)
    send((base - 1000, 60 * HOUR))
    evaluate(now=base + 1)
    assert get_state(threshold).state == "ok"
    threshold.limit = 600.0
    save_threshold(threshold, by=None, now=base + 7_500)
    assert evaluate_now(threshold.pk, now=base + 7_600)
    breach = Breach.objects.get()
    assert (breach.version, breach.fired_at) == (2, base + 7_000)
    [record] = EvaluationRecord.objects.filter(interval=0)
    [judged] = unpack_records(record.packed)
    assert record.slot == base + 7_000
    assert judged == (threshold.pk, 2, "breach", 60.0 * HOUR, 1, "firing")
    threshold.limit = 50.0 * HOUR
    save_threshold(threshold, by=None, now=base + 7_900)
    evaluate(now=base + MINUTE + 1)
    assert Breach.objects.get().recovered_at is None
    assert get_state(threshold).last_slot == base + MINUTE


def test_a_save_between_reading_and_writing_wins(base, monkeypatch):
    threshold = make_threshold(now=base, limit=100 * HOUR)
    send((base - 1000, 60 * HOUR))
    observe_many = queries.observe_many

    def save_meanwhile(asked):
        monkeypatch.setattr(queries, "observe_many", observe_many)
        threshold.limit = 600.0
        save_threshold(threshold, by=None, now=base + 5_000)
        return observe_many(asked)

    monkeypatch.setattr(queries, "observe_many", save_meanwhile)
    assert evaluate(now=base + 1) == 0
    assert evaluate(now=base + 5_001) == 1
    assert Breach.objects.get().version == 2


def test_a_disabled_threshold_sleeps_and_is_not_judged_for_its_sleep(base):
    threshold = make_threshold(now=base, window=60, enabled=False)
    send((base + 61_000, 60 * HOUR))
    assert evaluate(now=base + 5 * MINUTE) == 0
    assert read_states([threshold])[threshold.pk].data == "fresh"
    threshold.enabled = True
    save_threshold(threshold, by=None, now=base + 10 * MINUTE)
    evaluate(now=base + 12 * MINUTE + 1)
    assert not Breach.objects.exists() and get_state(threshold).missed == 0


def test_the_order_in_which_points_arrive_does_not_matter(base):
    first, second = make_threshold("a.a", now=base), make_threshold("b.b", now=base)
    points = [(base - n * 20_000 - 1, value * HOUR) for n, value in enumerate((10, 90, 30, 80, 50))]
    for point in points:
        send(point, topic="a.a")
    for point in reversed(points):
        send(point, topic="b.b")
    evaluate(now=base + 1)
    one, other = get_state(first), get_state(second)
    assert (one.state, one.n) == (other.state, other.n) == ("firing", 5)
    assert one.value == pytest.approx(other.value, rel=1e-12)
