"""A mail says it all in its subject, and programs can thread it."""

import re

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from metrics_app.core import watch
from metrics_app.models import Notice, Receiver
from metrics_app.services.notices import send_notices
from tests.metrics_app.telling import happen, later, make_receiver, open_breach, told
from tests.metrics_app.watching import HOUR

pytestmark = pytest.mark.django_db
MINUTE = 60_000
SITE = "https://metrics.example.org"


@pytest.fixture(autouse=True)
def site(settings):
    settings.METRICS_APP = settings.METRICS_APP | {"SITE_URL": f"{SITE}/"}
    settings.DEFAULT_FROM_EMAIL = "Metrics <metrics@example.org>"


@pytest.fixture
def breach(base):
    make_receiver(zone="Europe/Berlin", addresses=["a@example.org", "b@example.org"])
    breach = open_breach(fired_at=base, outcome="proposed #12")
    breach.threshold.kpi.name = "Response time"
    breach.threshold.kpi.save()
    return breach


def deliver(breach, *events, **options):
    for event in events:
        happen(breach, event, **options)
    assert send_notices() == 1
    return mail.outbox[-1]


def test_subject_and_text_are_in_the_units_of_people_and_lead_to_the_pages(breach):
    letter = deliver(breach, watch.FIRED)
    assert letter.subject == "■ Beyond limit: Response time 53 h (limit 48 h)"
    assert letter.from_email == "Metrics <metrics@example.org>"
    assert letter.to == ["a@example.org", "b@example.org"]
    html, kind = letter.alternatives[0]
    assert kind == "text/html"
    for text in (letter.body, html):
        assert "mean over 30 min above 48 h" in text and "critical" in text
        assert "Proposal #12 opened" in text
        assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:00 CES?T", text)
        assert f"{SITE}/kpis/complaint.latency/" in text
        assert f"{SITE}/thresholds/{breach.threshold_id}/explain/?at={breach.fired_at}" in text
        assert f"{SITE}/inbox/12/" in text
        assert "190800" not in text and "172800" not in text
    assert "What came of it" in letter.body and "<" not in letter.body


@pytest.mark.parametrize(
    ("event", "kind", "subject"),
    [
        (watch.RECOVERED, "limit", "● Recovered: Response time 40 h (limit 48 h)"),
        (watch.REOPENED, "limit", "■ Beyond limit again: Response time 40 h (limit 48 h)"),
        (watch.DATA_OPENED, "data", "○ No data: Response time (no point for 1 h)"),
        (watch.DATA_CLOSED, "data", "● Data breach over: Response time"),
    ],
)
def test_every_event_has_its_subject(base, breach, event, kind, subject):
    breach.kind = kind
    breach.save()
    known = {"receiver": Receiver.objects.get(), "breach": breach, "event": "firing", "at": base}
    Notice.objects.create(**known, done_at=later(), outcome="sent")
    assert deliver(breach, event, at=base + MINUTE, value=40 * HOUR).subject == subject


def test_a_lower_limit_is_called_one(breach):
    breach.threshold.versions.update(rule=breach.threshold.versions.get().rule | {"operator": "lt"})
    assert deliver(breach, watch.FIRED).subject.endswith("(lower limit 48 h)")


def test_several_are_counted_and_named(breach, base):
    other = open_breach("er.wait", fired_at=base, severity="info")
    happen(other)
    letter = deliver(breach, watch.FIRED)
    assert letter.subject in (
        "■ 2 beyond limit: er.wait, Response time",
        "■ 2 beyond limit: Response time, er.wait",
    )
    assert "er.wait 53 h" in letter.body and "Response time 53 h" in letter.body


def test_of_very_many_it_sets_out_fifty_and_counts_the_rest(breach, base):
    for n in range(60):
        happen(breach, watch.FIRED if n == 0 else watch.REOPENED, at=base + n)
    assert send_notices() == 1
    body = mail.outbox[0].body
    assert body.count("Rule: ") == 50 and f"… and 10 more: {SITE}/" in body
    assert len(mail.outbox[0].subject) <= 150


def test_a_recovery_lies_under_the_firing_it_ends(breach):
    first = deliver(breach, watch.FIRED)
    second = deliver(breach, watch.RECOVERED, at=breach.fired_at + MINUTE)
    name = first.extra_headers["Message-ID"]
    assert re.fullmatch(r"<[0-9a-f-]{36}@metrics\.example\.org>", name)
    assert "In-Reply-To" not in first.extra_headers
    assert second.extra_headers["In-Reply-To"] == second.extra_headers["References"] == name
    assert second.extra_headers["Message-ID"] != name
    assert first.extra_headers["List-Id"].endswith(".notices.metrics.example.org>")
    assert first.extra_headers["Auto-Submitted"] == "auto-generated"


def test_a_name_puts_no_header_into_the_mail(breach):
    kpi = breach.threshold.kpi
    kpi.name = "Response\r\nBcc: everybody@example.org\x07 <script>alert(1)</script>"
    kpi.save()
    Receiver.objects.update(name='x"\r\nBcc: all@example.org')
    letter = deliver(breach, watch.FIRED)
    head = letter.message().as_bytes().split(b"\n\n")[0]
    assert b"\nBcc" not in head
    assert "\n" not in letter.subject and "Response Bcc: everybody@example.org" in letter.subject
    assert "<script>" not in letter.alternatives[0][0]


def test_without_the_address_of_the_site_there_are_no_links(breach, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"SITE_URL": ""}
    letter = deliver(breach, watch.FIRED)
    assert "http" not in letter.body and "href" not in letter.alternatives[0][0]


def test_a_server_that_does_not_take_it_means_again(breach, monkeypatch):
    def refuse(self, messages):
        raise ConnectionRefusedError(111, "Connection refused")

    happen(breach)
    with monkeypatch.context() as patch:
        patch.setattr(EmailBackend, "send_messages", refuse)
        assert send_notices() == 0
    assert Notice.objects.get().error == "the mail was not taken: [Errno 111] Connection refused"
    assert send_notices(now=later(seconds=6)) == 1
    assert told(breach) == ["Duty officers told by mail: beyond limit"]
