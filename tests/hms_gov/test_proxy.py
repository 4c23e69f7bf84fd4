"""The nginx.conf of the documents, on a real nginx with TLS before a real server."""

import json
import os
import re
import shutil
import ssl
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from websockets.sync.client import connect

from hms_gov.embedded import find_free_port
from hms_gov.ties import Tied
from metrics_app.collector import collect_all
from metrics_app.queries import redis_now
from metrics_app.services.keys import create_key
from metrics_app.streams.sse import HEARTBEAT
from tests.demos import wait_for
from tests.metrics_app.points import publish
from tests.metrics_app.streams.servers import Server

CONF = Path(__file__).resolve().parents[2] / "docs/nginx.conf"
NEEDED = ("nginx", "openssl", "curl")
MISSING = [name for name in NEEDED if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")]
FRAME = """
{user}
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/hms.conf;
}}
"""


class Proxy:
    """A running nginx and where it answers."""

    def __init__(self, folder, server):
        self.folder, self.plain, self.tls = folder, find_free_port(), find_free_port()
        self.url = f"https://localhost:{self.tls}"
        self.certificate, names = folder / "cert.pem", ["req", "-x509", "-newkey", "rsa:2048", "-nodes"]
        names += ["-keyout", folder / "key.pem", "-out", self.certificate, "-subj", "/CN=localhost"]
        names += ["-addext", "subjectAltName=DNS:localhost", "-days", "1"]
        subprocess.run(["openssl", *names], check=True, capture_output=True)
        (folder / "hms.conf").write_text(self.fit(CONF.read_text(), server))
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(FRAME.format(user=user, folder=folder))
        path = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        self.process = Tied([path, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"])
        self.context = ssl.create_default_context(cafile=self.certificate)
        wait_for(self.is_up, what="nginx")

    def fit(self, text, server):
        """The file with this test's ports, names and certificate; each line must be there."""
        for old, new in (
            ("listen 80;", f"listen 127.0.0.1:{self.plain};"),
            ("listen 443 ssl http2;", f"listen 127.0.0.1:{self.tls} ssl http2;"),
            ("server_name metrics.example.gov;", "server_name localhost;"),
            ("/etc/ssl/hms/fullchain.pem", str(self.certificate)),
            ("/etc/ssl/hms/privkey.pem", str(self.folder / "key.pem")),
            ("server 127.0.0.1:8000;", f"server 127.0.0.1:{server.port};"),
        ):
            assert old in text, old
            text = text.replace(old, new)
        return text

    def is_up(self):
        """Whether it answers; what it has to say where it ended."""
        assert self.process.poll() is None, (self.folder / "error.log").read_text()
        try:
            return self.client().get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def client(self, **options):
        return httpx.Client(base_url=self.url, verify=self.context, timeout=60, **options)

    def stop(self):
        self.process.terminate()
        self.process.wait()


@pytest.fixture
def proxy(tmp_path, transactional_db):
    names = {"HTTPS": 1, "TRUSTED_PROXIES": "127.0.0.1", "ALLOWED_HOSTS": "localhost,127.0.0.1"}
    server = Server("uvicorn", **names)
    proxy = Proxy(tmp_path, server)
    yield proxy
    proxy.stop()
    server.stop()


def send(value):
    """A point of er.wait that streams hear of."""
    publish("er.wait", [redis_now()], value)
    collect_all()


@contextmanager
def following(proxy, raw):
    """The lines of an event stream over HTTP/2, as they come."""
    command = [
        "curl",
        "--http2",
        "-sN",
        "--max-time",
        "60",
        "--cacert",
        proxy.certificate,
        "-H",
        f"Authorization: Bearer {raw}",
    ]
    command += ["-D", proxy.folder / "headers", f"{proxy.url}/metrics/stream?topic=er.wait"]
    with Tied(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout
        finally:
            process.kill()


def find_value(lines, value):
    """Reads until an event tells of a value; how many seconds that took."""
    begun = time.monotonic()
    for line in lines:
        if line.startswith("data:") and re.search(rf"\b{value}\b", line):
            return time.monotonic() - begun
    raise AssertionError("the stream ended")


def walk_doors(proxy, raw):
    """Plain HTTP is sent on; a body that is too large is refused; an https site sets secure cookies."""
    with httpx.Client() as client:
        found = client.get(f"http://localhost:{proxy.plain}/kpis/?a=b")
        assert (found.status_code, found.headers["location"]) == (301, "https://localhost/kpis/?a=b")
    with proxy.client(headers={"Authorization": f"Bearer {raw}"}) as client:
        kpis = client.get("/api/v1/kpis/")
        assert (kpis.status_code, kpis.headers["strict-transport-security"][:8]) == (200, "max-age=")
        assert client.post("/api/v1/points/", content=bytes(7 << 20)).status_code == 413
    return True


@pytest.mark.long
@pytest.mark.any_database
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(bool(MISSING), reason=f"not on this machine: {', '.join(MISSING)}")
def test_a_site_behind_nginx_is_as_live_as_without(proxy):
    raw = create_key(name="reader", scopes=["read"])[1]
    send(1.0)
    assert walk_doors(proxy, raw)
    with following(proxy, raw) as lines:
        assert lines.readline()  # the greeting: it is followed
        assert (proxy.folder / "headers").read_text().startswith("HTTP/2 200")
        # A few hundred bytes: a buffer would hold them until the next heartbeat or for ever.
        send(77.0)
        assert find_value(lines, 77.0) < HEARTBEAT
    headers = {"Authorization": f"Bearer {raw}"}
    with connect(
        f"wss://localhost:{proxy.tls}/ws/metrics/", ssl=proxy.context, additional_headers=headers
    ) as ws:
        ws.send(json.dumps({"type": "subscribe", "topics": ["er.wait"]}))
        assert json.loads(ws.recv(60))["type"] == "snapshot"
        send(78.0)
        assert "78.0" in ws.recv(60)
    log_in_wrongly(proxy)


def log_in_wrongly(proxy):
    """A wrong password counts for the address that nginx saw, whatever the visitor says."""
    User.objects.create_user("ada", password="a long one, and right")
    with proxy.client(headers={"X-Forwarded-For": "6.6.6.6"}) as client:
        client.get("/accounts/login/")
        form = {"username": "ada", "password": "wrong", "csrfmiddlewaretoken": client.cookies["csrftoken"]}
        answer = client.post("/accounts/login/", data=form, headers={"Referer": "https://localhost/"})
        assert answer.status_code == 200, answer.text
    assert set(AccessAttempt.objects.values_list("ip_address", flat=True)) == {"127.0.0.1"}


def test_its_time_outs_fit_those_of_the_servers():
    """A heartbeat comes within the time that nginx waits, and a kept connection ends here first."""
    text = CONF.read_text()
    seconds = {name: int(value) for name, value in re.findall(r"(\w+_timeout) (\d+)s;", text)}
    assert seconds["proxy_read_timeout"] > 2 * HEARTBEAT
    assert seconds["keepalive_timeout"] < 5  # uvicorn ends kept connections after five seconds
    assert "location ~ ^/(metrics/stream|mkt/metrics/stream|ws/metrics)/?$" in text
