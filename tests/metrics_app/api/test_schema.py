"""The OpenAPI schema and its page."""

import re

import pytest
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

pytestmark = pytest.mark.django_db


def test_the_schema_is_valid_openapi():
    schema = SchemaGenerator().get_schema(request=None, public=True)
    validate_schema(schema)
    assert "202" in schema["paths"]["/api/v1/points/"]["post"]["responses"]
    assert {"/metrics", "/metrics/stream", "/mkt/metrics/stream", "/api/v1/stream-tickets/"} <= set(
        schema["paths"]
    )
    assert {"bearerKey", "basicKey", "headerKey"} <= set(schema["components"]["securitySchemes"])


def test_the_schema_is_for_those_who_are_known(client, bearer):
    refused = client.get("/api/schema/")
    assert (refused.status_code, refused["Content-Type"]) == (401, "application/json")
    assert refused.json()["errors"]
    assert client.get("/api/schema/?format=x", headers=bearer("read")).json()["errors"]
    assert client.get("/api/schema/", headers=bearer("read")).status_code == 200
    assert client.get("/api/docs/").url == "/accounts/login/?next=/api/docs/"


def test_the_page_loads_from_this_origin_only(client, person):
    page = client.get("/api/docs/").content.decode()
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(addresses) == 5 and all(address.startswith("/") for address in addresses)
    assert "<style" not in page and "<script>" not in page
    assert client.get(addresses[-1]).status_code == 200


@pytest.mark.parametrize("version", ["\0", "\r\nX-A: b", '"; filename=evil.exe'])
def test_a_version_in_its_address_goes_into_no_header(client, bearer, version):
    answer = client.get("/api/schema/", {"version": version}, headers=bearer("read"))
    assert (answer.status_code, answer["Content-Disposition"].count('"')) == (200, 2)
    assert "evil" not in answer["Content-Disposition"] and "X-A" not in answer
