"""Which key a request shows, whoever passes its headers on."""

import base64

import pytest
from django.core.handlers.asgi import ASGIRequest

from metrics_app.core.headers import read_credential
from metrics_app.keyring import RAW_KEY

BASIC = "Basic " + base64.b64encode(b"user:hms_x").decode()


@pytest.mark.parametrize(
    ("headers", "raw"),
    [
        ({}, None),
        ({"Authorization": "Bearer hms_x"}, "hms_x"),
        ({"Authorization": "bearer hms_x"}, "hms_x"),
        ({"Authorization": "Token hms_x"}, "hms_x"),
        ({"Authorization": BASIC}, "hms_x"),
        ({"Authorization": "Basic !!"}, ""),
        ({"Authorization": "Bearer"}, ""),
        ({"Authorization": "Digest x"}, None),
        ({"Authorization": "Digest x", "X-API-Key": "hms_x"}, "hms_x"),
        ({"X-API-Key": "hms_x"}, "hms_x"),
        ({"X-API-Key": ""}, ""),
        ({"Authorization": "Bearer hms_x", "X-API-Key": "hms_x"}, "hms_x"),
        ({"Authorization": "Bearer hms_x", "X-API-Key": "hms_y"}, ""),
        ({"Authorization": BASIC, "X-API-Key": "hms_y"}, ""),
    ],
)
def test_it_reads_the_key_from_either_kind_of_headers(rf, headers, raw):
    assert read_credential(rf.get("/", headers=headers).headers) == raw
    scope = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    assert read_credential(scope) == raw


@pytest.mark.parametrize("name", [b"authorization", b"x-api-key"])
def test_a_key_that_came_twice_opens_nothing_at_any_door(name):
    key = "hms_" + "k" * 43
    value = f"Bearer {key}" if name == b"authorization" else key
    for other in (value, value.replace("k", "o")):
        headers = [(name, value.encode()), (name, other.encode())]
        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers}
        for read in (headers, ASGIRequest(scope, None).headers):
            raw = read_credential(read)
            assert raw is not None and not RAW_KEY.match(raw)
