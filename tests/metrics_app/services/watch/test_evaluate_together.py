"""Several evaluators at once: each slot is judged once, each transition happens once."""

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from metrics_app import queries
from metrics_app.connection import get_redis, key
from metrics_app.core.records import unpack_records
from metrics_app.models import Breach, BreachEvent, EvaluationRecord
from metrics_app.services.rules.thresholds import save_threshold
from metrics_app.services.watch.announce import announce
from metrics_app.services.watch.evaluate import evaluate
from tests.metrics_app.watching import HOUR, TOPIC, make_threshold, send

MINUTE = 60_000
MINUTES, TOPICS, EVALUATORS = 12, 15, 4
handed_over = []


def count_call(breach):
    handed_over.append(breach.pk)
    return "proposed"


def watch_all(ends, seed):
    """One evaluator: it looks at moments in its own order of dawdling."""
    forecast = random.Random(seed)
    try:
        for end in ends:
            if forecast.random() < 0.7:
                evaluate(now=end)
                announce()
        evaluate(now=ends[-1])
        announce()
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_four_evaluators_judge_every_slot_once_and_open_every_breach_once(base, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"BREACH_HANDLERS": [f"{__name__}.count_call"]}
    handed_over.clear()
    thresholds = [make_threshold(f"topic.{n}", now=base, window=60) for n in range(TOPICS)]
    # Beyond the limit in the minutes 2-4 and from 8 on: one breach that closes, one that stays.
    for n in range(TOPICS):
        points = [
            (base + m * MINUTE - 30_000, (60 if m in (2, 3, 4) or m >= 8 else 10) * HOUR)
            for m in range(MINUTES + 1)
        ]
        send(*points, topic=f"topic.{n}")
    ends = [base + m * MINUTE + 1 for m in range(MINUTES + 1)]
    with ThreadPoolExecutor(EVALUATORS) as pool:
        list(pool.map(watch_all, [ends] * EVALUATORS, range(EVALUATORS)))
    judged = Counter(
        (record.threshold, row.slot)
        for row in EvaluationRecord.objects.all()
        for record in unpack_records(row.packed)
    )
    slots = [base + m * MINUTE for m in range(MINUTES + 1)]
    assert judged == Counter((threshold.pk, slot) for threshold in thresholds for slot in slots)
    for threshold in thresholds:
        first, second = Breach.objects.filter(threshold=threshold).order_by("pk")
        assert (first.fired_at, first.recovered_at) == (base + 2 * MINUTE, base + 5 * MINUTE)
        assert (second.fired_at, second.recovered_at) == (base + 8 * MINUTE, None)
    told = BreachEvent.objects.exclude(kind="announced")
    assert told.count() == 3 * TOPICS
    assert max(Counter(handed_over).values()) == 1, "nobody was told twice"
    assert Breach.objects.filter(announced_at=None).count() == 0


@pytest.mark.django_db(transaction=True)
def test_of_many_saves_beside_running_evaluators_the_last_one_is_judged():
    now = int(time.time() * 1000)
    threshold = make_threshold(now=now, limit=100 * HOUR)
    send((now - 60_000, 60 * HOUR))

    def save_often():
        try:
            for limit in (*range(101, 110), 1):
                threshold.limit = limit * HOUR
                save_threshold(threshold, by=None)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        saving = pool.submit(save_often)
        watching = [pool.submit(watch_all, [now + 60_000] * 10, seed) for seed in range(2)]
        for future in (saving, *watching):
            future.result()
    # As if a second had gone by: the extra slot of the last save is over then.
    get_redis().hset(key(queries.shard_for(TOPIC), "meta"), "through", int(time.time() * 1000) + 2_000)
    evaluate()
    assert Breach.objects.get().version == threshold.version == 11
