"""The page of the worked example: what it takes, what it refuses, and that it is the project's alone."""

import time

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import resolve

from hms_gov.complaints import list_addresses, read_complaints
from metrics_app.collector import collect_all
from metrics_app.models import Kpi
from metrics_app.queries import stats
from metrics_app.registry import forget
from tests.metrics_app.watching import HOUR, TOPIC, make_threshold, send

PAGE = "/demo/complaints/"


@pytest.fixture
def reader(db, client):
    """A logged-in person without any permission."""
    user = User.objects.create_user("out")
    client.force_login(user)
    return user


@pytest.fixture
def measured(db):
    """The worked example with two answers and its rule."""
    now = time.time_ns() // 1_000_000
    Kpi.objects.create(topic=TOPIC, name="Response time", unit="seconds")
    Kpi.objects.create(topic="complaint.received", aggregate="rate_per_hour", window=3600)
    send((now - 2000, 50 * HOUR), (now - 1000, 54 * HOUR))
    make_threshold(now=now)
    forget()


@pytest.mark.parametrize(
    ("text", "seconds"), [("93600", 93600), ("26 h", 93600), ("2 d 4 h", 187200), ("0", 0)]
)
def test_it_reads_a_waiting_time_in_seconds_or_in_words(text, seconds):
    form = read_complaints({"action": "answer", "latency": text})
    assert form.is_valid()
    assert form.points() == [("complaint.latency", seconds, None)]


@pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "inf", "1e400", "9" * 40, "1 h 5"])
def test_it_refuses_what_is_no_waiting_time_by_its_field(text):
    form = read_complaints({"action": "answer", "latency": text})
    assert not form.is_valid()
    assert form.errors["latency"]


def test_it_files_one_complaint_or_ten():
    one, ten = (read_complaints({"action": "file", "count": count}) for count in ("", "10"))
    assert one.is_valid() and ten.is_valid()
    assert (len(one.points()), len(ten.points())) == (1, 10)


@pytest.mark.parametrize(
    "data", [{}, {"action": "delete"}, {"action": "file", "count": "11"}, {"action": "file", "count": "x"}]
)
def test_it_refuses_what_the_form_does_not_offer(data):
    assert not read_complaints(data).is_valid()


def test_filing_ten_complaints_counts_ten(client, reader, measured):
    response = client.post(PAGE, {"action": "file", "count": "10"})
    assert response.status_code == 302
    collect_all()
    assert stats("complaint.received", 3600)["count"] == 10
    assert "10 complaints were filed at" in client.get(PAGE).content.decode()


def test_an_answer_is_one_point_of_its_waiting_time(client, reader, measured):
    assert client.post(PAGE, {"action": "answer", "latency": "600"}).status_code == 302
    collect_all()
    assert stats(TOPIC, 1800)["min"] == 600


def test_a_bad_waiting_time_is_refused_beside_its_field(client, reader, measured):
    response = client.post(PAGE, {"action": "answer", "latency": "soon"})
    assert response.status_code == 400
    text = response.content.decode()
    assert "&#x27;soon&#x27; is not a duration" in text
    assert 'aria-describedby="latency-fault"' in text
    collect_all()
    assert stats(TOPIC, 1800)["count"] == 2


def test_an_unknown_action_is_refused_with_the_two_there_are(client, reader, measured):
    response = client.post(PAGE, {"action": "delete"})
    assert response.status_code == 400
    assert "&quot;file&quot; files a complaint" in response.content.decode()


def test_the_form_checks_where_it_comes_from(measured, reader):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(reader)
    assert strict.post(PAGE, {"action": "file"}).status_code == 403


def test_it_asks_for_a_log_in_first(client, db):
    response = client.get(PAGE)
    assert (response.status_code, response.url) == (302, f"/accounts/login/?next={PAGE}")


def test_it_shows_the_tiles_it_moves_without_an_inline_script_or_style(client, reader, measured):
    response = client.get(PAGE)
    text = response.content.decode()
    assert response.status_code == 200 and "no-store" in response["Cache-Control"]
    assert 'data-topic="complaint.latency"' in text and 'data-topic="complaint.received"' in text
    assert " style=" not in text and "<style" not in text and " onclick=" not in text
    assert text.count("<script") == text.count("<script src=") + text.count('<script type="module" src=')


def test_without_redis_it_says_so_and_not_where_it_is(client, reader, settings, measured):
    settings.METRICS_APP = {**settings.METRICS_APP, "REDIS_URL": "redis://:secret@127.0.0.1:1/0"}
    response = client.get(PAGE)
    assert response.status_code == 503
    text = response.content.decode()
    assert "Redis does not answer." in text and "127.0.0.1" not in text and "secret" not in text


def test_a_site_that_switches_it_off_has_neither_the_page_nor_a_link_to_it(client, reader, settings):
    assert list_addresses(False) == [] and len(list_addresses(True)) == 1
    assert resolve(PAGE).func.__module__ == "hms_gov.complaints"
    assert PAGE in client.get("/").content.decode()
    settings.ROOT_URLCONF = "tests.hms_gov.addresses_without_demo"
    assert PAGE not in client.get("/").content.decode() and client.get(PAGE).status_code == 404
