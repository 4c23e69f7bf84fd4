"""Webhooks: real requests to a real server, verified by somebody else's library."""

import pytest
from standardwebhooks import Webhook

from metrics_app.core import watch
from metrics_app.models import Notice, Receiver
from metrics_app.services.notices import send_notices, send_test
from tests.metrics_app.telling import SECRET, allow, happen, later, make_receiver, open_breach, serve, told
from tests.metrics_app.watching import HOUR

pytestmark = pytest.mark.django_db
MINUTE = 60_000


@pytest.fixture
def pager(settings):
    allow(settings, "http://127.0.0.1:1/")
    return make_receiver("Pager", kind="webhook", webhook="pager", addresses=[])


def test_a_firing_is_posted_signed_and_in_full(base, pager, settings):
    breach = open_breach(fired_at=base, outcome="proposed #12")
    happen(breach)
    with serve(204, body=b"") as server:
        allow(settings, server.url, SITE_URL="https://metrics.example.org")
        assert send_notices() == 1
    (got,) = server.posts
    assert got.headers["Content-Type"] == "application/json"
    Webhook(SECRET).verify(got.body, got.headers)
    assert got.json["type"] == "metrics.notices" and got.json["timestamp"].endswith("Z")
    assert got.json["data"]["receiver"] == "Pager"
    (notice,) = got.json["data"]["notices"]
    assert notice == {
        "id": Notice.objects.get().pk,
        "event": "firing",
        "at": base,
        "head": "■ Beyond limit",
        "summary": "■ Beyond limit: complaint.latency 53 h (limit 48 h)",
        "text": "It has fired.",
        "cause": "",
        "ended": False,
        "over": False,
        "before": [],
        "value": 53 * HOUR,
        "breach": breach.pk,
        "kind": "limit",
        "severity": "critical",
        "topic": "complaint.latency",
        "kpi": "complaint.latency",
        "unit": "seconds",
        "threshold": breach.threshold_id,
        "threshold_name": "",
        "rule": "mean over 30 min above 48 h",
        "limit": 48 * HOUR,
        "peak": 60 * HOUR,
        "peak_text": "60 h",
        "since": base,
        "fired_at": base,
        "recovered_at": None,
        "outcome": "Proposal #12 opened",
        "undecided": True,
        "links": {
            "kpi": "https://metrics.example.org/kpis/complaint.latency/",
            "explain": f"https://metrics.example.org/thresholds/{breach.threshold_id}/explain/?at={base}",
            "proposal": "https://metrics.example.org/inbox/12/",
        },
    }
    assert told(breach) == ["Pager told by webhook pager: beyond limit"]


def test_a_repeat_carries_the_same_id_and_a_fresh_signature(base, pager, settings):
    breach = open_breach(fired_at=base)
    happen(breach)
    with serve(503, 204) as server:
        allow(settings, server.url)
        assert (send_notices(), send_notices(now=later(seconds=6))) == (0, 1)
        happen(breach, watch.RECOVERED, at=base + MINUTE)
        assert send_notices() == 1
    ids = [got.headers["webhook-id"] for got in server.posts]
    assert ids[0] == ids[1] != ids[2]
    for got in server.posts:
        Webhook(SECRET).verify(got.body, got.headers)
    assert Notice.objects.get(event="firing").attempts == 2


def test_gone_switches_the_receiver_off(base, pager, settings):
    happen(open_breach(fired_at=base))
    with serve(410) as server:
        allow(settings, server.url)
        assert send_notices() == 0
    pager.refresh_from_db()
    assert (pager.enabled, pager.fault) == (False, "answered 410: ok")


def test_a_private_address_is_refused_and_nothing_is_sent(base, pager, settings):
    happen(open_breach(fired_at=base))
    with serve(200) as server:
        allow(settings, server.url, networks=())
        assert send_notices() == 0
    assert server.posts == []
    assert "127.0.0.1 is not a public address" in Notice.objects.get().error


def test_a_webhook_that_the_settings_no_longer_name_is_said_to_be_missing(base, pager, settings):
    happen(open_breach(fired_at=base))
    settings.METRICS_APP = settings.METRICS_APP | {"WEBHOOKS": {}}
    assert send_notices() == 0
    assert Notice.objects.get().error == "the settings name no webhook 'pager'"


def test_no_secret_is_stored_or_shown(base, pager, settings):
    allow(settings, "https://example.org/", secret="whsec_c2hvcnQ=")
    happen(open_breach(fired_at=base))
    send_notices()
    assert "cannot be used" in Receiver.objects.get().fault
    stored = str([*Receiver.objects.values(), *Notice.objects.values()])
    assert "whsec_c2hvcnQ" not in stored and SECRET not in stored


def test_a_test_is_tried_once_also_while_the_receiver_is_off(pager, settings, admin_user):
    Receiver.objects.update(enabled=False)
    with serve(204, 500, body=b"") as server:
        allow(settings, server.url)
        row = send_test(pager, by=admin_user)
        assert (row.outcome, row.breach) == ("sent", None)
        row = send_test(pager, by=admin_user)
    assert (row.outcome, row.error, row.attempts) == ("failed", "answered 500", 1)
    assert server.posts[0].json["type"] == "metrics.test"
    assert "admin asked for" in server.posts[0].json["data"]["notices"][0]["text"]
    assert send_notices(now=later(hours=1)) == 0
