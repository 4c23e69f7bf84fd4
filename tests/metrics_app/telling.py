"""What tests of the notices share: a receiver, a breach, a server that takes webhooks."""

import json
import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

from django.utils import timezone

from metrics_app.core import watch
from metrics_app.core.watch import State
from metrics_app.models import Breach, BreachEvent, Receiver
from metrics_app.services.notices import save_receiver, write_notices
from tests.metrics_app.watching import HOUR, make_threshold

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def make_receiver(name="Duty officers", **fields):
    """A receiver of mails, unless the fields say otherwise; it waits for nobody."""
    return save_receiver(
        Receiver(**({"name": name, "addresses": ["duty@example.org"], "group_wait": 0} | fields)), by=None
    )


def open_breach(topic="complaint.latency", *, fired_at, severity="critical", kind="limit", **fields):
    """A breach of a new threshold, as the evaluator would have opened it."""
    threshold = make_threshold(topic, now=fired_at, severity=severity)
    return Breach.objects.create(
        threshold=threshold,
        kind=kind,
        version=1,
        severity=severity,
        since=fired_at,
        fired_at=fired_at,
        value=53 * HOUR,
        n=12,
        peak=60 * HOUR,
        **fields,
    )


def happen(breach, event=watch.FIRED, *, at=None, value=53 * HOUR, now=None, flapping=False):
    """A line on the breach's timeline, with its notices; closes it where the event does."""
    at = breach.fired_at if at is None else at
    if event in (watch.RECOVERED, watch.DATA_CLOSED, watch.REOPENED):
        breach.recovered_at = None if event == watch.REOPENED else at
        breach.save()
    line = BreachEvent.objects.create(breach=breach, at=at, kind=event, text=f"It has {event}.")
    write_notices([(line, State(last_slot=at, value=value, n=12, flapping=flapping))], now=now)


def later(**span):
    """A moment after now."""
    return timezone.now() + timedelta(**span)


def told(breach):
    """What the timeline says of notices, in order."""
    return list(breach.timeline.filter(kind="notice").order_by("pk").values_list("text", flat=True))


@contextmanager
def serve(*statuses, headers=(), body=b"ok", tls=None, on_post=None):
    """A real server on loopback that answers with these statuses, the last one for ever; what it got.

    ``on_post`` is called before each answer.
    """
    found = SimpleNamespace(posts=[], url="")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            text = self.rfile.read(int(self.headers["Content-Length"]))
            found.posts.append(
                SimpleNamespace(
                    path=self.path, headers=dict(self.headers), body=text, json=json.loads(text or b"{}")
                )
            )
            if on_post:
                on_post()
            # One that names a time of its own sends no other.
            answer = self.send_response_only if "Date" in dict(headers) else self.send_response
            answer(statuses[min(len(found.posts), len(statuses)) - 1] if statuses else 204)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            """Not into the tests' output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # A client that is cut off, or killed, is what some tests are about.
    server.handle_error = lambda request, address: None
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    found.url = f"http://127.0.0.1:{server.server_port}/hook?team=duty"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def allow(settings, url, *, secret=SECRET, networks=("127.0.0.0/8",), **more):
    """Names a webhook in the settings, and the network it may be in."""
    settings.METRICS_APP = settings.METRICS_APP | {
        "WEBHOOKS": {"pager": {"url": url, "secret": secret}},
        "WEBHOOK_NETWORKS": list(networks),
        **more,
    }
