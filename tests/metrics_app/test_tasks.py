"""What Celery runs, and that migrate has told beat so."""

import logging
import time

import pytest
from django.core import mail
from django.core.management import call_command
from django_celery_beat.models import PeriodicTask

from metrics_app.models import Breach, EvaluationRecord
from metrics_app.schedule import register_tasks
from metrics_app.tasks import prune_evaluations, send_notices, watch
from tests.metrics_app.telling import happen, make_receiver, open_breach
from tests.metrics_app.watching import HOUR, make_threshold, send

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


def test_notices_are_sent_from_the_slow_queue_each_second(base):
    task = PeriodicTask.objects.get(task="metrics_app.tasks.send_notices")
    assert (task.interval.every, task.interval.period) == (1, "seconds")
    assert (task.expire_seconds, task.queue) == (1, "slow")
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


def test_migrate_registers_the_tasks_once_and_keeps_what_people_changed():
    task = PeriodicTask.objects.get(task="metrics_app.tasks.watch")
    assert (task.interval.every, task.interval.period, task.expire_seconds, task.queue) == (
        1,
        "seconds",
        1,
        "watch",
    )
    assert PeriodicTask.objects.get(task="metrics_app.tasks.prune_evaluations").crontab.hour == "3"
    PeriodicTask.objects.filter(pk=task.pk).update(enabled=False)
    register_tasks(using="default")
    call_command("migrate", verbosity=0)
    assert PeriodicTask.objects.get(task="metrics_app.tasks.watch").enabled is False
