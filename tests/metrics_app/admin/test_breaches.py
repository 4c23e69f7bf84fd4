"""Breaches in the admin: to be read."""

import pytest

from metrics_app.models import Breach, BreachEvent
from tests.metrics_app.watching import HOUR, make_threshold

pytestmark = pytest.mark.django_db
LIST = "/admin/metrics_app/breach/"


@pytest.fixture
def breach(db, base):
    breach = Breach.objects.create(
        threshold=make_threshold(now=base),
        version=1,
        since=base,
        fired_at=base,
        value=52 * HOUR,
        n=3,
        peak=54 * HOUR,
        outcome="proposed #12",
    )
    BreachEvent.objects.create(breach=breach, at=base, kind="fired", text="Fired: mean 2 d 4 h.")
    return breach


def test_the_list_says_what_happened_in_human_units(admin_client, breach):
    page = admin_client.get(LIST, {"open": "yes"}).content.decode()
    assert "■ open" in page and "2 d 6 h" in page and "proposed #12" in page
    assert "0 breaches" in admin_client.get(LIST, {"open": "no"}).content.decode()


def test_a_breach_shows_its_timeline_and_cannot_be_edited(admin_client, breach):
    response = admin_client.get(f"{LIST}{breach.pk}/change/")
    page = response.content.decode()
    assert "Fired: mean 2 d 4 h." in page and "2 d 4 h" in page
    assert 'name="_save"' not in page
    assert admin_client.post(f"{LIST}{breach.pk}/change/", {"outcome": "x"}).status_code == 403
    assert admin_client.post(f"{LIST}{breach.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.get(f"{LIST}add/").status_code == 403
