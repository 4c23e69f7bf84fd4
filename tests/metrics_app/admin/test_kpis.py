"""KPIs in the admin, for an analyst."""

import pytest
from django.contrib.auth.models import Group

from metrics_app.models import Kpi

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
        ({"window": "0"}, "expected 1 to 3600 seconds"),
        ({"window": "86400"}, "expected 1 to 3600 seconds"),
        ({"window": "soon"}, "Enter a whole number"),
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


def test_the_list_tells_the_tile_in_words_and_searches(admin_client):
    Kpi.objects.create(topic="er.wait", name="Waiting", window=1800)
    Kpi.objects.create(topic="er.beds", aggregate="rate_per_hour", window=3600)
    page = admin_client.get(LIST).content.decode()
    assert "mean, 30 min" in page and "rate per hour, 1 h" in page
    assert admin_client.get(f"{LIST}?q=waiting").context["cl"].result_count == 1
