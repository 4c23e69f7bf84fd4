"""What is asked about many topics costs as many questions to the database as what is asked about one."""

import time
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics_app import queries, registry
from metrics_app.api.kpis import read_tiles
from metrics_app.api.prometheus import collect_kpis
from metrics_app.files import open_data
from metrics_app.models import HourRollup, Kpi, Recording, Topic
from metrics_app.pages.tiles import list_tiles
from metrics_app.queries import corrections, recordings
from tests.metrics_app.histories import DAY, HOUR, MINUTE

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
NOW = time.time_ns() // 1_000_000 // MINUTE * MINUTE


class Anybody:
    """Who may read all."""

    kind, is_superuser, topics, groups = "user", True, None, frozenset()


NAMES = [name for name in (f"quiet.{at}" for at in range(200)) if queries.shard_for(name) == 0][:10]


def make_quiet(names, *, made, has_history):
    """KPIs of one shard that count, and of which nothing has come lately; in their order."""
    for name in names:
        Kpi.objects.create(topic=name, aggregate="rate_per_hour", window=3600)
        if has_history:
            topic = Topic.objects.create(name=name)
            zeros = {"generation": 1, "sum": 1, "m2": 0, "min": 1, "max": 1, "sketch": b""}
            start = NOW // HOUR * HOUR - 30 * HOUR
            HourRollup.objects.create(topic=topic.pk, start=start, count=1, **zeros)
    Kpi.objects.update(created_at=datetime.fromtimestamp(made / 1000, UTC))
    return list(Kpi.objects.order_by("topic"))


def list_covered(kpis):
    """What the page of open data says is covered."""
    return open_data.list_covered({kpi.topic: (NOW - DAY, NOW - HOUR) for kpi in kpis}, NOW)


SITES = {
    "there all along": {"made": NOW - 2 * DAY, "has_history": True},
    "new": {"made": NOW - 10 * MINUTE, "has_history": False},
    "new, with a file": {"made": NOW - 10 * MINUTE, "has_history": True},
}
DOORS = {
    "spans": lambda kpis: queries.list_recorded_of([(kpi.topic, NOW - 20 * HOUR, NOW) for kpi in kpis]),
    "api": read_tiles,
    "exposition": lambda kpis: list(collect_kpis(Anybody())),
    "tiles": list_tiles,
    "calendars": lambda kpis: queries.so_far([kpi.topic for kpi in kpis], "Europe/Berlin"),
    "open data": list_covered,
}
APART = {"tiles", "calendars"}


def count_questions(kpis):
    """How many questions each door asks about KPIs, with what it remembers warm."""
    found = {}
    for name, ask in DOORS.items():
        recordings.load_recordings()
        ask(kpis[:1])
        with CaptureQueriesContext(connection) as asked:
            ask(kpis)
        statements = [query["sql"] for query in asked]
        # A tile asks of its own history, too; of what was recorded all of them ask together.
        found[name] = len([one for one in statements if name not in APART or "metrics_app_loss" in one])
    return found


@pytest.mark.parametrize("is_broken", [False, True], ids=["worked", "was away"])
@pytest.mark.parametrize("site", SITES)
def test_the_questions_do_not_grow_with_the_tiles(site, is_broken, monkeypatch):
    for module in (recordings, corrections, registry):
        monkeypatch.setattr(module, "FRESH", 3600)
    spans = [(NOW - 90 * DAY, NOW - 50 * MINUTE), (NOW - 30 * MINUTE, NOW)]
    spans = spans if is_broken else [(spans[0][0], NOW)]
    Recording.objects.bulk_create(Recording(start=start, end=end) for start, end in spans)
    few = count_questions(make_quiet(NAMES[:2], **SITES[site]))
    assert count_questions(make_quiet(NAMES[2:], **SITES[site])) == few
