"""Silences in the admin: by the reader's clock, also in the hour that comes twice."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User

from metrics_app.models import Silence

pytestmark = pytest.mark.django_db
URL = "/admin/metrics_app/silence/"
FIRST = datetime(2027, 10, 31, 0, 30, tzinfo=UTC)  # 02:30 in Berlin, for the first time


@pytest.fixture
def admin(client):
    client.force_login(User.objects.create_superuser("root"))
    client.cookies["timezone"] = "Europe/Berlin"
    return client


def fill(**fields):
    written = {"topic": "*", "reason": "a move", "zone": "UTC", "starts_at": "2027-10-30 12:00:00"} | fields
    for name in ("starts_at", "ends_at"):
        day, clock = written.pop(name).split(" ")
        written |= {f"{name}_0": day, f"{name}_1": clock}
    return written


def test_a_time_that_comes_twice_is_the_first_and_the_zone_stands_beside_it(admin):
    assert "In Europe/Berlin." in admin.get(f"{URL}add/").content.decode()
    assert admin.post(f"{URL}add/", fill(ends_at="2027-10-31 02:30:00")).status_code == 302
    assert Silence.objects.get().ends_at == FIRST


def test_a_time_that_never_comes_is_refused_at_its_field(admin):
    page = admin.post(f"{URL}add/", fill(starts_at="2027-03-27 12:00:00", ends_at="2027-03-28 02:30:00"))
    assert "2027-03-28 02:30 never comes" in page.content.decode() and not Silence.objects.exists()


def test_a_time_that_nobody_touched_stays_the_moment_it_is(admin):
    start = datetime(2027, 10, 30, 10, 0, 0, 123_456, tzinfo=UTC)
    second = FIRST + timedelta(hours=1)
    row = Silence.objects.create(topic="*", reason="a move", starts_at=start, ends_at=second)
    shown = fill(ends_at="2027-10-31 02:30:00", reason="a longer move")
    assert admin.post(f"{URL}{row.pk}/change/", shown).status_code == 302
    row.refresh_from_db()
    assert (row.reason, row.starts_at, row.ends_at) == ("a longer move", start, second)
    admin.post(f"{URL}{row.pk}/change/", shown | {"ends_at_1": "03:30:00"})
    row.refresh_from_db()
    assert row.ends_at == FIRST + timedelta(hours=2)
