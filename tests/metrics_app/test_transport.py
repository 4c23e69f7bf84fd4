"""The client's HTTP, against a real server."""

import http.client
import json
import os
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from metrics_app import client as module
from metrics_app.client import Client, configure, use_transport
from metrics_app.delivery import find_transport
from metrics_app.transport import HttpTransport, Refused, Unreachable, encode_rows, no_fork

ROWS = [("er.wait", 1.5, 1_732_390_000_123), ("er.beds", 7, 1_732_390_000_124)]

ROOT = Path(__file__).resolve().parents[2]
LOADS = """
import sys
from metrics_app.client import Client
from metrics_app.transport import HttpTransport
before = set(sys.modules)
HttpTransport(sys.argv[1], "hms_x")([("er.wait", 1.5, 1_732_390_000_123)], "one")
print(sorted(set(sys.modules) - before))
"""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, dict(self.headers), json.loads(body), self.client_address))
        status, headers = self.server.answers.pop(0) if self.server.answers else (202, {})
        self.send_response(status)
        body = headers.pop("body", "{}")
        for name, value in ({"Content-Length": "2"} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):
        """A quiet server."""


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.answers = [], []
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_posts_the_json_of_the_contract_over_one_connection(server):
    transport = HttpTransport(server.url + "/", "hms_x")
    transport(ROWS, "one")
    transport(ROWS, "two")
    (path, headers, body, address), (_, other, _, other_address) = server.seen
    assert path == "/api/v1/points/"
    assert headers["Authorization"] == "Bearer hms_x"
    assert (headers["Idempotency-Key"], other["Idempotency-Key"]) == ("one", "two")
    assert body == [{"topic": topic, "value": value, "ts": ts} for topic, value, ts in ROWS]
    assert address == other_address
    transport.close()


def test_it_keeps_the_path_of_the_address(server):
    transport = HttpTransport(server.url + "/metrics", "")
    transport(ROWS, "one")
    assert server.seen[0][0] == "/metrics/api/v1/points/"
    assert "Authorization" not in server.seen[0][1]
    transport.close()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 301])
def test_it_knows_what_is_refused_for_good(server, status):
    server.answers.append((status, {}))
    transport = HttpTransport(server.url, "hms_x")
    with pytest.raises(Refused, match=f"HTTP {status}") as caught:
        transport(ROWS, "one")
    assert caught.value.apart == (status in (400, 403))
    assert "hms_x" not in str(caught.value)
    transport.close()


@pytest.mark.parametrize(
    ("status", "seconds"), [(503, "7"), (500, None), (429, "86400"), (502, "Tue, 1 Jan")]
)
def test_it_knows_what_will_pass(server, status, seconds):
    server.answers.append((status, {"Retry-After": seconds} if seconds else {}))
    transport = HttpTransport(server.url, "hms_x")
    with pytest.raises(Unreachable) as caught:
        transport(ROWS, "one")
    assert caught.value.retry_after == (int(seconds) if seconds and seconds.isdigit() else 0)
    transport.close()


def test_it_connects_again_after_a_lost_connection(server):
    server.answers.append((202, {"Connection": "close"}))
    transport = HttpTransport(server.url, "hms_x")
    transport(ROWS, "one")
    transport(ROWS, "two")
    assert len(server.seen) == 2
    transport.close()


def test_a_server_that_is_away_is_the_worlds_fault():
    with pytest.raises(Unreachable, match="127.0.0.1:1"):
        HttpTransport("http://127.0.0.1:1", "x")(ROWS, "one")


def test_a_forked_child_opens_a_connection_of_its_own(server, monkeypatch):
    transport = HttpTransport(server.url, "hms_x")
    transport(ROWS, "one")
    first = transport.connection
    monkeypatch.setattr(os, "getpid", lambda: -1)
    transport(ROWS, "two")
    assert transport.connection is not first
    first.close()
    transport.close()


def test_a_request_loads_no_module_that_a_child_forked_meanwhile_would_inherit_half(server):
    url = server.url.replace("127.0.0.1", "localhost")
    done = subprocess.run([sys.executable, "-c", LOADS, url], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "") and len(server.seen) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_process_is_not_forked_while_a_connection_is_opened(server, monkeypatch, scheme):
    held, connect, load = [], http.client.HTTPConnection.connect, ssl.create_default_context

    def note(real):
        def call(*args):
            held.append(no_fork.lock.locked())
            return real(*args)

        return call

    monkeypatch.setattr(http.client.HTTPConnection, "connect", note(connect))
    monkeypatch.setattr(ssl, "create_default_context", note(load))
    server.answers.append((202, {"Connection": "close"}))
    transport = HttpTransport(server.url.replace("http", scheme), "hms_x")
    for batch_id in ("one", "two", "three"):
        try:
            transport(ROWS, batch_id)
        except Unreachable:
            # The server knows no TLS: nothing of it is needed to see how it begins.
            assert scheme == "https"
    # Of plain HTTP the second is opened anew, and the third goes over it; behind it forks are free.
    assert held == [True] * {"http": 2, "https": 6}[scheme] and not no_fork.lock.locked()
    transport.close()


class Stamped(list):
    """Rows by a clock that shows 60 s at tick 0 and goes on by ``ms`` between the request and its answer."""

    base = 60_000 * 1_000_000

    def __init__(self, *said):
        super().__init__(ROWS)
        self.said = list(said)

    @property
    def clock(self):
        return self.said.pop(0) if len(self.said) > 1 else self.said[0]


def test_what_an_answer_that_came_at_once_says_of_the_clock_goes_with_later_requests(server, monkeypatch):
    transport = HttpTransport(server.url, "hms_x")
    answers = [(100_000, 108_000), (100_000, 101_000), (200_000, 260_000)]
    # The sender's clock is 8 s ahead, or, as the middle of the one quick round trip says, half a second more.
    server.answers += [(202, {"HMS-Clock": str(sent - 8_000)}) for sent, _ in answers]
    for sent, came in answers:
        transport(Stamped(sent, came), "id")
    set_back = Stamped(200_000)
    set_back.base -= 60_000 * 1_000_000
    transport(set_back, "id")
    monkeypatch.setattr("metrics_app.transport.REMEMBERED", -1)
    server.answers += [(202, {"HMS-Clock": "92000"})]
    transport(Stamped(100_000), "id")
    transport(Stamped(100_000), "id")
    transport(ROWS, "id")
    skews = [headers.get("HMS-Skew") for _, headers, _, _ in server.seen]
    # Of a clock that is set meanwhile nothing is known, nor by what was seen long ago.
    assert skews == [None, None, "8500", None, "8500", None, None]
    transport.close()


@pytest.mark.parametrize(("skew", "is_told"), [(-6.0, False), (-7.1, True), (6.0, True)])
def test_a_skew_that_the_round_trip_explains_is_not_told(server, caplog, skew, is_told):
    body = f'{{"accepted":2,"skew":{skew}}}'
    server.answers.append((202, {"Content-Length": str(len(body)), "body": body}))
    transport = HttpTransport(server.url, "hms_x")
    transport(Stamped(100_000, 107_000), "id")
    assert ("this machine's clock" in caplog.text) == is_told
    transport.close()


def test_a_request_that_broke_for_whatever_reason_does_not_stand_in_the_way_of_the_next(server):
    transport = HttpTransport(server.url, "hms_x")

    def break_off(*args):
        connection.putrequest("POST", "/")
        raise LookupError("unknown encoding")

    transport.connection, transport.pid = transport.connect(), os.getpid()
    connection, transport.connection.request = transport.connection, break_off
    with pytest.raises(LookupError):
        transport(ROWS, "one")
    transport(ROWS, "one")
    assert len(server.seen) == 1
    transport.close()


@pytest.mark.parametrize("url", ["", "metrics.example.org", "ftp://x", "http://"])
def test_it_refuses_what_is_no_address(url):
    with pytest.raises(ValueError, match="is not an address"):
        HttpTransport(url, "")


def test_the_environment_names_the_server(server, monkeypatch):
    monkeypatch.setenv("HMS_URL", server.url)
    monkeypatch.setenv("HMS_KEY", "hms_env")
    client = Client()
    client.emit("er.wait", 3)
    assert client.flush(5)
    assert server.seen[0][1]["Authorization"] == "Bearer hms_env"
    assert server.seen[0][2][0]["value"] == 3
    client.transport.close()


def test_configure_goes_before_the_environment_and_back(monkeypatch):
    before = module.default.transport
    monkeypatch.setenv("HMS_URL", "http://127.0.0.1:1")
    try:
        configure("https://metrics.example.org:8443", "hms_x")
        assert module.default.transport.parts.port == 8443
        use_transport(print)
        assert module.default.transport is not print
        configure()
        assert module.default.transport is None
        assert find_transport().parts.port == 1
        monkeypatch.delenv("HMS_URL")
        use_transport(print)
        assert module.default.transport is print
        assert find_transport() is None
    finally:
        module.default.transport = before


def test_it_writes_numbers_that_json_reads_back():
    rows = [("a", value, 1) for value in (1, -5, 1.5, 1e300, 5e-324, -0.0, 10**300, 0.1)]
    assert [point["value"] for point in json.loads(encode_rows(rows))] == [value for _, value, _ in rows]
