"""Why a threshold did or did not fire, over HTTP and as a page."""

import time

import pytest
from django.contrib.auth.models import Group

from metrics_app import registry
from metrics_app.models import Kpi
from metrics_app.services.watch.evaluate import evaluate
from tests.metrics_app.watching import HOUR, TOPIC, make_threshold, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def fired():
    """A threshold that fired with its first slot."""
    now = int(time.time() * 1000)
    Kpi.objects.create(topic=TOPIC, unit="seconds")
    send((now - 5000, 60 * HOUR))
    threshold = make_threshold(now=now - 2000)
    evaluate()
    return threshold


def test_programs_and_people_read_the_same_reason(client, person, fired):
    found = client.get(f"/api/v1/thresholds/{fired.pk}/explain/").json()
    assert (found["class"], found["after"], found["n"]) == ("breach", "firing", 1)
    page = client.get(f"/thresholds/{fired.pk}/explain/")
    assert page.status_code == 200 and "is above the limit of 48 h" in page.content.decode()
    kpi = client.get(f"/kpis/{fired.kpi.topic}/").content.decode()
    assert f"/thresholds/{fired.pk}/explain/" in kpi
    assert f"/thresholds/{fired.pk}/explain/?at={fired.breaches.get().fired_at}" in kpi


@pytest.mark.parametrize("at", ["soon", "1000", "99999999999999", "-999999999999"])
def test_a_time_that_cannot_be_explained_is_refused_in_words(client, person, fired, at):
    response = client.get(f"/api/v1/thresholds/{fired.pk}/explain/", {"at": at})
    assert response.status_code == 400 and response.json()["errors"][0]["field"] == "at"
    page = client.get(f"/thresholds/{fired.pk}/explain/", {"at": at})
    assert page.status_code == 400 and "not judged" in page.content.decode()


def test_an_unknown_parameter_is_refused_by_name(client, person, fired):
    response = client.get(f"/api/v1/thresholds/{fired.pk}/explain/", {"foo": "1"})
    assert response.status_code == 400
    [fault] = response.json()["errors"]
    assert fault["field"] == "foo" and "expected at" in fault["message"]


def test_a_restricted_kpi_is_explained_to_its_group_only(client, person, fired):
    Kpi.objects.update(restricted=True, owner=Group.objects.create(name="owners"))
    registry.forget()
    assert client.get(f"/api/v1/thresholds/{fired.pk}/explain/").status_code == 404
    assert client.get(f"/thresholds/{fired.pk}/explain/").status_code == 404
