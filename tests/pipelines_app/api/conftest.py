"""Clients of each kind: people with a session, programs with a key."""

import json

import pytest
from rest_framework.test import APIClient

from metrics_app.models import Kpi
from metrics_app.services.keys import create_key


class Caller:
    """A client that sends JSON and remembers what it is."""

    def __init__(self, *, user=None, key=None, csrf=False):
        self.client = APIClient(enforce_csrf_checks=csrf, raise_request_exception=True)
        if user is not None:
            self.client.force_login(user)
        self.headers = {"HTTP_AUTHORIZATION": f"Bearer {key}"} if key else {}

    def get(self, path="", **query):
        """GET below /api/v1/pipelines/."""
        return self.client.get(f"/api/v1/pipelines/{path}", query, **self.headers)

    def post(self, path="", body=None, **headers):
        """POST a value as JSON, or bytes as they are."""
        data = body if isinstance(body, (bytes, str)) else json.dumps(body)
        where = f"/api/v1/pipelines/{path}"
        return self.client.post(where, data, content_type="application/json", **self.headers | headers)


@pytest.fixture
def call():
    """Makes a Caller for a user, a key, or nobody."""
    return Caller


@pytest.fixture
def kpis(db):
    """What the proposals of these tests are about: whoever asks from outside names a KPI."""
    for topic, unit in (("complaint.latency", "seconds"), ("er.wait", "")):
        Kpi.objects.get_or_create(topic=topic, defaults={"unit": unit})


@pytest.fixture
def make_key(kpis):
    """Makes an API key and gives back a Caller that uses it."""

    def make(*scopes, **fields):
        return Caller(key=create_key(name="advisor", scopes=list(scopes), **fields)[1])

    return make
