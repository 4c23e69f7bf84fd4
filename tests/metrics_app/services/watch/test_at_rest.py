"""Judging many at once ends as judging each by itself does."""

from collections import defaultdict

import numpy as np
import pytest
from django.db.models import Q
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from metrics_app import queries
from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.records import unpack_records
from metrics_app.core.watch import Observation, State, step
from metrics_app.models import Correction, EvaluationRecord, Kpi, Threshold, ThresholdState
from metrics_app.queries import rings
from metrics_app.services.rules.thresholds import save_threshold
from metrics_app.services.watch import agenda
from metrics_app.services.watch import at_rest as resting_ways
from metrics_app.services.watch.at_rest import QUIET, find_clear, gather_resting
from metrics_app.services.watch.evaluate import evaluate
from tests.examples import examples
from tests.metrics_app.core.test_watch_properties import KINDS, observe, rules
from tests.metrics_app.watching import HOUR, make_threshold, send

MINUTE = 60_000
MARK = 1_774_747_800_000
# To shrink a failure takes minutes here, and the walk is short enough to be read as it is.
QUICK = [phase for phase in Phase if phase is not Phase.shrink]

observations = st.builds(lambda kind, more: (kind, more), st.sampled_from(KINDS), st.floats(0, 50))
# Mostly states at rest, so that most examples say something; each field may differ from that.
fields = {
    "since": st.sampled_from([None, MARK - MINUTE]),
    "data_since": st.sampled_from([None, MARK - MINUTE, MARK - MINUTE]),
    "recovered_at": st.sampled_from([None, MARK - MINUTE]),
    "missed": st.integers(0, 3),
    "value": st.sampled_from([None, 79.0]),
    "n": st.integers(0, 3),
    "last_slot": st.integers(MARK - 4 * MINUTE, MARK + MINUTE).map(lambda ms: ms // 1000 * 1000),
}
unrest = {
    "state": st.sampled_from(["pending", "firing", "recovering"]),
    "slot_class": st.sampled_from(["", *KINDS]),
    "data": st.sampled_from(["thin", "empty", "error"]),
    "changes": st.integers(1, 7),
    "flapping": st.just(True),
    "data_breach": st.just(True),
}
states = st.tuples(st.fixed_dictionaries(fields), st.fixed_dictionaries({}, optional=unrest)).map(
    lambda pair: State(**(QUIET | pair[0] | pair[1]))
)
# As a database takes them.
saved_rules = st.builds(
    lambda rule, delay, zone: rule._replace(delay=delay, aggregate_value=None, zone=zone),
    rules,
    st.sampled_from([0, 30]),
    st.sampled_from(["", "Europe/Berlin"]),
)
extras = st.sampled_from([None, MARK - 5 * MINUTE, MARK - 1000, MARK + 1000])


def know(rule):
    """What is known of a rule."""
    return agenda.Known(1, 1, "a.a", 0, rule)


def is_quiet(state):
    """Whether a clear slot would change nothing but slot, value and n."""
    return (
        all(getattr(state, name) == value for name, value in QUIET.items()) and state.data_since is not None
    )


@settings(max_examples=examples(400))
@given(saved_rules, states, observations)
def test_moving_on_changes_what_a_step_would_have_changed(rule, state, seen):
    found, others = gather_resting([(7, 1, state.last_slot)], [know(rule)], {0: MARK})
    if not is_quiet(state) or others:
        return
    due = agenda.make_due((7, 1, None, *state), know(rule), {0: MARK}, 100)
    [slot] = found.moves.slots.tolist()
    assert due.slots == [slot] and not due.more
    assert [due.due_at] == found.moves.due_at.tolist()
    observation = Observation(*observe(rule, *seen))
    after, transition = step(state, rule, observation, slot)
    value = np.nan if observation.value is None else observation.value
    [clear] = find_clear(found.rules, np.array([value]), np.array([observation.n])).tolist()
    assert clear == (after.slot_class == "clear")
    if clear:
        assert after == state._replace(last_slot=slot, value=observation.value, n=observation.n)
        assert transition.events == () and transition.after == "ok"


@pytest.mark.django_db
@settings(
    max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture], phases=QUICK
)
@given(st.lists(st.tuples(saved_rules, states, extras), min_size=1, max_size=12))
def test_whoever_is_at_rest_with_one_regular_slot_due_is_found_to_be(rows):
    Kpi.objects.all().delete()
    kpi = Kpi.objects.create(topic="a.a")
    made = [Threshold.objects.create(kpi=kpi, **rule._asdict()) for rule, _, _ in rows]
    kept = [
        ThresholdState(threshold=threshold, extra_slot=extra, **state._asdict())
        for threshold, (_, state, extra) in zip(made, rows, strict=True)
    ]
    ThresholdState.objects.bulk_create(kept)
    marks = {queries.shard_for("a.a"): MARK}
    chunk = agenda.load_due(marks, made[0].pk, made[-1].pk)
    wanted, resting = {}, []
    for threshold, (rule, state, extra) in zip(made, rows, strict=True):
        known = know(rule)._replace(shard=queries.shard_for("a.a"))
        due = agenda.make_due((threshold.pk, 1, extra, *state), known, marks, 100)
        past = extra is None or extra <= state.last_slot
        if (
            due
            and is_quiet(state)
            and past
            and len(due.slots) == 1
            and state.last_slot >= due.slots[0] - (rule.interval * 1000)
        ):
            resting.append((threshold.pk, due.slots, due.due_at))
        elif due:
            wanted[threshold.pk] = due.slots
    moves = chunk.resting.moves
    found = zip(moves.ids.tolist(), moves.slots.tolist(), moves.due_at.tolist(), strict=True)
    assert [(pk, [slot], due_at) for pk, slot, due_at in found] == resting
    assert {due.id: due.slots for due in chunk.dues} == wanted
    # Whoever is woken is what the general way would have had, unless it has moved on.
    everyone = np.arange(len(moves.ids))
    assert [(due.id, due.slots) for due, _ in agenda.wake(chunk, everyone)] == [one[:2] for one in resting]
    ThresholdState.objects.update(last_slot=MARK + 10 * MINUTE)
    assert agenda.wake(chunk, everyone) == []


@pytest.mark.django_db
def test_those_at_rest_and_those_that_fire_are_judged_in_one_go(base):
    quiet, loud = (make_threshold(topic, now=base, window=60) for topic in ("a.a", "b.b"))
    for minute in range(3):
        send((base + minute * MINUTE - 1000, 10 * HOUR), topic="a.a")
        send((base + minute * MINUTE - 1000, (60 if minute == 2 else 10) * HOUR), topic="b.b")
        assert evaluate(now=base + minute * MINUTE + 1) == 2
    states = [ThresholdState.objects.get(threshold=threshold) for threshold in (quiet, loud)]
    assert [(state.state, state.value, state.n) for state in states] == [
        ("ok", 10.0 * HOUR, 1),
        ("firing", 60.0 * HOUR, 1),
    ]
    assert {state.last_slot for state in states} == {base + 2 * MINUTE}
    assert {state.due_at for state in states} == {base + 3 * MINUTE}
    assert EvaluationRecord.objects.filter(slot=base + MINUTE).count() == 1


TOPICS = ("resting.a", "resting.b", "resting.never")
MINUTES = 6
rule_fields = st.fixed_dictionaries(
    {
        "aggregate": st.sampled_from(
            ["mean", "mean", "count", "sum", "min", "max", "rate_per_hour", "p90"]
            + ["share_above", "mean_change_day", "time_until_above"]
        ),
        "operator": st.sampled_from(["gt", "gte", "lt", "lte"]),
        "window": st.sampled_from([60, 60, 90, 180, 1800, 5400]),
        "interval": st.sampled_from([30, 60, 60, 60]),
        "delay": st.sampled_from([0, 0, 0, 30]),
        "min_count": st.integers(1, 2),
        "no_data": st.sampled_from(["keep", "fire", "ok"]),
        "no_data_for": st.sampled_from([0, 120]),
        "limit": st.sampled_from([2.0, 4.0, 1e9]),
    }
)
VALUED = {"share_above": 4.0, "time_until_above": 4.0}  # aggregates that ask for a value, and which
watched = st.lists(st.tuples(st.sampled_from(TOPICS), rule_fields, st.booleans()), min_size=1, max_size=7)
# Sums of the largest overflow; in most minutes there is something, so that most are at rest.
sent_points = st.lists(
    st.tuples(
        st.sampled_from(TOPICS[:2]),
        st.integers(-5 * MINUTE, MINUTES * MINUTE - 1),
        st.sampled_from([0.0, 0.1, 0.7, 3.3, 8.0, 1.7e308, -1.7e308]),
    ),
    min_size=4,
    max_size=60,
)


def add_threshold(topic, fields, band, base):
    """A threshold with a band of 1 before its limit, or none."""
    gap = -1.0 if fields["operator"] in ("gt", "gte") else 1.0
    recovery = fields["limit"] + gap if band else None
    more = {"recovery_limit": recovery, "aggregate_value": VALUED.get(fields["aggregate"])}
    if get_aggregate(fields["aggregate"]).kind == "share" and fields["limit"] > 100:
        # 0 to 100 %, and nothing beyond.
        more |= {"limit": 90.0, "recovery_limit": 90.0 + gap if band else None}
    if get_aggregate(fields["aggregate"]).is_trend:
        more["window"] = 1800
    return make_threshold(topic, now=base - 4 * MINUTE, **fields | more)


def describe_all(thresholds):
    """States, breaches with their timelines, and records of thresholds, in their order."""
    records = defaultdict(list)
    for row in EvaluationRecord.objects.order_by("interval", "slot"):
        for record in unpack_records(row.packed):
            records[record.threshold].append((row.interval, row.slot, *record[1:]))
    names = [f.name for f in ThresholdState._meta.fields if f.name != "threshold"]
    for threshold in thresholds:
        state = ThresholdState.objects.filter(threshold=threshold).values_list(*names).get()
        breaches = [
            (b.kind, b.since, b.fired_at, b.recovered_at, b.peak, b.value, b.n, list_timeline(b))
            for b in threshold.breaches.order_by("pk")
        ]
        yield state, breaches, records[threshold.pk]


def list_timeline(breach):
    """What the evaluator tells of a breach; an edit is told by the clock of whoever saves."""
    return list(breach.timeline.exclude(kind="edited").order_by("pk").values_list("at", "kind", "text"))


@pytest.mark.django_db
@settings(
    max_examples=examples(25), phases=QUICK, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(watched, sent_points, st.data())
def test_judging_many_as_columns_ends_as_stepping_each(admin_user, rules, points, data):
    for model in (Kpi, EvaluationRecord, Correction):
        model.objects.all().delete()
    agenda.known_rules.clear()
    # Topics of an example are its own: Redis forgets none.
    mark = data.draw(st.uuids()).hex
    base = queries.redis_now() // MINUTE * MINUTE - 12 * MINUTE
    rules = [(f"{topic}.{mark}", fields, band) for topic, fields, band in rules]
    columns, each = ([add_threshold(*rule, base) for rule in rules] for _ in range(2))
    for topic in {topic for topic, _, _ in points}:
        send(*sorted((base + at, value) for t, at, value in points if t == topic), topic=f"{topic}.{mark}")
    at_rest = resting_ways.AT_REST & Q(pk__in=[threshold.pk for threshold in columns])
    young = data.draw(st.booleans(), "the rings are not all there is")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resting_ways, "AT_REST", at_rest)
        patch.setattr(agenda, "CHUNK", data.draw(st.sampled_from([2, 5, 2_000])))
        patch.setattr(rings, "CHUNK", 1)
        if young:
            patch.setattr(rings, "has_others", lambda shard, generations: True)
            patch.setattr(rings.Generations, "is_young", lambda generations, start: True)
        for minute in sorted(data.draw(st.sets(st.integers(-4, MINUTES), min_size=6)) | {MINUTES}):
            if data.draw(st.sampled_from([False] * 9 + [True]), "a span is voided"):
                start = base + minute * MINUTE - 2 * MINUTE
                span = {"topic": f"{TOPICS[0]}.{mark}", "start": start, "end": start + MINUTE}
                Correction.objects.create(**span, reason="a test", author=admin_user)
            if data.draw(st.sampled_from([False] * 5 + [True]), "a save asks for an extra slot"):
                at = data.draw(st.integers(0, len(rules) - 1))
                for threshold in (columns[at], each[at]):
                    # Both, were it a band: it stays one.
                    threshold.limit += 1
                    threshold.recovery_limit = threshold.recovery_limit and threshold.recovery_limit + 1
                    save_threshold(threshold, by=None, now=base + minute * MINUTE - 20_000)
            evaluate(now=base + minute * MINUTE + 1)
            for one, other in zip(describe_all(columns), describe_all(each), strict=True):
                assert one == other
