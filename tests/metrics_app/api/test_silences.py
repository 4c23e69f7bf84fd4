"""Silences over HTTP and in the admin."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone

from metrics_app import registry
from metrics_app.models import Kpi, Silence
from tests.metrics_app.watching import make_threshold

pytestmark = pytest.mark.django_db
URL = "/api/v1/silences/"


def later(hours=1):
    return (timezone.now() + timedelta(hours=hours)).isoformat()


@pytest.fixture
def operator(client):
    user = User.objects.create_user("operator")
    user.user_permissions.set(Permission.objects.filter(codename__in=["add_silence", "change_silence"]))
    client.force_login(user)
    return user


def post(client, **fields):
    body = {"topic": "complaint.*", "ends_at": later(), "reason": "maintenance"} | fields
    return client.post(URL, body, content_type="application/json")


def test_it_is_created_listed_and_ended(client, operator, base):
    threshold = make_threshold(now=base)
    made = post(client)
    assert made.status_code == 201, made.content
    assert made.json()["author"] == "operator"
    assert "silenced until" in client.get(f"/api/v1/thresholds/{threshold.pk}/").json()["silenced"]
    page = client.get(f"/kpis/{threshold.kpi.topic}/").content.decode()
    assert "Silenced until" in page and "by operator: maintenance" in page
    heading = page.partition('class="lead"')[2].partition("</p>")[0]
    assert "silenced until" in heading and "by operator: maintenance" in heading
    assert 'data-field="silence">· silenced until' in client.get("/").content.decode()
    client.cookies["timezone"] = "America/New_York"
    why = client.get(f"/thresholds/{threshold.pk}/explain/").content.decode()
    assert "Silenced until" in why and "by operator: maintenance" in why
    assert " EST by" in why or " EDT by" in why
    del client.cookies["timezone"]
    assert client.get(URL).json()["count"] == 1
    ended = client.delete(f"{URL}{made.json()['id']}/")
    assert ended.status_code == 200
    assert client.get(f"/api/v1/thresholds/{threshold.pk}/").json()["silenced"] == ""
    assert client.get(f"{URL}{made.json()['id']}/").status_code == 200


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"topic": ""}, "topic"),
        ({"topik": "complaint.*"}, "topik"),
        ({"ends_at": "soon"}, "ends_at"),
        ({"threshold": 404}, "threshold"),
        ({"days": "mon", "opens": "25:00", "closes": "06:00"}, "opens"),
        ({"reason": "a\x00b"}, "reason"),
        ({"author": "somebody"}, "author"),
    ],
)
def test_it_refuses_by_name(client, operator, fields, field):
    response = post(client, **fields)
    assert response.status_code == 400, response.content
    assert response.json()["errors"][0]["field"] == field and not Silence.objects.exists()


def test_its_times_are_what_times_are_everywhere(client, operator):
    ends = 1_925_010_000_000  # 2031-01-01T05:00Z
    made = post(client, ends_at=ends)
    assert (made.status_code, made.json()["ends_at"]) == (201, "2031-01-01T05:00:00Z")
    assert post(client, ends_at="2031-01-01T06:00:00+01:00").json()["ends_at"] == "2031-01-01T05:00:00Z"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ends_at": "2031-01-01T06:00:00"}, "has no UTC offset: write 'Z' or '+01:00' behind it"),
        (
            {"ends_at": "tomorrow"},
            "is not a time: expected integer milliseconds since the epoch",
        ),
        ({"ends_at": 1_924_995_600}, "looks like seconds, expected milliseconds"),
        ({"ends_at": 10**18}, "is after the year 9999"),
        ({"ends_at": True}, "is not a time"),
        ({"starts_at": "2031-01-01T06:00:00"}, "has no UTC offset"),
        ({"threshold": 99999}, "there is no threshold 99999"),
        ({"threshold": 10**30}, "there is no threshold 1"),
        ({"threshold": "x"}, "there is no threshold 'x'"),
    ],
)
def test_its_faults_speak_the_language_of_the_product(client, operator, fields, message):
    response = post(client, **fields)
    assert response.status_code == 400, response.content
    (error,) = response.json()["errors"]
    assert error["field"] == next(iter(fields)) and message in error["message"]


def test_others_read_and_do_not_write(client, person, bearer):
    assert post(client).status_code == 403
    assert client.get(URL).status_code == 200
    client.logout()
    assert client.get(URL).status_code == 401
    assert client.get(URL, headers=bearer("read")).status_code == 200


def test_a_restricted_kpi_is_not_named_to_others(client, operator, base):
    threshold = make_threshold(now=base)
    made = post(client, topic="", threshold=threshold.pk).json()
    Kpi.objects.update(restricted=True, owner=Group.objects.create(name="owners"))
    registry.forget()
    assert client.get(URL).json()["count"] == 0
    assert client.delete(f"{URL}{made['id']}/").status_code == 404
    assert post(client, topic="", threshold=threshold.pk).status_code == 400


def test_the_admin_sets_one_with_every_fault_at_its_field(admin_client, base):
    form = {"topic": "*", "severity": "", "starts_at_0": "2026-01-01", "starts_at_1": "00:00", "zone": "UTC"}
    form |= {
        "ends_at_0": "2036-01-01",
        "ends_at_1": "00:00",
        "reason": "move",
        "days": "sun",
        "opens": "22:00",
    }
    add = "/admin/metrics_app/silence/add/"
    refused = admin_client.post(add, form)
    assert list(refused.context["adminform"].form.errors) == ["days"]
    assert admin_client.post(add, form | {"closes": "06:00"}).status_code == 302
    assert Silence.objects.get().author.username == "admin"
    threshold = make_threshold(now=base)
    Silence.objects.update(threshold=threshold)
    assert "move" in admin_client.get("/admin/metrics_app/silence/").content.decode()
    gone = admin_client.post(f"/admin/metrics_app/threshold/{threshold.pk}/delete/", {"post": "yes"})
    assert gone.status_code == 302 and not Silence.objects.exists()
