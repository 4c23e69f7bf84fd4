"""The invariants of the watch where they cross Redis and SQL, on whatever points there are."""

import uuid
from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from metrics_app import queries
from metrics_app.core.backtest import judge
from metrics_app.core.seen import see
from metrics_app.core.windows import list_range, make_pieces, view_windows
from metrics_app.models import Breach, Kpi, Silence, ThresholdState
from metrics_app.services.rules.backtest import make_rule
from metrics_app.services.silences import save_silence
from metrics_app.services.watch import agenda
from metrics_app.services.watch.announce import announce
from metrics_app.services.watch.evaluate import evaluate
from tests.metrics_app.watching import make_threshold, send

MINUTE, MINUTES = 60_000, 14
STATE = [
    field.name for field in ThresholdState._meta.fields if field.name not in ("threshold", "rule_version")
]
handed_over = Counter()
# To shrink a failure takes minutes here, and the walk is short enough to be read as it is.
QUICK = [phase for phase in Phase if phase is not Phase.shrink]

rules = st.fixed_dictionaries(
    {
        "aggregate": st.sampled_from(["mean", "count", "max"]),
        "operator": st.sampled_from(["gt", "lt"]),
        "window": st.sampled_from([60, 90, 180]),
        "pending_for": st.sampled_from([0, 60, 120]),
        "keep_firing_for": st.sampled_from([0, 60]),
        "min_count": st.integers(1, 2),
        "no_data": st.sampled_from(["keep", "fire", "ok"]),
        "no_data_for": st.sampled_from([0, 120]),
        "cooldown": st.sampled_from([0, 180]),
        "limit": st.integers(1, 6).map(float),
    }
)
# Whole values: their sums are exact in any order. One stretch of points after the other.
points = st.lists(
    st.tuples(st.integers(0, MINUTES * MINUTE - 1), st.integers(0, 8)), min_size=1, max_size=40, unique=True
)


def propose(breach):
    handed_over[breach.threshold.kpi.topic] += 1
    return "proposed"


def describe(threshold):
    """All that is known of a threshold, and its incidents with their timelines."""
    state = ThresholdState.objects.filter(threshold=threshold).values_list(*STATE).get()
    breaches = Breach.objects.filter(threshold=threshold).order_by("pk")
    return state, [
        (
            *(breach.kind, breach.since, breach.fired_at, breach.recovered_at, breach.peak, breach.reopened),
            list(breach.timeline.exclude(kind="announced").values_list("at", "kind", "text")),
        )
        for breach in breaches
    ]


@pytest.mark.django_db
@settings(
    max_examples=25, deadline=None, phases=QUICK, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rules, points, st.data())
def test_order_restarts_and_silences_change_no_state_and_a_backtest_agrees(
    metrics_settings, rule, points, data
):
    path = f"{__name__}.propose"
    metrics_settings.METRICS_APP = metrics_settings.METRICS_APP | {"BREACH_HANDLERS": [path]}
    Kpi.objects.all().delete()
    Silence.objects.all().delete()
    handed_over.clear()
    base = queries.redis_now() // MINUTE * MINUTE - 40 * MINUTE
    plain, shuffled, silenced = (f"{name}.{uuid.uuid4().hex}" for name in ("plain", "shuffled", "silenced"))
    thresholds = {topic: make_threshold(topic, now=base, **rule) for topic in (plain, shuffled, silenced)}
    ends = {"starts_at": timezone.now() - timedelta(hours=1), "ends_at": timezone.now() + timedelta(hours=1)}
    save_silence(Silence(topic=silenced, reason="a test", **ends), by=None)
    sent = [(base + at, float(value)) for at, value in points]
    send(*sorted(sent), topic=plain)
    send(*sorted(sent), topic=silenced)
    mixed = data.draw(st.permutations(sent))
    cut = data.draw(st.integers(0, len(mixed)))
    for part in filter(None, (mixed[:cut], mixed[cut:])):
        send(*part, topic=shuffled)
    looks = data.draw(st.sets(st.integers(0, MINUTES), max_size=MINUTES)) | {MINUTES}
    for minute in sorted(looks):
        # Whatever was not looked at is caught up on, by a process that remembers nothing.
        agenda.known_rules.clear()
        evaluate(now=base + minute * MINUTE + 1)
        evaluate(now=base + minute * MINUTE + 1)
        announce()
    told = describe(thresholds[plain])
    assert describe(thresholds[shuffled]) == told
    # Of what was never proposed nobody says that it is not proposed anew.
    assert repr(describe(thresholds[silenced])) == repr(told).replace(" No new proposal.", "")
    assert handed_over[silenced] == 0 and handed_over[plain] == handed_over[shuffled]
    check_backtest(thresholds[plain], sent, base)


def check_backtest(threshold, sent, base):
    """The incidents and the last state are those of a backtest over the same points."""
    rule = make_rule(threshold)
    slots = list_range(base - 1, base + MINUTES * MINUTE, rule.interval)
    views = view_windows(make_pieces(*zip(*sent, strict=True)), slots, rule.aggregate, rule.window)
    found = judge(rule, see(rule, slots, views))
    for kind, incidents in (("limit", found.breaches), ("data", found.data_breaches)):
        rows = Breach.objects.filter(threshold=threshold, kind=kind).order_by("pk")
        assert list(rows.values_list("fired_at", "recovered_at")) == [(i.start, i.end) for i in incidents]
    state = ThresholdState.objects.get(threshold=threshold)
    for name, value in found.state._asdict().items():
        assert getattr(state, name) == (pytest.approx(value) if isinstance(value, float) else value), name
