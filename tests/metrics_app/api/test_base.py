"""Every address of the API stands on the one base, the next one too."""

import pytest
from django.test import Client

from metrics_app.api.base import ApiView
from metrics_app.api.documented import Operation
from metrics_app.api.urls import urlpatterns
from tests.doors import list_api, list_doors, tell

pytestmark = pytest.mark.django_db
PACKAGE = "metrics_app.api"
DOORS = list_doors(PACKAGE)
OPEN = {"healthz", "readyz", "readyz_emit", "open_data_catalog", "open_data_file"}
ORCHESTRATORS = {"healthz", "readyz", "readyz_emit"}
LENIENT = ORCHESTRATORS | {"points", "prometheus"}  # programs add parameters of their own
OTHER_KEYS = {"points": ["emit"], "stream_tickets": ["partner"]}  # what opens the doors that people cannot


def walk(*, without=()):
    """A parameter per door."""
    doors = [door for door in DOORS if door.name not in without]
    return pytest.mark.parametrize("door", doors, ids=tell)


def errors_of(response):
    """The faults of an answer, each in the one shape."""
    assert response["Content-Type"] == "application/json"
    faults = response.json()["errors"]
    assert faults and all(set(fault) == {"field", "message"} for fault in faults)
    return faults


def test_no_address_is_without_the_base():
    patterns = {pattern.name: pattern for pattern in [*urlpatterns, *list_api(PACKAGE)]}
    assert len(patterns) > 25
    for name, pattern in patterns.items():
        assert issubclass(getattr(pattern.callback, "cls", object), ApiView), name


@walk()
def test_every_method_says_what_it_takes_and_answers(door):
    marked = getattr(door.view, door.method).operation
    assert isinstance(marked, Operation) and marked.summary and marked.answers


def test_no_two_methods_have_one_name():
    names = [getattr(door.view, door.method).operation.name for door in DOORS]
    assert len(names) == len(set(names))


@walk(without=OPEN)
def test_it_lets_nobody_in_who_is_not_known(client, door):
    response = door.knock(client)
    assert response.status_code == 401 and response["WWW-Authenticate"].startswith("Bearer")
    errors_of(response)


@walk(without=OPEN)
def test_it_refuses_a_key_without_its_scope(client, bearer, door):
    response = door.knock(client, headers=bearer("propose"))
    assert response.status_code == 403
    assert any(word in errors_of(response)[0]["message"] for word in ("scope", "keys", "people"))


@walk(without=LENIENT)
def test_it_refuses_a_parameter_that_nobody_reads(admin_client, bearer, door):
    scopes = OTHER_KEYS.get(door.name)
    client = Client(headers=bearer(*scopes, topics=["er.*"])) if scopes else admin_client
    response = door.knock(client, "?nonsense=1")
    assert response.status_code == 400
    (fault,) = errors_of(response)
    assert fault["field"] == "nonsense" and fault["message"].startswith("unknown parameter: expected")


@walk()
def test_it_says_which_methods_there_are(admin_client, bearer, door):
    scopes = OTHER_KEYS.get(door.name)
    client = Client(headers=bearer(*scopes, topics=["er.*"])) if scopes else admin_client
    response = client.put(door.url)
    assert response.status_code == 405 and door.method.upper() in response["Allow"]
    assert f"{door.method.upper()}" in errors_of(response)[0]["message"]


def test_it_answers_json_whatever_is_accepted(admin_client):
    for accepted in ("text/html", "application/xml", "image/png;q=0.1"):
        response = admin_client.get("/api/v1/kpis/", headers={"Accept": accepted})
        assert (response.status_code, response["Content-Type"]) == (200, "application/json")


def test_it_knows_no_other_format(admin_client):
    assert admin_client.get("/api/v1/kpis/?format=json").status_code == 200
    (fault,) = errors_of(admin_client.get("/api/v1/kpis/?format=xml"))
    assert fault == {"field": "format", "message": "'xml' is not known: expected json"}
