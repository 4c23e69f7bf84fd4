import pytest
from django.contrib.auth.models import Permission

from metrics_app import queries
from metrics_app.collector import collect_all
from metrics_app.models import Correction, Kpi
from tests.metrics_app.points import publish

URL = "/api/v1/corrections/"
JSON = "application/json"


@pytest.fixture
def analyst(client, person):
    person.user_permissions.add(Permission.objects.get(codename="correct_history"))
    return person


@pytest.fixture
def mistake(db):
    now = queries.redis_now()
    publish("er.wait", now - 300_000, 1e12)
    publish("er.wait", now - 100_000, 10)
    collect_all()
    at = now - 300_000
    return {"topic": "er.wait", "start": at, "end": at + 1, "reason": "a test sent to production"}


def read_max(client, **options):
    query = "&".join(f"{name}={value}" for name, value in options.items())
    return client.get(f"/api/v1/kpis/er.wait/stats/?window=3600&{query}").json()["max"]


def test_a_person_voids_and_restores_a_span(client, analyst, mistake):
    assert read_max(client) == 1e12
    answer = client.post(URL, mistake, content_type=JSON)
    assert answer.status_code == 201, answer.content
    row = answer.json()
    assert (row["author"], row["reason"], row["restored_at"]) == ("ann", mistake["reason"], None)
    assert row["points"] == 1
    assert read_max(client) == 10 and read_max(client, **{"as": "published"}) == 1e12
    restore = f"{URL}{row['id']}/restore/"
    assert client.post(restore, {"reason": "it was real"}, content_type=JSON).json()["restored_by"] == "ann"
    assert read_max(client) == 1e12
    assert client.post(restore, {"reason": "again"}, content_type=JSON).status_code == 409
    assert client.get(URL).json()["count"] == client.get(f"{URL}?topic=er.wait").json()["count"] == 1


def test_it_needs_the_permission_and_a_person(client, person, mistake, bearer):
    assert client.post(URL, mistake, content_type=JSON).status_code == 403
    client.logout()
    assert client.post(URL, mistake, content_type=JSON).status_code == 401
    assert client.post(URL, mistake, content_type=JSON, headers=bearer("read")).status_code == 403
    assert client.get(URL, headers=bearer("read")).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": 5}, "reason"),
        ({"topic": None}, "topic"),
        ({"start": []}, "start"),
        ({"start": "soon"}, "start"),
        ({"end": "2001-01-01T00:00Z"}, "end"),
        ({"end": 10**17}, "end"),
        ({"end": "2090-01-01T00:00Z"}, "end"),
        ({"start": "1970-01-01T00:00Z"}, "start"),
        ({"topic": "er.wiat"}, "topic"),
    ],
)
def test_it_names_what_is_wrong(client, analyst, mistake, wrong, field):
    answer = client.post(URL, mistake | wrong, content_type=JSON)
    assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == field
    assert not Correction.objects.exists()


def test_a_restricted_topic_is_not_touched_by_others(client, analyst, mistake):
    Kpi.objects.update_or_create(topic="er.wait", defaults={"restricted": True})
    assert client.post(URL, mistake, content_type=JSON).status_code == 400


@pytest.mark.parametrize("view", ["x", ""])
def test_an_unknown_view_is_refused(client, person, mistake, view):
    answer = client.get(f"/api/v1/kpis/er.wait/series/?as={view}")
    assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == "as"


def test_a_long_window_says_where_it_starts(client, person, mistake):
    found = client.get("/api/v1/kpis/er.wait/stats/?window=100000").json()
    assert found["start"] % 60_000 == 0
    assert "start" not in client.get("/api/v1/kpis/er.wait/stats/?window=3600").json()
