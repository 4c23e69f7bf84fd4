"""Every address of the API stands on the one base, the next one too."""

import pytest
from django.test import Client

from metrics_app.services.keys import create_key
from pipelines_app.api.base import ApiView
from pipelines_app.api.urls import urlpatterns
from tests.doors import list_api, list_doors, tell

pytestmark = pytest.mark.django_db
PACKAGE = "pipelines_app.api"
walk = pytest.mark.parametrize("door", list_doors(PACKAGE), ids=tell)


def errors_of(response):
    """The faults of an answer, each in the one shape."""
    assert response["Content-Type"] == "application/json"
    faults = response.json()["errors"]
    assert faults and all(set(fault) == {"field", "message"} for fault in faults)
    return faults


def test_no_address_is_without_the_base():
    patterns = {pattern.name: pattern for pattern in [*urlpatterns, *list_api(PACKAGE)]}
    assert len(patterns) == len(urlpatterns)
    for name, pattern in patterns.items():
        assert issubclass(getattr(pattern.callback, "cls", object), ApiView), name


@walk
def test_every_method_says_what_it_takes(door):
    assert hasattr(getattr(door.view, door.method), "query")


@walk
def test_it_lets_nobody_in_who_is_not_known(client, door):
    response = door.knock(client)
    assert response.status_code == 401 and response["WWW-Authenticate"].startswith("Bearer")
    errors_of(response)


@walk
def test_it_refuses_a_key_without_its_scope(door):
    raw = create_key(name="sender", scopes=["emit"])[1]
    response = door.knock(Client(headers={"Authorization": f"Bearer {raw}"}))
    assert response.status_code == 403 and "lacks the scope" in errors_of(response)[0]["message"]


@walk
def test_it_refuses_a_parameter_that_nobody_reads(admin_client, door):
    response = door.knock(admin_client, "?nonsense=1")
    assert response.status_code == 400
    (fault,) = errors_of(response)
    assert fault["field"] == "nonsense" and fault["message"].startswith("unknown parameter: expected")


@walk
def test_it_says_which_methods_there_are(admin_client, door):
    response = admin_client.put(door.url)
    assert response.status_code == 405 and door.method.upper() in errors_of(response)[0]["message"]
