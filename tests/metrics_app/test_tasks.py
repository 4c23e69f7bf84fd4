"""What Celery runs."""

import logging
import time

import pytest
from django.core import mail

from metrics_app import tasks, window
from metrics_app.connection import get_redis
from metrics_app.models import Breach, EvaluationRecord, Recording
from metrics_app.services.archive import recording
from metrics_app.tasks import prune_evaluations, send_notices, watch
from tests.metrics_app.telling import happen, make_receiver, open_breach
from tests.metrics_app.watching import HOUR, let_all_work, make_threshold, send

pytestmark = pytest.mark.django_db
DAY_MS = 86_400_000


def test_watch_judges_and_announces():
    now = int(time.time() * 1000)
    make_threshold(now=now - 2_000, title="")
    send((now - 5_000, 60 * HOUR))
    watch()
    assert Breach.objects.get().outcome == "no proposal: the threshold has no title"
    watch()
    assert Breach.objects.count() == 1


def test_what_came_while_nobody_judged_is_known_as_recorded_before_it_is_judged(monkeypatch):
    let_all_work()
    noted, seen = window.read_recording()[1], []
    since = noted - 3_600_000
    get_redis().hset(window.recording.name_recording(), "since", since)
    Recording.objects.create(start=since, end=noted - 600_000)
    recording.kept.clear()
    monkeypatch.setattr(tasks, "evaluate", lambda: seen.append(Recording.objects.get().end))
    watch()
    assert seen and seen[0] >= noted


def test_notices_are_sent(base):
    make_receiver()
    happen(open_breach(fired_at=base))
    send_notices()
    assert len(mail.outbox) == 1


def test_watch_says_in_one_line_that_redis_is_away(settings, caplog):
    settings.METRICS_APP = settings.METRICS_APP | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    with caplog.at_level(logging.WARNING):
        watch()
    assert [record.levelname for record in caplog.records if "Nothing is judged" in record.message] == [
        "WARNING"
    ]


def test_records_are_kept_for_35_days():
    now = int(time.time() * 1000)
    for days in (36, 34):
        EvaluationRecord.objects.create(interval=60, slot=now - days * DAY_MS, packed=b"")
    prune_evaluations()
    assert EvaluationRecord.objects.get().slot == now - 34 * DAY_MS
