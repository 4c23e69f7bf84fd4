"""Signatures that others verify, and addresses that nothing is sent to."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from metrics_app.core.webhooks import (
    find_fault,
    is_refused,
    parse_networks,
    parse_secrets,
    parse_url,
    read_retry_after,
    sign,
)
from metrics_app.exceptions import BadInput

OLD, NEW = (f"whsec_{base64.b64encode(bytes([n]) * 32).decode()}" for n in (1, 2))


def test_a_signature_is_the_one_of_the_specification():
    # The example of https://github.com/standard-webhooks/standard-webhooks.
    secrets = parse_secrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = sign(secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.dictionaries(st.text(max_size=20), st.integers(), max_size=3), st.sampled_from([OLD, NEW]))
def test_the_official_library_verifies_it_by_either_secret_and_finds_every_change(data, secret):
    body = str(data).replace("'", '"').encode(errors="replace")
    now = int(datetime.now(UTC).timestamp())
    headers = sign(parse_secrets(f"{NEW} {OLD}"), "msg_1", now, body)
    Webhook(secret).verify(body, headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + b" ", headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers | {"webhook-id": "msg_2"}, json_parse=False)


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_AAAA", "whsec_!!", None, 7, "secret " * 3])
def test_a_secret_that_is_none_is_refused_and_not_repeated(text):
    with pytest.raises(BadInput) as caught:
        parse_secrets(text)
    assert "AAAA" not in str(caught.value) and "24 to 64 random bytes" in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a00:1"),
    ],
)
def test_nothing_goes_to_an_address_that_is_not_public(address):
    assert "not a public address" in find_fault(address, "https", [])


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_public_addresses_are_reached_by_https_only(address):
    assert find_fault(address, "https", []) == ""
    assert "only https" in find_fault(address, "http", [])


def test_ones_own_networks_can_be_allowed_one_by_one():
    networks = parse_networks(["10.20.0.0/16", "fd00::/8"])
    assert find_fault("10.20.3.4", "http", networks) == find_fault("fd00::1", "http", networks) == ""
    assert find_fault("::ffff:10.20.3.4", "http", networks) == ""
    assert find_fault("10.21.0.1", "https", networks) and find_fault("127.0.0.1", "https", networks)


@pytest.mark.parametrize(
    "url",
    [
        *("", None, 7, "example.org/hook", "ftp://example.org", "https://", "https://a b/", "https://[::1"),
        *("https://user:secret@example.org/", "https://example.org/#part", "https://example.org:99999/"),
        *("https://example.org/\r\nX-Evil: 1", "https://exämple.org/", "file:///etc/passwd"),
    ],
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(BadInput):
        parse_url(url)


@given(st.text(max_size=60))
def test_no_text_makes_it_fail_otherwise(text):
    try:
        parts, port = parse_url(text)
    except BadInput:
        return
    assert parts.hostname and 0 < port < 65536


@pytest.mark.parametrize("networks", [["10.0.0.1/8"], ["everything"], [None]])
def test_a_network_that_is_none_is_refused(networks):
    with pytest.raises(BadInput):
        parse_networks(networks)


NOON = 1_795_953_600  # 2026-11-29 12:00:00 UTC


@pytest.mark.parametrize(
    ("text", "date", "seconds"),
    [
        ("120", None, 120),
        (" 7 ", None, 7),
        ("0", None, 1),
        ("9" * 5000, None, 3600),
        ("Sun, 29 Nov 2026 12:02:00 GMT", None, 120),
        ("Sunday, 29-Nov-26 12:02:00 GMT", None, 120),
        ("Sun Nov 29 12:02:00 2026", None, 120),
        ("Sun, 29 Nov 2026 11:00:00 GMT", None, 1),
        ("Sun, 29 Nov 2030 12:00:00 GMT", None, 3600),
        ("Sun, 29 Nov 2026 09:01:00 GMT", "Sun, 29 Nov 2026 09:00:00 GMT", 60),
        ("Sun, 29 Nov 2026 12:02:00 GMT", "yesterday", 120),
        ("", None, None),
        (None, None, None),
        ("-5", None, None),
        ("1.5", None, None),
        ("²", None, None),
        ("soon", None, None),
    ],
)
def test_a_server_says_when_it_wants_to_be_asked_again(text, date, seconds):
    assert read_retry_after(503, text, date, NOON) == read_retry_after(429, text, date, NOON) == seconds
    assert read_retry_after(500, text, date, NOON) is read_retry_after(404, text, date, NOON) is None


@given(st.text(max_size=60), st.none() | st.text(max_size=60))
def test_no_words_of_a_server_make_it_raise_or_wait_for_long(text, date):
    found = read_retry_after(503, text, date, NOON)
    assert found is None or 1 <= found <= 3600


def test_what_a_repeat_cannot_mend_is_refused():
    final = {400, 401, 403, 404, 405, 410, 413, 422, 451}
    later = {301, 408, 409, 425, 429, 500, 502, 503, 504}
    assert {status for status in final | later if is_refused(status)} == final
