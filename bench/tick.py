"""The evaluator under measurement, in a process of its own: a line in, a tick's milliseconds out.

``python -m bench.tick THRESHOLDS TOPICS`` on the database of DATABASE_URL: makes the
thresholds and half an hour of points, then judges one slot of all of them per line read.
"""

import os
import sys
import time

import django
import numpy as np

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hms_gov.settings")
django.setup()

from django.core.management import call_command  # noqa: E402

from bench.feed import now_ms  # noqa: E402
from metrics_app import bus  # noqa: E402
from metrics_app.collector import collect_all  # noqa: E402
from metrics_app.core.durations import MINUTE_MS  # noqa: E402
from metrics_app.models import Kpi, Threshold, ThresholdState  # noqa: E402
from metrics_app.services.watch.evaluate import evaluate  # noqa: E402

WINDOW = 1_800  # seconds
LIMIT = 10
TICKS = 24  # minutes before now in which there is a slot to judge: window and ticks lie within the hot hour
BEYOND = 100  # one topic in so many is beyond the limit, and stays there
CHUNK = 500  # topics of one batch


def prepare(thresholds, topics):
    """Points of every minute of the last hour, and the thresholds; the first slot (ms)."""
    names = [f"bench.tick.t{number}" for number in range(topics)]
    first = now_ms() // MINUTE_MS * MINUTE_MS - TICKS * MINUTE_MS
    ts = np.arange(first - WINDOW * 1000, now_ms() - 1_000, MINUTE_MS // 2)
    for at in range(0, topics, CHUNK):
        values = {n: 20.0 if int(n.rpartition("t")[2]) % BEYOND == 1 else 5.0 for n in names[at : at + CHUNK]}
        bus.publish({name: (ts, np.full(len(ts), value)) for name, value in values.items()})
    collect_all()
    kpis = Kpi.objects.in_bulk(names, field_name="topic")
    rule = {"window": WINDOW, "limit": LIMIT}
    made = [Threshold(kpi=kpis[names[number % topics]], **rule) for number in range(thresholds)]
    made = Threshold.objects.bulk_create(made, batch_size=1_000)
    before = {"last_slot": first - MINUTE_MS, "due_at": first}
    ThresholdState.objects.bulk_create(
        [ThresholdState(threshold=one, **before) for one in made], batch_size=1_000
    )
    return first


def main(thresholds, topics):
    """Prepares, says so, then answers each line with the duration of one tick."""
    call_command("migrate", verbosity=0)
    slot = prepare(thresholds, topics)
    print("ready", flush=True)
    for _ in sys.stdin:
        begun = time.perf_counter()
        advanced = evaluate(now=slot + 1)
        print((time.perf_counter() - begun) * 1000, advanced, flush=True)
        slot += MINUTE_MS


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
