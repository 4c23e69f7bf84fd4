"""A year of history: what long questions cost, and what it takes on disk beside raw rows.

Minute roll-ups of a number of KPIs are made in SQL, with the hours and days that follow
from them; then a month's daily series and a year's p95 of one KPI are asked as the API asks
them. ``python -m bench.history --kpis 100 --days 365`` on PostgreSQL (DATABASE_URL) is the
full size, 52 million rows; the defaults are a tenth of it.
"""

import argparse
import os
import statistics
import time

import django
import numpy as np

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hms_gov.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.db.models import Sum  # noqa: E402

from metrics_app.core import sketch as sketches  # noqa: E402
from metrics_app.core.buckets import Summary, floor, merge  # noqa: E402
from metrics_app.core.durations import DAY_MS, HOUR_MS, MINUTE_MS  # noqa: E402
from metrics_app.core.generations import Generations  # noqa: E402
from metrics_app.models import DayRollup, Generation, HourRollup, MinuteRollup, ShardHistory, Topic  # noqa: E402
from metrics_app.queries import history  # noqa: E402
from metrics_app.queries.reading import Reading, Want  # noqa: E402
from metrics_app.services.archive.rows import COLUMNS, TYPES, pack_summary  # noqa: E402

START = 1_735_689_600_000  # 2025-01-01
POINTS = 12  # of a minute
CHUNK = 5_000  # rows of one write
TABLES = {MINUTE_MS: MinuteRollup, HOUR_MS: HourRollup, DAY_MS: DayRollup}


def make_summaries(n, rng, points=POINTS):
    """``n`` Summaries of lognormal values, as a response time is spread."""
    values = rng.lognormal(5, 1, (n, points))
    total = values.sum(axis=1)
    m2 = ((values - total[:, None] / points) ** 2).sum(axis=1)
    shapes = sketches.split(np.repeat(np.arange(n), points), values.ravel(), n)
    numbers = zip(
        total.tolist(), m2.tolist(), values.min(axis=1).tolist(), values.max(axis=1).tolist(), strict=True
    )
    return [Summary(points, *row, None, shape) for row, shape in zip(numbers, shapes, strict=True)]


def write_rows(model, rows):
    """Bulk writes ``(topic, start, generation, *columns)``: COPY on PostgreSQL."""
    table = model._meta.db_table
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(TYPES)
                for row in rows:
                    copy.write_row(row)
        else:
            places = ", ".join(["%s"] * 9)
            cursor.executemany(f"INSERT INTO {table} ({COLUMNS}) VALUES ({places})", rows)


def fill(kpis, days):
    """Makes the history: topics beside each other, minute by minute, as the archiver writes it."""
    topics = [Topic.objects.create(name=f"bench.history.t{number}").pk for number in range(kpis)]
    generation = Generation.objects.create(shard=0, name="bench000").pk
    ShardHistory.objects.create(
        shard=0, days_target=START + days * DAY_MS, days_through=START + days * DAY_MS
    )
    rng = np.random.default_rng(1)
    # A pool: making 52 million sketches would be the larger part of the work.
    pool = [pack_summary(summary) for summary in make_summaries(20_000, rng)]
    coarse = {HOUR_MS: make_summaries(200, rng, 60 * POINTS), DAY_MS: make_summaries(20, rng, 1440 * POINTS)}
    for step in TABLES:
        chosen = pool if step == MINUTE_MS else [pack_summary(summary) for summary in coarse[step]]
        rows, at = [], 0
        for start in range(START, START + days * DAY_MS, step):
            for topic in topics:
                rows.append((topic, start, generation, *chosen[at % len(chosen)]))
                at += 1
            if len(rows) >= CHUNK:
                write_rows(TABLES[step], rows)
                rows = []
        write_rows(TABLES[step], rows)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def ask(start, end, step=None):
    """``(ms when first asked, ms of the median of five more, rows read)`` of a question about one KPI."""
    want = Want("bench.history.t0", start, end, True)
    reading = Reading(want, 2**60, Generations("bench000:0:0:0"), None, None, {}, {})
    durations = []
    for _ in range(6):
        begun = time.perf_counter()
        rows = history.Past(0, [want.topic]).read(reading, step=step)
        buckets = {}
        for row in rows:
            buckets.setdefault(floor(row.start, step) if step else 0, []).append(row.summary)
        for parts in buckets.values():
            merge(parts).quantile(0.95)
        durations.append((time.perf_counter() - begun) * 1000)
    return durations[0], statistics.median(durations[1:]), len(rows)


def measure_size(model):
    """Bytes of a table with its indexes."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_total_relation_size(%s)", [model._meta.db_table])
        else:
            cursor.execute("SELECT sum(pgsize) FROM dbstat WHERE name = %s", [model._meta.db_table])
        return int(cursor.fetchone()[0] or 0)


def measure_raw(points):
    """Bytes of a plain table of raw points (topic, ts, value) with an index on (topic, ts)."""
    double = "double precision" if connection.vendor == "postgresql" else "real"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE bench_raw (topic integer, ts bigint, value {double})")
        cursor.execute("CREATE INDEX bench_raw_topic_ts ON bench_raw (topic, ts)")
        rng = np.random.default_rng(2)
        rows = [(1, START + at * 250, value) for at, value in enumerate(rng.random(points).tolist())]
        for at in range(0, points, CHUNK):
            part = rows[at : at + CHUNK]
            places = ", ".join(["(%s, %s, %s)"] * len(part))
            cursor.execute(f"INSERT INTO bench_raw VALUES {places}", [value for row in part for value in row])
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_total_relation_size('bench_raw')")
        else:
            cursor.execute("SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'bench_raw%'")
        return int(cursor.fetchone()[0])


def main():
    """Fills an empty database and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kpis", type=int, default=10)
    parser.add_argument("--days", type=int, default=365)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    if MinuteRollup.objects.exists():
        raise SystemExit("this database has a history already: take an empty one")
    begun = time.monotonic()
    fill(options.kpis, options.days)
    rows = options.kpis * options.days * 1440
    print(
        f"{connection.vendor}: {rows:,} minutes of {options.kpis} KPIs in {time.monotonic() - begun:.0f} s",
        flush=True,
    )
    end = START + options.days * DAY_MS
    month = floor(end - 31 * DAY_MS, DAY_MS)
    for name, *question in (
        ("a month, daily", month, end, DAY_MS),
        ("a month, hourly", month, end, HOUR_MS),
        ("a day, by the minute", end - DAY_MS, end, MINUTE_MS),
        ("a year's p95", START, end),
        ("a year's p95, at odd minutes", START + 7 * MINUTE_MS, end - 7 * MINUTE_MS),
    ):
        first, ms, read = ask(*question)
        print(f"{name}: {ms:.1f} ms (when first asked {first:.1f}), {read} rows read", flush=True)
    points = MinuteRollup.objects.aggregate(n=Sum("count"))["n"]
    sizes = {model.__name__: measure_size(model) for model in TABLES.values()}
    print(", ".join(f"{name} {size / 1e9:.2f} GB" for name, size in sizes.items()))
    size = sum(sizes.values())
    raw = measure_raw(500_000) * 2
    print(f"storage: {size / points:.1f} MB per million points in roll-ups, {raw / 1e6:.1f} MB as raw rows")


if __name__ == "__main__":
    main()
