"""The watch by its real processes: collectors, workers and beats, killed and stopped while they judge."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from django.db import connection
from django.utils import timezone

from hms_gov.ties import Tied
from metrics_app import bus, queries
from metrics_app.core.records import unpack_records
from metrics_app.core.watch import Observation, State, step
from metrics_app.core.windows import make_pieces, view_windows
from metrics_app.models import Breach, BreachEvent, EvaluationRecord, ThresholdState
from metrics_app.schedule import register_tasks
from metrics_app.services.rules.backtest import make_rule
from metrics_app.services.watch.announce import announce
from metrics_app.services.watch.states import read_states
from tests.metrics_app.watching import HOUR, make_threshold

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parent.parent.parent
SECOND = 1_000
CELERY = [sys.executable, "-m", "celery", "-A", "hms_gov"]
COMMANDS = {
    "collector": [sys.executable, str(ROOT / "manage.py"), "collect"],
    "evaluator": [*CELERY, "worker", "-Q", "watch", "-P", "solo", "--loglevel", "ERROR"],
    "beat": [*CELERY, "beat", "--pidfile=", "--loglevel", "ERROR"],
}
ROUNDS = 15  # of sending, before the traffic changes; longer than the window
# (topics, evaluators, changes of the traffic, kills)
SIZES = [pytest.param(5, 2, 3, 4, id="short"), pytest.param(15, 4, 7, 20, id="full", marks=pytest.mark.long)]
# (seconds of silence until that is a breach, seconds of each part of the traffic, the last without any)
PACES = [
    pytest.param(5, (4, 5, 12, 3, 5, 10), id="short"),
    pytest.param(6, (6, 6, 12, 3, 8, 12), id="full", marks=pytest.mark.long),
]
OF_A_BREACH = (
    "fired",
    "recovering",
    "relapsed",
    "recovered",
    "reopened",
    "no_data",
    "data_opened",
    "data_closed",
)


def find_database():
    """The address of the database the tests themselves use, for other processes."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


@pytest.fixture
def start(transactional_db, settings, tmp_path):
    """``start("beat")`` starts a process on this test's database and Redis; all are gone after the test."""
    register_tasks(using="default")
    app = settings.METRICS_APP
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "hms_gov.settings",
        "HMS_DATA_DIR": str(tmp_path),
        "DATABASE_URL": find_database(),
        "REDIS_PREFIX": app["REDIS_PREFIX"],
        **dict.fromkeys(("REDIS_URL", "CHANNEL_REDIS_URL", "CELERY_BROKER_URL"), app["REDIS_URL"]),
    }
    processes = []

    def start_one(kind):
        name = ["-n", f"watch{len(processes)}@test"] if kind == "evaluator" else []
        with (tmp_path / f"{kind}{len(processes)}.log").open("w") as log:
            process = Tied(
                [*COMMANDS[kind], *name], env=environment, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
            )
        processes.append(process)
        return process

    yield start_one
    for process in processes:
        process.kill()
        process.wait()


def wait_until(condition, seconds=90):
    """Polls what other processes bring about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the other processes did not get there"
        time.sleep(0.1)


def wait_until_judging(thresholds):
    """Waits for the processes that have just been started: slots are judged about as they come."""
    begun = last_slot(*thresholds) + 2 * SECOND
    wait_until(lambda: last_slot(*thresholds) > max(begun, queries.redis_now() - 5 * SECOND))


def send(topics, hours):
    """One point of each topic, of a moment ago; ``(ts, value)``."""
    ts, value = queries.redis_now() - 1, float(hours * HOUR)
    bus.publish({topic: (np.array([ts]), np.array([value])) for topic in topics})
    return ts, value


def read_slots():
    """``{threshold: [(slot, Record), …]}`` of all that was judged, in order."""
    found = {}
    for row in EvaluationRecord.objects.order_by("slot", "pk"):
        for record in unpack_records(row.packed):
            found.setdefault(record.threshold, []).append((row.slot, record))
    return found


def last_slot(*thresholds):
    """The oldest of their newest slots."""
    rows = ThresholdState.objects.filter(threshold__in=thresholds).values_list("last_slot", flat=True)
    return min(rows)


def walk(threshold, seen):
    """What replaying the recorded observations does: ``(kinds of events, State)``; each slot agrees."""
    rule, state, events = make_rule(threshold), State(), []
    for slot, record in seen:
        state, transition = step(state, rule, Observation(record.value, record.n), slot)
        assert (state.state, state.slot_class) == (record.state, record.slot_class)
        events += [event for event in transition.events if event in OF_A_BREACH]
    return events, state


def check_once(threshold, seen):
    """Each slot was judged once, each transition written once, and the state is that of the last slot."""
    assert max(Counter(slot for slot, _ in seen).values()) == 1
    events, state = walk(threshold, seen)
    written = BreachEvent.objects.filter(breach__threshold=threshold, kind__in=OF_A_BREACH)
    assert list(written.order_by("at", "pk").values_list("kind", flat=True)) == events
    row = ThresholdState.objects.get(threshold=threshold)
    assert (row.last_slot, row.state, row.value) == (seen[-1][0], state.state, state.value)
    assert Breach.objects.filter(threshold=threshold).count() == (
        events.count("fired") + events.count("data_opened")
    )
    return events


@pytest.mark.parametrize(("topics", "evaluators", "changes", "kills"), SIZES)
def test_evaluators_and_beats_killed_at_random_make_each_transition_once(
    start, topics, evaluators, changes, kills
):
    rng, topics = random.Random(7), [f"service{at}.latency" for at in range(topics)]
    thresholds = [
        make_threshold(topic, now=queries.redis_now(), window=3, interval=1, limit=limit * HOUR)
        for topic in topics
        for limit in (48, 50, 52, 54)
    ]
    start("collector")
    running = [(kind, start(kind)) for kind in ["evaluator"] * evaluators + ["beat"] * 2]
    wait_until_judging(thresholds)
    rounds, killed = ROUNDS * changes, Counter()
    victims = dict(
        zip(rng.sample(range(rounds), kills), rng.choices(range(len(running)), k=kills), strict=True)
    )
    for at in range(rounds):
        send(topics, 60 if at // ROUNDS % 2 else 40)
        time.sleep(0.3)
        if (victim := victims.get(at)) is not None:
            kind, process = running[victim]
            process.kill()
            process.wait()
            killed[kind] += 1
            running[victim] = kind, start(kind)
    silent = queries.redis_now()
    wait_until(lambda: last_slot(*thresholds) > silent)
    for _, process in running:
        process.kill()
        process.wait()
    # Whoever was killed between claim and outcome left the breach to the next drain.
    while announce(now=timezone.now() + timedelta(seconds=31)):
        pass
    slots, fired = read_slots(), Counter()
    for threshold in thresholds:
        fired.update(check_once(threshold, slots[threshold.pk]))
    assert killed["evaluator"] >= evaluators and killed["beat"] >= 1
    assert fired["fired"] >= changes // 2 * len(thresholds) and fired["recovered"] >= len(thresholds)
    assert not Breach.objects.filter(announced_at=None).exists()
    outcomes = Counter(BreachEvent.objects.filter(kind="announced").values_list("breach", flat=True))
    assert set(outcomes.values()) == {1} and len(outcomes) == Breach.objects.count()


# The claims of evaluators, which differ between databases, are those of the test before.
@pytest.mark.any_database
@pytest.mark.parametrize(("no_data_for", "pace"), PACES)
def test_live_equals_backtest_while_the_collector_stands_still_and_beat_is_restarted(
    start, no_data_for, pace
):
    topic, points = "complaint.latency", []
    rule = {"window": 4, "interval": 1, "min_count": 2, "pending_for": 2, "keep_firing_for": 2}
    threshold = make_threshold(
        topic, now=queries.redis_now(), no_data="fire", no_data_for=no_data_for, **rule
    )
    collector, beat = start("collector"), start("beat")
    evaluator = start("evaluator")
    wait_until_judging([threshold])

    def emit(ts, hours):
        """One point of any time."""
        points.append((ts, float(hours * HOUR)))
        bus.publish({topic: tuple(np.array([value]) for value in points[-1])})

    def live(seconds, hours):
        """Traffic for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            emit(queries.redis_now() - 1, hours)
            time.sleep(0.3)

    below, above, stopped, between, again, silence = pace
    live(below, 40)
    live(above, 60)
    # Late: the newest slot has been judged without it.
    emit(last_slot(threshold) - SECOND // 2, 60)
    collector.send_signal(signal.SIGSTOP)
    mark = queries.collected_through()[queries.shard_for(topic)]
    live(stopped, 60)
    check_behind(threshold, mark)
    collector.send_signal(signal.SIGCONT)
    beat.kill()
    live(between, 45)
    start("beat")
    live(again, 40)
    silent = queries.redis_now()
    # Nobody emits: silence, seen by a collector that runs, is told as silence.
    wait_until(lambda: last_slot(threshold) > silent + silence * SECOND)
    evaluator.kill()
    evaluator.wait()
    seen = read_slots()[threshold.pk]
    events = check_once(threshold, seen)
    assert events.count("fired") >= 1 and "recovered" in events and "data_opened" in events
    revised = compare(make_rule(threshold), points, seen)
    assert 0 < revised < len(seen) / 2
    assert ThresholdState.objects.get(threshold=threshold).missed == 0


def check_behind(threshold, mark):
    """Nothing was judged since the collector stopped, and that is what people are told."""
    view = read_states([threshold])[threshold.pk]
    assert view.data == "behind" and abs(view.data_since - mark) < 2 * SECOND
    assert last_slot(threshold) <= mark + 2 * SECOND
    assert not Breach.objects.filter(kind="data", recovered_at=None).exists()


def compare(rule, points, seen):
    """How many slots hold more today than when they were judged; all others are what a backtest sees."""
    slots = np.array([slot for slot, _ in seen])
    views = view_windows(make_pieces(*zip(*points, strict=True)), slots, rule.aggregate, rule.window)
    n, values = (np.repeat(column, views.repeat) for column in (views.n, views.values))
    revised = 0
    for at, (_, record) in enumerate(seen):
        assert n[at] >= record.n
        if n[at] > record.n:
            revised += 1
        elif record.n:
            assert record.value == pytest.approx(values[at], rel=1e-12)
    return revised
