"""The rows of beat."""

import pytest
from django.apps import apps
from django_celery_beat.models import PeriodicTask

from pipelines_app.schedule import EXPIRE, register_tasks

pytestmark = pytest.mark.django_db


def test_it_is_there_after_migrate_and_goes_to_the_slow_queue():
    task = PeriodicTask.objects.get(name=EXPIRE)
    assert (task.task, task.queue, task.expire_seconds) == ("pipelines_app.tasks.expire", "slow", 5)


def test_it_is_made_once_and_keeps_what_an_administrator_changed():
    PeriodicTask.objects.filter(name=EXPIRE).update(enabled=False)
    register_tasks(using="default")
    assert not PeriodicTask.objects.get(name=EXPIRE).enabled


def test_it_is_made_again_where_it_is_missing():
    PeriodicTask.objects.filter(name=EXPIRE).delete()
    register_tasks(using="default")
    assert PeriodicTask.objects.filter(name=EXPIRE).count() == 1


def test_it_does_without_beat_in_a_project_that_has_none(monkeypatch):
    PeriodicTask.objects.filter(name=EXPIRE).delete()
    monkeypatch.setattr(apps, "is_installed", lambda name: False)
    register_tasks(using="default")
    assert not PeriodicTask.objects.filter(name=EXPIRE).exists()
