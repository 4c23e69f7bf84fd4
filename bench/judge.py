"""The judge under measurement, in a process of its own: a line in, the milliseconds of one judgement out.

``python -m bench.judge`` on the database of DATABASE_URL: stores a simulated year of hours with
sketches and breaches, carries a proposal out, then answers ``ours`` with the time in which the errand
reads and judges 400 days of it, and ``reference`` with that of pandas reading the same rows and
statsmodels fitting the same moments: wall and processor time, both in ms. It prints its parts first.
"""

import os
import sys
import time
from datetime import UTC, datetime, timedelta

import django
import numpy as np
import pandas as pd
import statsmodels.api as sm

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hms_gov.settings")
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from bench.feed import now_ms  # noqa: E402
from bench.history import make_summaries, write_rows  # noqa: E402
from bench.years import FIRST_H, ZONE, simulate  # noqa: E402
from metrics_app import bus  # noqa: E402
from metrics_app.collector import collect_all  # noqa: E402
from metrics_app.models import Breach, Generation, HourRollup, Kpi, Threshold, Topic  # noqa: E402
from metrics_app.queries import shard_for  # noqa: E402
from metrics_app.services.archive.rows import pack_summary  # noqa: E402
from pipelines_app.core import measuring  # noqa: E402
from pipelines_app.core.durations import HOUR_MS, HOUR_S  # noqa: E402
from pipelines_app.core.expectation import expect, fit_model, read_before  # noqa: E402
from pipelines_app.core.hours import make_course  # noqa: E402
from pipelines_app.models import Errand, Pipeline  # noqa: E402
from pipelines_app.queries import find_plan, find_span  # noqa: E402
from pipelines_app.services import approve, confirm, propose, run_errands  # noqa: E402
from pipelines_app.services.errands import measure  # noqa: E402

TOPIC = "bench.effect.latency"
SEED = 9


def store_year(year):
    """The hours of a year as the archiver keeps them, and its breaches; the KPI with its rule."""
    kpi = Kpi.objects.create(topic=TOPIC, unit="seconds", direction="lower")
    rule = Threshold.objects.create(kpi=kpi, window=1_800, limit=48 * HOUR_S)
    topic = Topic.objects.create(name=TOPIC).pk
    generation = Generation.objects.create(shard=shard_for(TOPIC), name="bench000").pk
    hours = np.flatnonzero(year.counts).tolist()
    shapes = [pack_summary(one) for one in make_summaries(len(hours), np.random.default_rng(SEED), 60)]
    rows = (
        (topic, (FIRST_H + at) * HOUR_MS, generation, int(year.counts[at]), float(year.sums[at]), *shape[2:])
        for at, shape in zip(hours, shapes, strict=True)
    )
    write_rows(HourRollup, rows)
    told = [(FIRST_H + at) * HOUR_MS for at in year.breaches]
    Breach.objects.bulk_create(
        Breach(threshold=rule, version=1, since=at, fired_at=at, recovered_at=at + HOUR_MS) for at in told
    )
    # The collector has read the bus to its end: what is not in the history was not measured.
    bus.publish({TOPIC: (np.array([now_ms() - 1_000]), np.array([1.0]))})
    collect_all()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def carry_out(year):
    """The errand of a proposal that was carried out in that year and is to be judged."""
    fired, started = (
        datetime.fromtimestamp((FIRST_H + at) * HOUR_S, UTC) for at in (year.fired, year.started)
    )
    boss = User.objects.create_superuser("boss")
    pipeline = propose(title="Slow", suggestion="Hire 2", topic=TOPIC, now=fired)[0]
    decided = started - timedelta(minutes=1)
    approve(pipeline=pipeline, by=boss, version=1, now=decided)
    run_errands(now=decided + timedelta(seconds=30))
    confirm(pipeline=pipeline, by=boss, version=1, day=f"{decided.date()}", now=started)
    return Errand.objects.select_related("pipeline").get(kind="measure")


def judge(errand):
    """What the errand does before it stores the effect, from a fresh row."""
    return measure.make_document(Pipeline.objects.get(pk=errand.pipeline_id))["effect"]


class Reference:
    """pandas and statsmodels over the same hours and moments; the rhythm and the spreads are left to ours."""

    def __init__(self, errand):
        planned, span = find_plan(errand.pipeline), find_span(errand.pipeline)
        fired, started = planned["plan"]["fired_at"], span["started_at"] // HOUR_MS
        self.start, self.end = measuring.find_history(fired, span["judged_to"])
        rows = measure.ask("hours", TOPIC, self.start, self.end)
        history = measuring.read_history(rows, self.start, self.end, "values")
        words = {"first": history.find_first(fired // HOUR_MS), "end": span["judged_to"] // HOUR_MS}
        course = make_course(history, fired=fired // HOUR_MS, zone=ZONE, kind="mean", **words)
        self.model = fit_model(course, fired=fired // HOUR_MS, settle=24, span=168, actions=[])
        self.design = sm.add_constant(self.model.rows)
        self.outcomes = self.model.misses + self.model.predict(self.model.rows)
        row = read_before(course, np.array([started]), self.model.lengths)
        self.row = np.concatenate([[[1.0]], row], axis=1)
        self.expected = expect(self.model, started, []).value

    def judge(self):
        """The expected value, which must be ours."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT start, sum, count FROM metrics_app_hourrollup "
                "WHERE topic = (SELECT id FROM metrics_app_topic WHERE name = %s) "
                "AND start >= %s AND start < %s",
                [TOPIC, self.start, self.end],
            )
            hours = pd.DataFrame(cursor.fetchall(), columns=["start", "sum", "count"])
        hours.groupby("start").sum()
        fitted = sm.OLS(self.outcomes, self.design).fit()
        found = fitted.get_prediction(self.row).summary_frame(alpha=0.05)["mean"].iloc[0]
        if not np.isclose(found, self.expected, rtol=1e-9):
            raise RuntimeError(f"statsmodels expects {found}, ours {self.expected}")


def time_call(call, *args):
    """``(wall, processor)`` milliseconds of one call."""
    begun, worked = time.perf_counter(), time.process_time()
    call(*args)
    return (time.perf_counter() - begun) * 1000, (time.process_time() - worked) * 1000


def main():
    """Prepares, says so with the number of hours and breaches, then answers each line."""
    call_command("migrate", verbosity=0)
    year = simulate("6 h", np.random.default_rng(SEED))
    store_year(year)
    errand = carry_out(year)
    reference = Reference(errand)
    calls = {"ours": (judge, errand), "reference": (reference.judge,)}
    effect = judge(errand)
    print("ready", int((year.counts > 0).sum()), len(year.breaches), effect["verdict"], flush=True)
    for line in sys.stdin:
        print(*time_call(*calls[line.strip()]), flush=True)


if __name__ == "__main__":
    main()
