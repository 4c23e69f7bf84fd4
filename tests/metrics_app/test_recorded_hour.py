"""An hour of traffic with its faults, live: bus, collector and evaluator, driven by a clock that passes.

The collector reads the bus as ever, only the time it is told is the hour's own; so its
marks, and with them everything the evaluator does, are those of that hour.
"""

import random
from datetime import UTC, datetime

import numpy as np
import pytest

from metrics_app import bus, collector, queries
from metrics_app.core.backtest import Notes, judge
from metrics_app.core.records import unpack_records
from metrics_app.core.seen import see
from metrics_app.core.watch import Observation, State, step
from metrics_app.core.windows import make_pieces, view_windows
from metrics_app.models import Breach, EvaluationRecord, Threshold, ThresholdState
from metrics_app.services.explain import explain
from metrics_app.services.rules.backtest import make_rule
from metrics_app.services.watch import agenda
from metrics_app.services.watch.evaluate import evaluate
from metrics_app.services.watch.states import read_states
from tests.metrics_app.watching import HOUR, make_threshold

SECOND, MINUTE = 1_000, 60_000
TOPIC = "complaint.latency"
STEP = 5 * SECOND
STOPPED = range(12 * MINUTE, 17 * MINUTE)  # no collector
UNWATCHED = range(25 * MINUTE, 29 * MINUTE)  # no beat
SILENT = range(41 * MINUTE, 46 * MINUTE)  # nobody emits
LATEST = 90 * SECOND  # by how much a point may be late
# Hours of latency around a limit of 48, by the minute they begin.
LEVELS = [(0, 40), (6, 55), (14, 44), (20, 52), (23, 47), (26, 60), (35, 30), (47, 49), (50, 38)]


class Hour:
    """The traffic of an hour from ``base`` ms on, and what goes wrong in it."""

    def __init__(self, base, monkeypatch):
        self.base, self.now = base, base
        self.rng = random.Random(5)
        self.sent, self.waiting = [], []
        read = bus.read

        def read_in_time(*args, **options):
            found = read(*args, **options)
            return found._replace(now=self.now, through=dict.fromkeys(found.through, self.now))

        monkeypatch.setattr(bus, "read", read_in_time)
        self.collector = collector.Collector(lease=False, idle_ms=1)

    def emit(self):
        """A point or two of these five seconds; one in eight is late."""
        at = self.now - self.base
        level = [hours for minute, hours in LEVELS if minute * MINUTE <= at][-1]
        for _ in range(0 if at in SILENT else self.rng.randint(0, 2)):
            point = (
                self.now - self.rng.randint(1, STEP),
                float(round((level + self.rng.uniform(-6, 6)) * HOUR)),
            )
            late = self.rng.randint(STEP, LATEST - STEP) if self.rng.random() < 0.125 else 0
            self.waiting.append((self.now + late, point))
        due = [point for when, point in self.waiting if when <= self.now]
        self.waiting = [(when, point) for when, point in self.waiting if when > self.now]
        if due:
            ts, values = zip(*due, strict=True)
            bus.publish({TOPIC: (np.array(ts, "int64"), np.array(values))})
            self.sent += due

    def collect(self):
        while self.collector.turn(block_ms=None):
            pass


def read_recorded(threshold):
    """``{slot: Record}`` of all that was judged; each slot once."""
    found = {}
    for row in EvaluationRecord.objects.order_by("slot"):
        for record in unpack_records(row.packed):
            if record.threshold == threshold.pk:
                assert row.slot not in found, "a slot was judged twice"
                found[row.slot] = record
    return found


def look_again(rule, points, slots):
    """What each slot's window holds, from all the points: the Seen of a backtest."""
    pieces = make_pieces(*zip(*points, strict=True))
    slots = np.array(slots)
    return see(rule, slots, view_windows(pieces, slots, rule.aggregate, rule.window))


def check_breaches(threshold, notes):
    """The stored breaches are the incidents of a walk."""
    for kind, incidents in (("limit", notes.breaches), ("data", notes.data_breaches)):
        stored = Breach.objects.filter(threshold=threshold, kind=kind).order_by("fired_at")
        expected = [(incident.start, incident.end) for incident in incidents]
        assert list(stored.values_list("fired_at", "recovered_at")) == expected


# What it asks of SQL is asked by the tests of the evaluator, too.
@pytest.mark.any_database
@pytest.mark.django_db
def test_live_gives_what_a_backtest_gives_whatever_stood_still_meanwhile(monkeypatch):
    base = queries.redis_now() // MINUTE * MINUTE - 58 * MINUTE
    hour = Hour(base, monkeypatch)
    hour.collect()
    rule = {"window": 300, "interval": 10, "pending_for": 60, "keep_firing_for": 60, "min_count": 3}
    rule |= {"recovery_limit": 46 * HOUR, "no_data": "fire", "no_data_for": 60, "cooldown": 120}
    prompt = make_threshold(now=base, **rule)
    patient = make_threshold(now=base, **rule, delay=LATEST // SECOND)
    make_threshold(now=base, **rule | {"aggregate": "count", "limit": 70, "recovery_limit": 65})
    for at in range(STEP, 57 * MINUTE, STEP):
        hour.now = base + at
        hour.emit()
        if at in STOPPED:
            check_behind(prompt, hour, at)
            continue
        hour.collect()
        if at == UNWATCHED.stop:
            # The process that comes back remembers nothing.
            agenda.known_rules.clear()
        if at not in UNWATCHED:
            evaluate()
    Threshold.objects.update(created_at=datetime.fromtimestamp(base / 1000, UTC))
    for threshold in Threshold.objects.all():
        recorded = read_recorded(threshold)
        last = ThresholdState.objects.get(threshold=threshold)
        assert (last.missed, max(recorded)) == (0, last.last_slot)
        assert list(recorded) == list(range(min(recorded), last.last_slot + 1, 10 * SECOND))
        revised = compare(make_rule(threshold), hour.sent, recorded, threshold)
        assert bool(revised) == (threshold.pk != patient.pk), "who waits for late points sees them all"
        check_explained(threshold, recorded, revised)
    result = judge(
        make_rule(patient), look_again(make_rule(patient), hour.sent, list(read_recorded(patient)))
    )
    check_breaches(patient, result)
    assert len(result.breaches) >= 2 and len(result.data_breaches) >= 1, "the hour was one of incidents"
    assert Breach.objects.filter(threshold=prompt, kind="limit").count() >= 2


def check_behind(threshold, hour, at):
    """While the collector stands still nothing is judged, and the flag says since when."""
    before, breaches = ThresholdState.objects.get(threshold=threshold), Breach.objects.count()
    evaluate()
    after = ThresholdState.objects.get(threshold=threshold)
    assert (after.last_slot, after.state, after.data) == (before.last_slot, before.state, before.data)
    view = read_states([threshold], now=hour.now)[threshold.pk]
    mark = hour.base + STOPPED.start - STEP
    if at > STOPPED.start + 10 * SECOND:
        assert (view.data, view.data_since) == ("behind", mark)
    assert Breach.objects.count() == breaches


def compare(rule, points, recorded, threshold):
    """The slots whose window holds more today; the states of all follow from what was seen."""
    slots = list(recorded)
    today, revised = look_again(rule, points, slots), []
    state, notes = State(), Notes(rule)
    for at, slot in enumerate(slots):
        record, now = recorded[slot], today.observe(at)
        seen = Observation(record.value, record.n)
        if now.n != record.n:
            assert now.n > record.n
            revised.append(slot)
        elif now.value is not None:
            assert record.value == pytest.approx(now.value, rel=1e-12)
        state, transition = step(state, rule, seen if slot in revised[-1:] else now, slot)
        notes.take(state, transition)
        assert (state.state, state.slot_class) == (record.state, record.slot_class), slot
    check_breaches(threshold, notes)
    return revised


def check_explained(threshold, recorded, revised):
    """Explain marks what was revised, and only that."""
    for slot in [*revised[:5], *[slot for slot in recorded if slot not in revised][:5]]:
        if slot >= threshold.created_at.timestamp() * 1000:
            assert explain(threshold, slot).revised == (slot in revised)
