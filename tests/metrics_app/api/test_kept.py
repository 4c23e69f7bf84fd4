"""Over HTTP: what pruning took is refused with 400 and the parameter to change."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from metrics_app.services.archive import archive
from metrics_app.services.compact import compact_history
from tests.metrics_app.histories import DAY, HOUR, MINUTE, Clockwork
from tests.metrics_app.points import publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def old(settings):
    """15:00 UTC of a day of which only hours are kept, with a point every minute."""
    settings.METRICS_APP = {**settings.METRICS_APP, "MINUTES_DAYS": 3}
    clockwork = Clockwork()
    at = clockwork.now // DAY * DAY - 5 * DAY + 15 * HOUR
    publish("er.wait", np.arange(at - 2 * DAY, at + 2 * HOUR, MINUTE), 1.0)
    clockwork.collect()
    archive()
    compact_history(now=clockwork.now)
    return datetime.fromtimestamp(at / 1000, UTC)


@pytest.mark.parametrize(
    ("ask", "minutes", "field"),
    [
        ("series/?step=60", 60, "step"),
        ("series/?step=1800", 60, "step"),
        ("export/?step=60", 60, "step"),
        ("compare/?", 30, "end"),
        ("calendar/?by=day&zone=Asia/Kolkata", 60, "zone"),
        ("export/?by=hour&zone=Asia/Kolkata", 60, "zone"),
    ],
)
def test_what_is_finer_than_what_is_kept_is_refused(client, person, old, ask, minutes, field):
    span = f"&start={old:%Y-%m-%dT%H:%MZ}&end={old + timedelta(minutes=minutes):%Y-%m-%dT%H:%MZ}"
    answer = client.get(f"/api/v1/kpis/er.wait/{ask}{span}")
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["field"] == field and "are no longer kept" in error["message"]


@pytest.mark.parametrize("ask", ["series/?step=3600", "calendar/?by=hour&zone=Europe/Berlin", "compare/?"])
def test_whole_hours_are_answered(client, person, old, ask):
    span = f"&start={old:%Y-%m-%dT%H:%MZ}&end={old + timedelta(hours=1):%Y-%m-%dT%H:%MZ}"
    answer = client.get(f"/api/v1/kpis/er.wait/{ask}{span}")
    assert answer.status_code == 200 and answer.json()["count"] in (60, [60])


def test_a_window_says_that_it_starts_on_a_whole_hour(client, person, old):
    found = client.get(f"/api/v1/kpis/er.wait/stats/?window={6 * 86_400}").json()
    assert found["start"] % HOUR == 0 and found["count"] > 0


def test_a_command_says_so_too(old):
    with pytest.raises(CommandError, match="no longer kept"):
        call_command("export_history", "er.wait", step=60, start=f"{old:%Y-%m-%dT%H:%MZ}")
