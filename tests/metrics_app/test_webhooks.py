"""Posting: to the address that was checked, for a bounded time, and no further."""

import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from metrics_app import webhooks
from metrics_app.core.webhooks import parse_url
from metrics_app.exceptions import BadInput, DeliveryFailed
from metrics_app.webhooks import PinnedConnection, post
from tests.metrics_app.telling import allow, serve


@pytest.fixture
def resolved(monkeypatch):
    """Lets a name lead to given addresses; how often it was asked."""
    calls, real = [], socket.getaddrinfo

    def use(name, *addresses):
        def answer(host, *args, **options):
            if host != name:
                return real(host, *args, **options)
            calls.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]

        monkeypatch.setattr(socket, "getaddrinfo", answer)
        return calls

    return use


@pytest.fixture
def tls_server(tmp_path, monkeypatch):
    """The port of a TLS server for ``hook.example.org``, whose certificate is trusted for the test."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")]), datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = (
        made.serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("hook.example.org")]), False)
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with serve(204, body=b"", tls=context) as server:
        yield int(server.url.split(":")[2].partition("/")[0])


def test_it_posts_body_and_headers(settings):
    with serve(200) as server:
        allow(settings, server.url)
        post(server.url, b'{"a": 1}', {"webhook-id": "msg_1"})
    (got,) = server.posts
    assert (got.path, got.json, got.headers["webhook-id"]) == ("/hook?team=duty", {"a": 1}, "msg_1")
    assert got.headers["Host"] == server.url.split("/")[2]


def test_loopback_is_refused_unless_it_is_allowed():
    with serve(200) as server, pytest.raises(DeliveryFailed, match="127.0.0.1 is not a public address"):
        post(server.url, b"{}", {})
    assert server.posts == []


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://2130706433/",
    ],
)
def test_other_words_for_inside_are_refused_too(url):
    with pytest.raises(DeliveryFailed, match="is refused"):
        post(url, b"{}", {})


def test_a_name_that_leads_outside_and_inside_is_refused(resolved):
    resolved("hook.example.org", "93.184.215.14", "10.0.0.1")
    with pytest.raises(DeliveryFailed, match="10.0.0.1 is not a public address"):
        post("https://hook.example.org/", b"{}", {})


def test_it_connects_to_the_address_that_was_checked_and_asks_no_second_time(settings, resolved):
    with serve(200) as server:
        allow(settings, server.url)
        calls = resolved("hook.example.org", "127.0.0.1")
        post(server.url.replace("127.0.0.1", "hook.example.org"), b"{}", {})
    assert calls == ["hook.example.org"]
    assert server.posts[0].headers["Host"].startswith("hook.example.org:")


def test_it_follows_no_redirect(settings):
    with serve(302, headers=[("Location", "/elsewhere")]) as server:
        allow(settings, server.url)
        with pytest.raises(DeliveryFailed, match="answered 302: redirects are not followed"):
            post(server.url, b"{}", {})
    assert [got.path for got in server.posts] == ["/hook?team=duty"]


@pytest.mark.parametrize(("status", "gone"), [(400, False), (410, True), (500, False)])
def test_it_says_what_was_answered(settings, status, gone):
    with serve(status, body=b"no\r\nsuch  team" + b"x" * 5000) as server:
        allow(settings, server.url)
        with pytest.raises(DeliveryFailed, match=f"^answered {status}: no such team") as caught:
            post(server.url, b"{}", {})
    assert caught.value.gone is gone and len(str(caught.value)) < 200


def test_it_says_that_nobody_listens(settings):
    with serve(200) as server:
        allow(settings, server.url)
    with pytest.raises(DeliveryFailed, match=r"127\.0\.0\.1:\d+ did not answer.*refused"):
        post(server.url, b"{}", {})


def test_it_says_that_a_name_is_not_known(monkeypatch):
    def answer(*args, **options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    with pytest.raises(DeliveryFailed, match="nowhere.invalid cannot be found: .*not known"):
        post("https://nowhere.invalid/", b"{}", {})


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_answers_byte_by_byte_is_cut_off(settings, scheme):
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def drip():
        peer, _ = listener.accept()
        with peer:
            try:
                while not ended.wait(0.05):
                    peer.sendall(b"H" if scheme == "http" else b"\x16")
            except OSError:
                ended.set()

    thread = threading.Thread(target=drip)
    thread.start()
    url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/"
    allow(settings, url)
    begun = time.monotonic()
    try:
        with pytest.raises(DeliveryFailed, match="did not answer"):
            post(url, b"{}", {}, patience=0.4)
        assert time.monotonic() - begun < 30, "it would have waited as long as the drops came"
    finally:
        ended.set()
        thread.join()
        listener.close()


def test_a_certificate_must_be_that_of_the_name(settings, tls_server, resolved):
    allow(settings, "https://example.org/")
    resolved("other.example.org", "127.0.0.1")
    with pytest.raises(DeliveryFailed, match="certificate"):
        post(f"https://other.example.org:{tls_server}/", b"{}", {})
    resolved("hook.example.org", "127.0.0.1")
    post(f"https://hook.example.org:{tls_server}/", b"{}", {})


def test_names_are_those_of_the_settings(settings):
    allow(settings, "https://example.org/hook")
    assert webhooks.list_webhooks() == ["pager"]
    assert webhooks.find_webhook("pager").url == "https://example.org/hook"
    assert webhooks.find_webhook("other") is None


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_is_cut_while_it_has_no_socket_yet_ends_without_another_fault(scheme):
    parts, port = parse_url(f"{scheme}://example.org:1/hook")
    connection = PinnedConnection(parts, port, ["127.0.0.1", "127.0.0.1"], 10)
    connection.cut()
    with pytest.raises(TimeoutError):
        connection.connect()


@pytest.mark.parametrize("scheme", ["ftp", "file", "gopher", "javascript", "ws", ""])
def test_it_knows_no_scheme_but_http_and_https(scheme):
    with pytest.raises(BadInput, match="no address"):
        parse_url(f"{scheme}://example.org/hook")
