"""What happened in another year says so, on every page."""

import re
import time
from calendar import month_abbr, month_name
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from metrics_app.models import Breach, Kpi, Note, Notice, Receiver
from metrics_app.registry import forget
from pipelines_app.models import Pipeline
from pipelines_app.services import propose, reject
from tests.metrics_app.histories import DAY
from tests.metrics_app.watching import TOPIC, make_threshold, send

pytestmark = pytest.mark.django_db
AGO = 400  # days
MONTHS = "|".join([*month_name[1:], *month_abbr[1:]])
# A day of a month that no year follows.
YEARLESS = re.compile(rf"\b\d{{1,2}} (?:{MONTHS})\b(?! \d{{4}}\b)")


@pytest.fixture
def pages(client):
    """The addresses of pages that tell of a breach, a note and proposals of more than a year ago."""
    ada = User.objects.create_superuser("ada")
    client.force_login(ada)
    now, then = time.time_ns() // 1_000_000, timezone.now() - timedelta(days=AGO)
    old = now - AGO * DAY
    Kpi.objects.create(topic=TOPIC, name="Response time", unit="seconds", created_at=then)
    send((now - 1000, 50.0))
    rule = make_threshold(now=now)
    rule.state_row.__class__.objects.filter(threshold=rule).update(since=old, data_since=old, last_slot=old)
    breach = Breach.objects.create(
        threshold=rule, version=1, since=old, fired_at=old, recovered_at=old + DAY, value=60.0, peak=60.0
    )
    breach.timeline.create(at=old, kind="fired", text="Fired")
    Note.objects.create(topic=TOPIC, at=old, until=old + 2 * DAY, text="new form", author=ada)
    receiver = Receiver.objects.create(name="Duty", addresses=["a@example.org"])
    Notice.objects.create(receiver=receiver, breach=breach, event="firing", at=old)
    waiting, _ = propose(title="Waits", suggestion="Wait", topic=TOPIC, kpi=1)
    rejected, _ = propose(title="Was refused", suggestion="Refuse", topic=TOPIC, kpi=1)
    reject(pipeline=rejected, by=ada, version=1, comment="No.")
    times = dict.fromkeys(("created_at", "due_at"), then)
    Pipeline.objects.filter(pk=waiting.pk).update(**times)
    Pipeline.objects.filter(pk=rejected.pk).update(**times, decided_at=then)
    forget()
    span = f"?from={old - DAY}&to={old + DAY}&table=1"
    return [
        *("/", f"/kpis/{TOPIC}/", f"/kpis/{TOPIC}/{span}", f"/thresholds/{rule.pk}/explain/", "/open-data/"),
        *("/inbox/", "/inbox/decided/", f"/inbox/{waiting.pk}/", f"/inbox/{rejected.pk}/"),
        *(f"/admin/metrics_app/{name}/" for name in ("breach", "threshold", "notice", "kpi", "note")),
        "/admin/pipelines_app/pipeline/",
    ]


def read_text(response):
    """What a page says, without its tags, scripts and attributes."""
    text = re.sub(r"<(script|style|template)\b.*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())


def test_no_page_leaves_the_year_of_another_year_open(client, pages):
    told, found = 0, {}
    for page in pages:
        response = client.get(page)
        assert response.status_code in (200, 404), page
        text = read_text(response)
        told += len(re.findall(rf"\b{(timezone.now() - timedelta(days=AGO)).year}\b", text))
        if yearless := YEARLESS.findall(text):
            found[page] = yearless
    assert found == {} and told > 10
