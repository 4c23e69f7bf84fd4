"""The real complaints with their original times, against figures that were computed apart from us."""

import csv

import pytest
from django.core.management import call_command

from metrics_app import queries
from metrics_app.collector import collect_all
from metrics_app.core.points import parse_iso
from metrics_app.files.cases import join_topic, make_slug
from metrics_app.services.archive import archive
from metrics_app.services.compact import compact_history

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
HOUR, DAY = 3_600_000, 86_400_000
START, END = parse_iso("2011-07-01T00:00Z"), parse_iso("2020-01-01T00:00Z")


def read_truth(cases, name):
    """The rows of a file of truth beside the cases."""
    with (cases.parent / "truth" / name).open(newline="") as file:
        return list(csv.DictReader(file))


def replay(cases, **options):
    call_command("replay", str(cases), times="original", speed="max", **options)
    collect_all()
    archive(patience=float("inf"))


def read_hours(topic):
    """``{hour ms: (count, mean)}``, in pieces that the series allows."""
    found = {}
    for start in range(START, END, 90 * DAY):
        columns = queries.series(topic, start, min(start + 90 * DAY, END), HOUR)
        rows = zip(columns["ts"], columns["count"], columns["mean"], strict=True)
        found |= {at: (count, mean) for at, count, mean in rows}
    return found


@pytest.mark.long  # the shorter one asks for days of the same rows
def test_every_hour_is_what_the_truth_says(boston_cases):
    replay(boston_cases)
    received, latency = read_hours("complaint.received"), read_hours("complaint.latency")
    rows = read_truth(boston_cases, "hourly.csv")
    for row in rows:
        at = parse_iso(row["hour_utc"])
        assert received[at][0] == int(row["received"]), row
        assert latency[at][0] == int(row["latency_n"]), row
        mean = float(row["latency_mean_s"]) if row["latency_mean_s"] else None
        assert latency[at][1] == (mean if mean is None else pytest.approx(mean, rel=1e-6, abs=1e-3)), row
    assert sum(count for count, _ in received.values()) == 58_251
    # After the night, minutes of 2011 are gone and hours and days say the same.
    compact_history()
    assert read_hours("complaint.latency") == latency and read_hours("complaint.received") == received
    whole = queries.span("complaint.latency", START, END, percentiles=True)
    assert (whole.count, whole.mean) == (54_570, pytest.approx(3_576_954.334))
    for q, expected in ((0.5, 79_835), (0.95, 18_663_798.35), (0.99, 76_725_333.92)):
        assert whole.quantile(q) == pytest.approx(expected, rel=0.01)


# The reading of the test before, for each type.
@pytest.mark.any_database
def test_every_type_is_what_the_truth_says(boston_cases):
    replay(boston_cases, split_column="type")
    for row in read_truth(boston_cases, "by_type.csv"):
        kind = make_slug(row["type"])
        received = queries.span(join_topic("complaint.received", kind), START, END)
        latency = queries.span(join_topic("complaint.latency", kind), START, END, percentiles=True)
        assert (received.count, latency.count) == (int(row["received"]), int(row["latency_n"])), row
        if latency.count:
            assert latency.mean == pytest.approx(float(row["mean_s"]), rel=1e-6, abs=1e-3), row
            for q, name in ((0.5, "p50_s_cont"), (0.95, "p95_s_cont"), (0.99, "p99_s_cont")):
                assert latency.quantile(q) == pytest.approx(float(row[name]), rel=0.01, abs=0.01), (row, name)
