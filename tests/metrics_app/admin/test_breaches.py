"""Breaches in the admin: to be read."""

import pytest

from metrics_app.models import Breach, BreachEvent
from metrics_app.services.rules.thresholds import save_threshold
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
    assert "■ open" in page and "54 h" in page and "proposed #12" in page
    assert "0 breaches" in admin_client.get(LIST, {"open": "no"}).content.decode()


def test_a_breach_shows_its_timeline_and_cannot_be_edited(admin_client, breach):
    response = admin_client.get(f"{LIST}{breach.pk}/change/")
    page = response.content.decode()
    assert "Fired: mean 2 d 4 h." in page and "52 h" in page
    assert 'name="_save"' not in page
    assert admin_client.post(f"{LIST}{breach.pk}/change/", {"outcome": "x"}).status_code == 403
    assert admin_client.post(f"{LIST}{breach.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.get(f"{LIST}add/").status_code == 403


def test_a_breach_shows_the_rule_that_fired_and_what_it_became(admin_client, breach):
    page = admin_client.get(f"{LIST}{breach.pk}/change/").content.decode()
    assert "mean over 30 min above 48 h (version 1)" in page and "the rule is still the same" in page
    threshold = breach.threshold
    threshold.aggregate, threshold.limit = "count", 5
    save_threshold(threshold, by=None, now=breach.fired_at + 1_000)
    page = admin_client.get(f"{LIST}{breach.pk}/change/").content.decode()
    assert "mean over 30 min above 48 h (version 1)" in page
    assert "aggregate: mean → count; limit: 48 h → 5 (version 2)" in page
    # Its values stay what they were: durations.
    assert "52 h" in page and "54 h" in page


def test_times_are_written_with_their_zone_and_no_as_a_word(admin_client, breach):
    Breach.objects.update(fired_at=1_795_491_060_000)
    page = admin_client.get(f"{LIST}{breach.pk}/change/").content.decode()
    assert "2026-11-24 03:31:00 UTC" in page
    assert "icon-no" not in page
    assert "2026-11-24 03:31:00 UTC" in admin_client.get(LIST).content.decode()
