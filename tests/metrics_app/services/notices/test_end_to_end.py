"""From a point to a mail and a signed request, through every real part."""

import pytest
from django.core import mail
from standardwebhooks import Webhook

from metrics_app.models import Breach, Notice
from metrics_app.services.announce import announce
from metrics_app.services.evaluate import evaluate
from metrics_app.services.notices import send_notices
from tests.metrics_app.telling import SECRET, allow, make_receiver, serve, told
from tests.metrics_app.watching import HOUR, make_threshold, send

pytestmark = pytest.mark.django_db
MINUTE = 60_000


def test_a_threshold_fires_and_recovers_and_people_hear_of_both(base, settings):
    with serve(204, body=b"") as server:
        allow(settings, server.url, SITE_URL="https://metrics.example.org", BREACH_HANDLERS=[])
        make_receiver()
        make_receiver("Pager", kind="webhook", webhook="pager", addresses=[])
        make_threshold(now=base, window=120)
        send((base + 1000, 53 * HOUR))
        evaluate(now=base + MINUTE + 1)
        announce()
        assert send_notices() == 2
        send((base + 3 * MINUTE, 10 * HOUR))
        evaluate(now=base + 4 * MINUTE + 1)
        assert (send_notices(), send_notices()) == (2, 0)
    assert [letter.subject for letter in mail.outbox] == [
        "■ Beyond limit: complaint.latency 53 h (limit 48 h)",
        "● Recovered: complaint.latency 10 h (limit 48 h)",
    ]
    assert "Fired: mean 53 h over 2 min, 1 point; above 48 h." in mail.outbox[0].body
    for got, event in zip(server.posts, ("firing", "recovered"), strict=True):
        data = Webhook(SECRET).verify(got.body, got.headers)
        assert [notice["event"] for notice in data["data"]["notices"]] == [event]
    breach = Breach.objects.get()
    assert sorted(told(breach)) == [
        "Duty officers told by mail: beyond limit",
        "Duty officers told by mail: recovered",
        "Pager told by webhook pager: beyond limit",
        "Pager told by webhook pager: recovered",
    ]
    assert set(Notice.objects.values_list("outcome", flat=True)) == {"sent"}


def test_a_kpi_that_falls_silent_is_told_as_no_data(base, settings):
    make_receiver(events=["data", "recovered"])
    make_threshold(now=base, window=60, no_data="fire", no_data_for=120)
    send((base - 1000, 10 * HOUR))
    send((base + 10 * MINUTE, 10 * HOUR))
    evaluate(now=base + 6 * MINUTE + 1)
    assert send_notices() == 1
    evaluate(now=base + 11 * MINUTE + 1)
    assert send_notices() == 1
    assert [letter.subject for letter in mail.outbox] == [
        "○ No data: complaint.latency (no point for 2 min)",
        "● Data breach over: complaint.latency",
    ]
