"""Saving a threshold: versions, the extra slot, and what happens at once."""

import time

import pytest
from django.contrib.auth.models import User

from metrics_app.exceptions import BadInput, ChangedMeanwhile
from metrics_app.models import Breach, Kpi, Threshold, ThresholdState
from metrics_app.queries import collected_through, shard_for
from metrics_app.services.rules.thresholds import delete_threshold, save_threshold
from metrics_app.services.watch.announce import announce
from metrics_app.services.watch.evaluate import evaluate
from tests.metrics_app.watching import HOUR, RULE, TOPIC, make_threshold, send

pytestmark = pytest.mark.django_db
answers = []


def answer(breach):
    answers.append(breach.pk)
    return "proposed #1"


def test_every_change_of_the_rule_is_a_version_with_author_and_reason(base):
    ann = User.objects.create_user("ann")
    threshold = make_threshold(now=base, by=ann)
    threshold.limit = 600.0
    save_threshold(threshold, by=ann, reason="tighter", now=base)
    second, first = threshold.versions.all()
    assert (first.rule["limit"], second.rule["limit"]) == (172800, 600)
    assert (second.version, second.author, second.reason) == (2, ann, "tighter")
    assert threshold.edited_by == ann
    assert set(first.rule) == set(Threshold.RULE_FIELDS)


def test_a_new_threshold_has_no_past(base):
    make_threshold(now=base + 7_500)
    state = ThresholdState.objects.get()
    assert (state.last_slot, state.extra_slot, state.due_at) == (base + 6_000, base + 7_000, base + 7_000)


def test_the_extra_slot_waits_for_late_points_as_the_others_do(base):
    make_threshold(now=base + 90_000, delay=30)
    state = ThresholdState.objects.get()
    assert (state.extra_slot, state.due_at) == (base + 60_000, base + 90_000)


def test_two_saves_in_one_second_are_both_judged(base):
    threshold = make_threshold(now=base + 500, limit=100 * HOUR)
    send((base - 1000, 60 * HOUR))
    evaluate(now=base + 501)
    threshold.limit = 50.0 * HOUR
    save_threshold(threshold, by=None, now=base + 700)
    assert ThresholdState.objects.get().extra_slot == base + 1000
    evaluate(now=base + 1_001)
    assert Breach.objects.get().fired_at == base + 1000


def test_a_limit_that_is_already_crossed_is_handed_over_with_the_commit(
    settings, django_capture_on_commit_callbacks
):
    settings.METRICS_APP = settings.METRICS_APP | {"BREACH_HANDLERS": [f"{__name__}.answer"]}
    answers.clear()
    now = int(time.time() * 1000)
    Kpi.objects.create(topic=TOPIC, unit="seconds")
    send((now - 5_000, 60 * HOUR))
    with django_capture_on_commit_callbacks(execute=True):
        make_threshold(now=now - 1_000)
    breach = Breach.objects.get()
    assert answers == [breach.pk] and breach.outcome == "proposed #1"
    assert announce() == 0


def test_a_save_judges_the_newest_second_that_is_collected(django_capture_on_commit_callbacks):
    now = int(time.time() * 1000)
    send((now - 5_000, 60 * HOUR))
    mark = collected_through()[shard_for(TOPIC)]
    with django_capture_on_commit_callbacks(execute=True):
        make_threshold(now=None)
    assert ThresholdState.objects.get().last_slot == (mark - 1) // 1000 * 1000
    assert Breach.objects.exists(), "it waited for a second that is not over"


def test_a_threshold_can_be_saved_while_redis_is_away(
    settings, django_capture_on_commit_callbacks, base, caplog
):
    settings.METRICS_APP = settings.METRICS_APP | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    with django_capture_on_commit_callbacks(execute=True):
        make_threshold(now=base)
    assert Threshold.objects.exists()
    assert "will be judged once Redis is back" in caplog.text


def test_a_refused_rule_leaves_nothing_behind(base):
    kpi = Kpi.objects.create(topic=TOPIC)
    threshold = Threshold(kpi=kpi, **(RULE | {"window": 0, "limit": float("nan"), "recovery_limit": 5.0}))
    with pytest.raises(BadInput) as refused:
        save_threshold(threshold, by=None, now=base)
    assert [error["field"] for error in refused.value.errors] == ["window", "limit"]
    assert not Threshold.objects.exists()


@pytest.mark.parametrize(("levels", "is_refused"), [(20, False), (21, True), (100_000, True)])
def test_the_parameters_of_an_action_are_not_nested_deeper_than_anybody_reads(base, levels, is_refused):
    params = {}
    for _ in range(levels - 1):
        params = {"a": params}
    kpi = Kpi.objects.create(topic=TOPIC)
    threshold = Threshold(kpi=kpi, **RULE | {"action_params": params})
    if is_refused:
        with pytest.raises(BadInput, match="nested too deeply: at most 20 levels"):
            save_threshold(threshold, by=None, now=base)
    else:
        assert save_threshold(threshold, by=None, now=base).pk


@pytest.mark.parametrize(
    ("unit", "aggregate", "faults"),
    [("seconds", "mean", ["limit", "recovery_limit"]), ("seconds", "count", []), ("°C", "mean", [])],
)
def test_a_duration_has_no_negative_limit(base, unit, aggregate, faults):
    kpi = Kpi.objects.create(topic=TOPIC, unit=unit)
    wanted = {"aggregate": aggregate, "operator": "gt", "limit": -5.0, "recovery_limit": -6.0}
    threshold = Threshold(kpi=kpi, **RULE | wanted)
    if faults:
        with pytest.raises(BadInput, match="-5 is negative: .* is a duration") as refused:
            save_threshold(threshold, by=None, now=base)
        assert [error["field"] for error in refused.value.errors] == faults
    else:
        assert save_threshold(threshold, by=None, now=base).pk


def test_only_known_actions_may_be_named(base, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"ACTIONS": f"{__name__}.list_names"}
    with pytest.raises(BadInput, match="'launch' is no action; known are: call, wait"):
        make_threshold(now=base, action="launch")
    assert make_threshold(now=base, action="call", action_params={"url": "https://example.org"}).pk


def test_an_action_is_asked_whether_it_can_work_with_the_parameters(base, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"ACTIONS": f"{__name__}.list_checks"}
    with pytest.raises(BadInput, match="say whom to call") as refused:
        make_threshold(now=base, action="call")
    assert [error["field"] for error in refused.value.errors] == ["action_params"]
    assert make_threshold(now=base, action="call", action_params={"whom": "ada"}).pk
    assert make_threshold("er.wait", now=base, action="wait").pk
    with pytest.raises(BadInput, match="'launch' is no action; known are: call, wait"):
        make_threshold("er.other", now=base, action="launch")


def list_checks():
    return {"call": check_call, "wait": None}


def check_call(params):
    if "whom" not in params:
        raise ValueError("say whom to call")


def test_an_action_is_shown_the_rule_that_proposes_it(base, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"ACTIONS": f"{__name__}.list_checks_for"}
    with pytest.raises(BadInput, match="cannot call about er.wait"):
        make_threshold("er.wait", now=base, action="call", action_params={"whom": "ada"})
    # What is no rule yet is not shown: its own faults are enough.
    with pytest.raises(BadInput) as refused:
        make_threshold("er.wait", now=base, action="call", aggregate="middle")
    assert [error["field"] for error in refused.value.errors] == ["aggregate", "action_params"]


def list_checks_for():
    def check(params):
        check_call(params)

    def check_for(params, threshold):
        check_call(params)
        raise ValueError(f"cannot call about {threshold.kpi.topic}")

    check.check_for = check_for
    return {"call": check}


def list_names():
    return ["wait", "call"]


def test_a_reason_longer_than_its_column_is_refused(base):
    kpi = Kpi.objects.create(topic=TOPIC)
    with pytest.raises(BadInput, match="reason"):
        save_threshold(Threshold(kpi=kpi, **RULE), by=None, reason="x" * 501, now=base)


@pytest.mark.parametrize(
    ("aggregate", "value", "message"),
    [
        ("share_above", None, "is missing: share_above asks at which value it divides"),
        ("share_within", float("nan"), "NaN is not a finite number"),
        (
            "mean",
            5.0,
            "is 5.0, and only share_above, share_within, time_until_above, time_until_below ask for one",
        ),
    ],
)
def test_a_share_says_where_it_divides_and_nothing_else_does(base, aggregate, value, message):
    with pytest.raises(BadInput) as caught:
        make_threshold(now=base, aggregate=aggregate, aggregate_value=value, limit=10)
    assert caught.value.errors == [{"field": "aggregate_value", "message": message}]


@pytest.mark.parametrize("aggregate", ["share_above", "share_within"])
@pytest.mark.parametrize(
    ("limit", "recovery", "field", "number"),
    [(200, None, "limit", 200), (-1, None, "limit", -1), (90, 101.5, "recovery_limit", 101.5)],
)
def test_a_limit_no_share_can_have_is_refused(base, aggregate, limit, recovery, field, number):
    share = {"aggregate": aggregate, "aggregate_value": 48.0 * HOUR, "operator": "lt"}
    with pytest.raises(BadInput) as caught:
        make_threshold(now=base, limit=limit, recovery_limit=recovery, **share)
    message = f"{number:g} % is no share: expected 0 to 100 %"
    assert caught.value.errors == [{"field": field, "message": message}]
    assert make_threshold(now=base, limit=0, recovery_limit=100, **share).pk


def test_answered_within_48_h_is_judged_as_a_percentage(base):
    rule = {"aggregate": "share_within", "aggregate_value": 48.0 * HOUR, "operator": "lt", "limit": 90}
    threshold = make_threshold(now=base, window=300, **rule)
    send(*((base - at * 1000 - 1, (50 if at < 2 else 40) * HOUR) for at in range(10)))
    evaluate(now=base + 1)
    breach = threshold.breaches.get()
    assert (breach.value, breach.n) == (80, 10)
    assert breach.timeline.get().text == "Fired: share within 48 h at 80 % over 5 min, 10 points; below 90 %."
    assert str(threshold) == "complaint.latency: share within 48 h over 5 min below 90 %"


def test_a_change_made_on_an_older_version_says_who_changed_what(base):
    ann = User.objects.create_user("ann")
    threshold = make_threshold(now=base, limit=47.0 * HOUR)
    mine, theirs = (Threshold.objects.get(pk=threshold.pk) for _ in range(2))
    theirs.limit = 50.0 * HOUR
    save_threshold(theirs, by=ann, seen=1, now=base)
    mine.recovery_limit = 40.0 * HOUR
    with pytest.raises(
        ChangedMeanwhile, match=r"by ann to version 2 \(limit: 47 h → 50 h\): look"
    ) as refused:
        save_threshold(mine, by=None, seen=1, now=base)
    assert refused.value.version == 2
    assert Threshold.objects.get().limit == 50 * HOUR


def test_what_was_deleted_meanwhile_is_not_brought_back_by_a_save(base):
    threshold = make_threshold(now=base)
    Breach.objects.create(threshold=threshold, version=1, since=base, fired_at=base)
    delete_threshold(Threshold.objects.get(), by=None, now=base + 1_000)
    threshold.limit = 1.0
    with pytest.raises(ChangedMeanwhile, match="deleted meanwhile"):
        save_threshold(threshold, by=None, now=base + 2_000)
    assert Threshold.objects.get().retired_at is not None
    assert Breach.objects.get().recovered_at == base + 1_000


def test_what_never_had_a_breach_is_really_deleted(base):
    delete_threshold(make_threshold(now=base), by=None, now=base)
    assert not Threshold.objects.exists()
