"""``GET /api/v1/thresholds/export/``."""

import pytest
from django.contrib.auth.models import Group

from metrics_app.models import Kpi
from metrics_app.services.keys import create_key
from metrics_app.services.rules.files import apply_import
from tests.metrics_app.services.rules.test_files import TEXT

pytestmark = pytest.mark.django_db
URL = "/api/v1/thresholds/export/"


def read(client, url=URL, scopes=("read",)):
    _, raw = create_key(name="ci", scopes=list(scopes))
    return client.get(url, headers={"Authorization": f"Bearer {raw}"})


def test_it_answers_what_the_command_writes(client):
    apply_import({"a": TEXT}, by=None)
    answer = read(client)
    assert answer["Content-Type"] == "application/yaml; charset=utf-8"
    assert answer.content.decode() == TEXT
    assert "er.wait" not in read(client, f"{URL}?topic=complaint.*").content.decode()


def test_it_shows_nothing_of_what_one_may_not_see(client):
    apply_import({"a": TEXT}, by=None)
    Kpi.objects.filter(topic="er.wait").update(restricted=True, owner=Group.objects.create(name="ER"))
    assert "er.wait" not in read(client).content.decode()
    assert client.get(URL).status_code == 401
    assert read(client, scopes=("emit",)).status_code == 403


def test_what_it_does_not_know_is_named(client):
    answer = read(client, f"{URL}?topics=x")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "topics")
    assert read(client, f"{URL}?topic=No").status_code == 400
