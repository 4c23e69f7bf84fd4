"""What every address makes of bodies that no reader of JSON understands in one way only."""

import pytest
from django.test import Client
from django.urls import reverse

from metrics_app.api.parsing import SmallJSONParser
from metrics_app.models import Kpi
from metrics_app.services.keys import create_key
from pipelines_app.api import parsing as pipelines_parsing
from tests.doors import list_doors, tell

pytestmark = pytest.mark.django_db

PACKAGES = ("metrics_app.api", "pipelines_app.api")
TAKES = [door for package in PACKAGES for door in list_doors(package) if door.method in ("post", "patch")]
PARSERS = (SmallJSONParser, pipelines_parsing.SmallJSONParser)
TWICE = '{"topic": "er.wait", "zebra": 1, "zebra": 2}'


@pytest.fixture
def send(admin_client):
    """A function that sends a body to a door, as somebody who may."""
    scopes = {"points": ["emit"], "stream_tickets": ["partner"]}

    def ask(door, body, content_type):
        client = admin_client
        if door.name in scopes:
            _, raw = create_key(name="walker", scopes=scopes[door.name], topics=["er.*"])
            client = Client(headers={"Authorization": f"Bearer {raw}"})
        return getattr(client, door.method)(door.url, body, content_type=content_type)

    return ask


@pytest.mark.parametrize("door", TAKES, ids=tell)
def test_a_name_that_stands_twice_is_refused_at_every_door(send, door):
    response = send(door, TWICE, "application/json")
    assert door.name == "points" or door.view.parser_classes[0] in PARSERS
    if response.status_code == 404:
        return  # there is no row, and bodies are read after that, by the same parser
    assert response.status_code == 400
    assert "zebra" in [fault["field"] for fault in response.json()["errors"]]
    assert "in one object" in response.content.decode()


def test_no_address_tells_where_a_server_is_that_is_away(admin_client, settings):
    Kpi.objects.create(topic="er.wait")
    settings.METRICS_APP = settings.METRICS_APP | {"REDIS_URL": "redis://:quokka@127.0.0.7:1/0"}
    pages = (reverse("overview"), reverse("inbox"), reverse("kpi", args=["er.wait"]))
    doors = [door for package in PACKAGES for door in list_doors(package) if door.method == "get"]
    answers = {door.url: door.knock(admin_client) for door in doors}
    answers |= {url: admin_client.get(url) for url in pages}
    assert sum(answer.status_code == 503 for answer in answers.values()) > 5
    for url, answer in answers.items():
        text = b"".join(answer.streaming_content) if answer.streaming else answer.content
        for word in (b"127.0.0.7", b"quokka", b"redis://", b"REDIS_URL", b"Connection refused", b"Traceback"):
            assert word not in text, (url, word)
