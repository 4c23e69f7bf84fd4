"""Every fault has the one shape."""

import json

import pytest
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation, ValidationError
from django.db import OperationalError
from rest_framework import exceptions

from metrics_app.api.errors import handle_bad_request, handle_exception, handle_server_error
from metrics_app.exceptions import BadInput, BusUnavailable, Conflict, NotAllowed, TooLarge, TooMany


@pytest.mark.parametrize(
    ("error", "status", "errors"),
    [
        (BadInput("no", field="value", index=3), 400, [{"index": 3, "field": "value", "message": "no"}]),
        (NotAllowed("no"), 403, [{"field": None, "message": "no"}]),
        (Conflict("no"), 409, [{"field": None, "message": "no"}]),
        (TooLarge("no"), 413, [{"field": None, "message": "no"}]),
        (TooMany("no", retry_after=7), 429, [{"field": None, "message": "no"}]),
        (OperationalError("gone"), 503, [{"field": None, "message": "The database does not answer."}]),
        (ValidationError({"limit": ["no", "never"]}), 400, [("limit", "no"), ("limit", "never")]),
        (ValidationError("no"), 400, [(None, "no")]),
        (
            exceptions.ValidationError({"a": {"b": ["no"]}, "non_field_errors": ["never"]}),
            400,
            [("a.b", "no"), (None, "never")],
        ),
        (exceptions.NotFound("gone"), 404, [(None, "gone")]),
        (
            exceptions.Throttled(wait=3),
            429,
            [(None, "Request was throttled. Expected available in 3 seconds.")],
        ),
    ],
)
def test_it_answers_in_the_one_shape(error, status, errors):
    response = handle_exception(error, {})
    expected = [e if isinstance(e, dict) else {"field": e[0], "message": e[1]} for e in errors]
    assert (response.status_code, response.data) == (status, {"errors": expected})
    assert ("Retry-After" in response) == (status in (429, 503))


@pytest.mark.parametrize(
    ("url", "told"), [("/", "Away for the moment"), ("/api/v1/kpis/", "does not answer")]
)
@pytest.mark.parametrize("error", [OperationalError("gone"), BusUnavailable("No Redis"), KeyError("x")])
def test_a_page_whose_server_is_away_says_so_and_asks_none_for_it(rf, url, told, error):
    """Without a database: the page itself must not need one."""
    try:
        raise error
    except Exception:
        response = handle_server_error(rf.get(url))
    away = not isinstance(error, KeyError)
    assert (response.status_code, "Retry-After" in response) == ((503, True) if away else (500, False))
    assert (told in response.content.decode()) == away


def test_it_leaves_what_nobody_foresaw_to_the_server():
    assert handle_exception(KeyError("x"), {}) is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    "url", ["/api/v1/nothing/", "/api/nothing", "/api/v1/kpis/a/b/c/", "/mkt/x", "/v1/x", "/metrics/x"]
)
def test_an_unknown_address_of_the_api_answers_json(client, person, url):
    response = client.get(url)
    assert response.status_code == 404
    assert url in response.json()["errors"][0]["message"]


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["/nothing/", "/apis/", "/metricsx"])
def test_an_unknown_page_is_for_people(client, url):
    response = client.get(url)
    assert response.status_code == 404 and "<html" in response.content.decode()


@pytest.mark.parametrize("url", ["/api/v1/kpis/", "/healthz"])
def test_an_unknown_host_is_told_in_json(client, url):
    response = client.get(url, headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert "does not answer for the host" in response.json()["errors"][0]["message"]
    assert client.get("/inbox/", headers={"Host": "evil.example"})["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("fault", "status", "message"),
    [(RequestDataTooBig("Exceeded"), 413, "too large"), (SuspiciousOperation("x"), 400, "malformed")],
)
def test_what_no_view_sees_is_told_in_json(rf, fault, status, message):
    response = handle_bad_request(rf.post("/api/v1/points/"), fault)
    assert response.status_code == status
    assert message in json.loads(response.content)["errors"][0]["message"]


@pytest.mark.django_db
def test_a_fault_of_the_server_answers_json_without_a_traceback(client, person, monkeypatch):
    def fail(*args):
        raise KeyError("inner secret")

    monkeypatch.setattr("metrics_app.api.kpis.read_tiles", fail)
    client.raise_request_exception = False
    response = client.get("/api/v1/kpis/")
    assert response.status_code == 500
    assert response.json()["errors"][0]["message"].startswith("The server failed")
    assert "secret" not in response.content.decode()
