"""The figures an operator asks for first."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from metrics_app import queries
from metrics_app.models import Kpi
from metrics_app.pages.comparisons import list_comparisons
from metrics_app.services.archive import archive
from tests.metrics_app.histories import DAY, HOUR, Clockwork
from tests.metrics_app.points import publish

pytestmark = pytest.mark.django_db
ZONE = "Pacific/Auckland"


def find_midnight(now):
    """The start of the local day of ``now``, in ms."""
    local = datetime.fromtimestamp(now / 1000, ZoneInfo(ZONE))
    return round(local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)


def rows_of(kpi):
    found = list_comparisons(kpi, queries.redis_now(), ZONE)
    return {row["label"]: (row["text"], row["beside"]) for row in found}


def test_today_is_counted_from_local_midnight_and_set_against_yesterday():
    kpi = Kpi.objects.create(topic="er.seen", aggregate="rate_per_hour", window=3600)
    clockwork = Clockwork()
    now = clockwork.now
    today = [max(now - number * 1000, find_midnight(now)) for number in range(1, 7)]
    # It was there the day before, too: each day by now was counted in full.
    publish("er.seen", today + [now - DAY - 60_000] * 3 + [now - 2 * DAY - 60_000])
    clockwork.collect()
    archive()
    rows = rows_of(kpi)
    assert rows["today since midnight"][0] == "6"
    # Within a minute after midnight yesterday's points are of the day before.
    assert rows["yesterday by now"] in {("3", "today 100 % more"), ("0", "")}
    assert rows["a week ago by now"] == ("—", "not recorded then")


def test_a_day_that_was_only_partly_counted_is_not_compared_with():
    kpi = Kpi.objects.create(topic="er.seen", aggregate="rate_per_hour", window=3600)
    clockwork = Clockwork()
    if clockwork.now - find_midnight(clockwork.now) < 4 * HOUR:
        clockwork.now += 6 * HOUR
    publish("er.seen", [clockwork.now - DAY - 60_000] * 3)
    clockwork.collect()
    archive()
    found = list_comparisons(kpi, clockwork.now, ZONE)
    rows = {row["label"]: (row["text"], row["beside"]) for row in found}
    assert rows["yesterday by now"] == ("3", "only partly recorded then")


def test_a_day_before_anybody_watched_is_not_zero():
    kpi = Kpi.objects.create(topic="er.wait", unit="seconds")
    publish("er.wait", [queries.redis_now() - 1000], 60)
    Clockwork()
    rows = rows_of(kpi)
    assert rows["yesterday by now"] == ("—", "not recorded then")
    assert rows["today since midnight"] == ("1 min", "mean of 1 point")
