"""KPIs in the admin, for an analyst."""

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from metrics_app.collector import collect_all
from metrics_app.models import Breach, Kpi, ThresholdState

pytestmark = pytest.mark.django_db

LIST = "/admin/metrics_app/kpi/"
FORM = {"topic": "er.wait", "name": "Wait", "direction": "lower", "aggregate": "mean", "window": "1800"}


def test_it_makes_a_kpi(admin_client):
    assert admin_client.post(f"{LIST}add/", FORM).status_code == 302
    kpi = Kpi.objects.get()
    assert (kpi.topic, kpi.name, kpi.window, kpi.restricted) == ("er.wait", "Wait", 1800, False)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"topic": "er wait"}, "is not a topic"),
        ({"window": "0"}, "expected 1 s to 1 h"),
        ({"window": "1 d"}, "24 h is not a window of a tile: expected 1 s to 1 h"),
        ({"window": "soon"}, "is not a duration: write"),
        ({"restricted": "on"}, "Choose the owner group"),
    ],
)
def test_it_says_what_is_wrong(admin_client, wanted, message):
    assert message in admin_client.post(f"{LIST}add/", FORM | wanted).content.decode()
    assert not Kpi.objects.exists()


def test_a_topic_stays_what_it_is(admin_client):
    kpi = Kpi.objects.create(topic="er.wait")
    owner = Group.objects.create(name="hospital")
    wanted = FORM | {"topic": "other", "restricted": "on", "owner": owner.pk}
    assert admin_client.post(f"{LIST}{kpi.pk}/change/", wanted).status_code == 302
    kpi.refresh_from_db()
    assert (kpi.topic, kpi.restricted, kpi.owner) == ("er.wait", True, owner)


def test_a_window_is_written_and_read_as_people_say_it(admin_client):
    kpi = Kpi.objects.create(topic="er.wait", window=1800)
    assert 'value="30 min"' in admin_client.get(f"{LIST}{kpi.pk}/change/").content.decode()
    assert admin_client.post(f"{LIST}{kpi.pk}/change/", FORM | {"window": "1h"}).status_code == 302
    kpi.refresh_from_db()
    assert kpi.window == 3600


def test_the_list_says_no_without_a_red_cross(admin_client):
    Kpi.objects.create(topic="er.wait")
    page = admin_client.get(LIST).content.decode()
    assert '<td class="field-limited">no</td>' in page and "icon-no" not in page


def test_the_list_tells_the_tile_in_words_and_searches(admin_client):
    Kpi.objects.create(topic="er.wait", name="Waiting", window=1800)
    Kpi.objects.create(topic="er.beds", aggregate="rate_per_hour", window=3600)
    page = admin_client.get(LIST).content.decode()
    assert "mean, 30 min" in page and "rate per hour, 1 h" in page
    assert admin_client.get(f"{LIST}?q=waiting").context["cl"].result_count == 1


def test_an_expected_interval_is_written_in_words_and_watched_at_once(admin_client):
    assert admin_client.post(f"{LIST}add/", FORM | {"expected_interval": "15 min"}).status_code == 302
    kpi = Kpi.objects.get()
    threshold = kpi.thresholds.get()
    assert (kpi.expected_interval, threshold.kind, threshold.window) == (900, "silence", 900)
    assert "not judged yet" in admin_client.get(f"{LIST}{kpi.pk}/change/").content.decode()
    ThresholdState.objects.update(slot_class="clear")
    collect_all()
    assert "points come as expected" in admin_client.get(f"{LIST}{kpi.pk}/change/").content.decode()
    ThresholdState.objects.update(due_at=1, last_slot=1)
    assert "◌ not judged since" in admin_client.get(f"{LIST}{kpi.pk}/change/").content.decode()
    Breach.objects.create(threshold=threshold, kind="data", version=1, since=1, fired_at=1)
    page = admin_client.get(f"{LIST}{kpi.pk}/change/").content.decode()
    assert "○ silent, found" in page and 'value="15 min"' in page
    wrong = admin_client.post(f"{LIST}{kpi.pk}/change/", FORM | {"expected_interval": "1 s"})
    assert "1 s cannot be watched: expected 10 s to 31 d" in wrong.content.decode()
    assert admin_client.post(f"{LIST}{kpi.pk}/change/", FORM).status_code == 302
    threshold.refresh_from_db()
    assert not threshold.enabled and Breach.objects.get().recovered_at is not None


def test_the_watch_for_silence_is_set_on_its_kpi_alone(admin_client):
    admin_client.post(f"{LIST}add/", FORM | {"expected_interval": "15 min"})
    threshold = Kpi.objects.get().thresholds.get()
    address = f"/admin/metrics_app/threshold/{threshold.pk}/change/"
    page = admin_client.get(address).content.decode()
    assert "no point for 15 min" in page and "e+308" not in page and 'name="limit"' not in page
    assert admin_client.post(address, {"limit": "1"}).status_code == 403
    assert "no point for 15 min" in admin_client.get("/admin/metrics_app/threshold/").content.decode()
    assert admin_client.post(f"{LIST}{Kpi.objects.get().pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Kpi.objects.exists()


def test_a_kpi_is_opened_to_everybody_unless_it_is_restricted(admin_client):
    owner = Group.objects.create(name="hospital")
    opened = {"open_data": "on", "description": "How long people wait.", "method": "By the door's clock."}
    assert admin_client.post(f"{LIST}add/", FORM | opened).status_code == 302
    kpi = Kpi.objects.get()
    assert kpi.open_data and kpi.method == "By the door's clock."
    restricted = {"restricted": "on", "owner": owner.pk}
    page = admin_client.post(f"{LIST}{kpi.pk}/change/", FORM | opened | restricted, follow=True)
    assert "Wait is restricted now, and no longer open data." in page.content.decode()
    kpi.refresh_from_db()
    assert kpi.restricted and not kpi.open_data
    page = admin_client.post(f"{LIST}{kpi.pk}/change/", FORM | opened | restricted)
    assert "A restricted KPI cannot be open data: lift the restriction first" in page.content.decode()
    wanted = FORM | opened | restricted | {"topic": "er.beds"}
    assert "cannot be open data" in admin_client.post(f"{LIST}add/", wanted).content.decode()
    assert Kpi.objects.filter(open_data=True).count() == 0


def test_no_way_around_the_form_opens_what_is_restricted(db):
    kpi = Kpi(topic="er.wait", restricted=True, owner=Group.objects.create(name="hospital"), open_data=True)
    with pytest.raises(ValidationError, match="cannot be open data"):
        kpi.full_clean()
    kpi.save()
    assert not Kpi.objects.get().open_data
    with pytest.raises(IntegrityError), transaction.atomic():
        Kpi.objects.update(open_data=True)
